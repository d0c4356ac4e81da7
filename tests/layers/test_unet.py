"""The audio U-Net: published sizes, grids, and time that is kept."""

import pytest
import torch

from sensorium.layers.unet import AudioUNet, UNetConfig


@pytest.mark.parametrize(
    ("levels", "parameters"), [(7, 30_274_210), (6, 21_359_266), (5, 12_444_322)]
)
def test_published_parameter_counts(levels, parameters):
    with torch.device("meta"):
        network = AudioUNet(UNetConfig(levels=levels))
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_shapes_at_every_level():
    network = AudioUNet(UNetConfig(levels=5, width=2, channels=3))
    features = network.encode(torch.zeros(1, 1, 64, 32))
    assert [tuple(f.shape[1:]) for f in features] == [
        (2, 32, 16),
        (4, 16, 8),
        (8, 8, 4),
        (16, 4, 2),
        (16, 2, 1),
    ]
    assert network.decode(features).shape == (1, 3, 64, 32)


def test_time_can_be_kept_from_some_level_on():
    config = UNetConfig(levels=4, width=2, channels=3, time_levels=2)
    assert config.grid == (16, 4)
    network = AudioUNet(config)
    assert network.encode(torch.zeros(1, 1, 16, 12))[-1].shape == (1, 16, 1, 3)
    assert network(torch.zeros(1, 1, 16, 12)).shape == (1, 3, 16, 12)


@pytest.mark.parametrize("shape", [(24, 16), (16, 20)])
def test_a_grid_that_does_not_fit_is_one_line(shape):
    network = AudioUNet(UNetConfig(levels=4, width=2))
    with pytest.raises(ValueError, match="multiples of 16 and frames in multiples of 16") as caught:
        network(torch.zeros(1, 1, *shape))
    assert "\n" not in str(caught.value)


def test_skips_are_the_encoder_s_then_the_decoder_s():
    network = AudioUNet(UNetConfig(levels=2, width=2, channels=1)).eval()
    features = network.encode(torch.rand(1, 1, 8, 8))
    with torch.no_grad():
        network.up[0].weight[:, :2] = 0.0  # the encoder's half of the last convolution
    changed = [features[0] + 5.0, features[1]]
    assert torch.equal(network.decode(features), network.decode(changed))
    with torch.no_grad():
        network.up[0].weight[:, :2] = 1.0
    assert not torch.allclose(network.decode(features), network.decode(changed))


def test_norms_and_biases_are_where_they_were_published():
    network = AudioUNet(UNetConfig(levels=5, width=2))
    names = set(network.state_dict())
    normed = {n.split(".")[1] for n in names if n.startswith("down_norm")}
    assert normed == {"1", "2", "3"}
    assert {n for n in names if n.startswith("up.") and n.endswith("bias")} == {"up.0.bias"}
    assert not any(n.startswith("up_norm.0") for n in names)
    assert not any(n.startswith("down.") and n.endswith("bias") for n in names)


def test_the_published_beginning():
    torch.manual_seed(0)
    network = AudioUNet(UNetConfig(levels=5, width=16))
    network.initialise_as_published()
    state = network.state_dict()
    assert float(state["down.3.weight"].std()) == pytest.approx(0.001, rel=0.1)
    assert float(state["up_norm.3.weight"].mean()) == pytest.approx(1.0, abs=0.02)
    assert float(state["up_norm.3.bias"].abs().max()) == 0.0
