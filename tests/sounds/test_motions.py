"""The networks of The Sound of Motions at small size."""

from dataclasses import replace

import pytest
import torch

from sensorium.layers.unet import UNetConfig
from sensorium.sounds.motions import (
    Fusion,
    MotionNet,
    MotionNetConfig,
    MotionPlayer,
    MotionsConfig,
    literal,
)

SMALL = MotionsConfig(
    trunk="resnet_tiny",
    width=0.25,
    motion=MotionNetConfig((6, 8), (2, 2), (1, 1), (3, 3)),
    pixels=3.0,
    frames_stride=2,
    channels=10,
    sound=UNetConfig(4, 4, 1, time_levels=2),
)


def _inputs(pictures=9, size=32, grid=16):
    torch.manual_seed(0)
    return torch.randn(2, pictures, 3, size, size), torch.randn(2, pictures - 1, 2, grid, grid)


def _player(config=SMALL):
    torch.manual_seed(0)
    return MotionPlayer(config).eval()


def test_motion_keeps_time_unless_told_otherwise():
    moved = torch.randn(1, 2, 24, 16, 16)
    config = MotionNetConfig((4, 6, 8), (2, 2, 1), (1, 1, 1), (5, 3, 3))
    assert MotionNet(config, 2)(moved).shape == (1, 8, 24, 4, 4)
    assert MotionNet(replace(config, time=(2, 1, 2)), 2)(moved).shape == (1, 8, 6, 4, 4)


def test_bottlenecks_of_the_default_and_of_the_literal_network():
    """Of 192 frames (three seconds) the paper's strides leave 3 moments, ours 24: 8 a second."""
    heard = torch.zeros(1, 1, 64, 192)
    for config, steps in ((MotionsConfig(), 24), (literal(), 3)):
        narrow = replace(config.sound, width=2)
        player = _player(replace(SMALL, sound=narrow))
        assert player.hear(heard)[-1].shape[-1] == steps
    assert literal().motion.time.count(2) == 3


@pytest.mark.parametrize(
    ("cue", "steps"),
    [
        ("trajectory", 8),
        ("flow", 8),
        ("frames", 9),
        ("picture", 1),
    ],
)
def test_what_each_cue_sees(cue, steps):
    player = _player(replace(SMALL, cue=cue))
    pictures, flow = _inputs()
    needed = flow if cue in ("trajectory", "flow") else None
    maps = player.see(pictures, needed)
    assert maps.shape == (2, 10, steps, 4, 4)
    assert (player.motion is None) == (cue == "picture")
    other = pictures.clone()
    other[:, 4] += 1.0
    same = torch.equal(maps, player.see(other, needed))
    assert same == (cue != "frames")  # only multi-frame RGB looks at later pictures


def test_flow_is_needed_and_said():
    with pytest.raises(ValueError, match="needs flow fields"):
        _player().see(_inputs()[0])


def test_fusion_is_gate_times_motion_beside_appearance():
    torch.manual_seed(0)
    fusion = Fusion(3, 4, 5, attention=True).eval()
    still, moves = torch.randn(1, 3, 4, 4), torch.randn(1, 4, 6, 4, 4)
    gate = torch.sigmoid(
        torch.einsum("oc,bchw->bohw", fusion.gate.weight[..., 0, 0], still)
        + fusion.gate.bias.view(1, 1, 1, 1)
    )
    joined = torch.cat([still[:, :, None].expand(-1, -1, 6, -1, -1), moves * gate[:, :, None]], 1)
    expected = fusion.over_space(torch.relu(fusion.norm(fusion.over_time(joined))))
    assert torch.allclose(fusion(still, moves), expected, atol=1e-5)
    assert Fusion(3, 4, 5, attention=False).gate is None


def test_without_conditioning_all_sources_get_the_same_mask():
    """FiLM starts as the identity: the networks begin as the U-Net alone."""
    player = _player()
    features = player.hear(torch.randn(2, 1, 32, 20))
    logits = player.decode(torch.randn(2, 3, 10, 8), features, 20)
    assert logits.shape == (2, 3, 32, 20)
    assert torch.equal(logits[:, 0], logits[:, 1])


def _alive(player):
    torch.manual_seed(1)
    for layer in (player.film.gamma, player.film.beta):
        torch.nn.init.normal_(layer.weight, 0.0, 0.5)
    return player


def test_each_source_is_decoded_by_its_own_feature():
    player = _alive(_player())
    features = player.hear(torch.randn(2, 1, 32, 16))
    visual = torch.randn(2, 2, 10, 8)
    logits = player.decode(visual, features, 16)
    alone = player.decode(visual[1:, :1], [f[1:] for f in features], 16)
    assert torch.allclose(logits[1, 0], alone[0, 0], atol=1e-5)
    assert not torch.allclose(logits[1, 0], logits[1, 1], atol=1e-3)


def test_padding_does_not_move_the_moments():
    """20 frames are padded to the grid of 4; a condition's last moment stays at the last frames."""
    player = _alive(_player(replace(SMALL, sound=UNetConfig(3, 4, 1, time_levels=2))))
    heard = torch.randn(1, 1, 32, 18)
    features = player.hear(heard)
    assert features[-1].shape[-1] == 5
    steady = player.decode(torch.ones(1, 1, 10, 5), features, 18)
    assert torch.allclose(steady, player.decode(torch.ones(1, 1, 10, 1), features, 18), atol=1e-5)


@pytest.mark.parametrize("what", ["motion", "appearance"])
def test_ablated_features_do_not_matter_any_more(what):
    player = _player()
    pictures, flow = _inputs()
    whole = player.see(pictures, flow)
    with player.ablated([what]):
        gone = player.see(pictures, flow)
        other = (
            player.see(pictures, flow + 1.0) if what == "motion" else player.see(-pictures, flow)
        )
    assert torch.equal(gone, other)
    assert not torch.allclose(gone, whole)
    assert torch.equal(player.see(pictures, flow), whole)  # outside nothing is missing


def test_time_averaged_is_the_mean():
    player = _player()
    pictures, flow = _inputs()
    whole = player.see(pictures, flow)
    with player.ablated(["time"]):
        assert torch.allclose(player.see(pictures, flow), whole.mean(2, keepdim=True), atol=1e-6)
    forgetful = MotionPlayer(replace(SMALL, average_time=True)).eval()
    forgetful.load_state_dict(player.state_dict())
    assert torch.allclose(forgetful.see(pictures, flow), whole.mean(2, keepdim=True), atol=1e-6)


def test_unknown_ablation_and_uneven_layers_are_said():
    with pytest.raises(ValueError, match="ablations are"), _player().ablated(["sound"]):
        pass
    with pytest.raises(ValueError, match="one number per layer"):
        MotionNetConfig(widths=(4, 4))


def test_gradients_reach_flow_and_pictures():
    player = _alive(_player()).train()
    pictures, flow = _inputs()
    flow.requires_grad_()
    visual = player.see(pictures, flow).amax((-2, -1))[:, None]
    player.decode(visual, player.hear(torch.randn(2, 1, 32, 16)), 16).square().mean().backward()
    assert float(flow.grad.abs().sum()) > 0
    assert all(p.grad is not None for p in player.parameters())
