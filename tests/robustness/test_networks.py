"""The networks: published sizes, quantised everywhere, maps and weights that give the logits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sensorium.robustness.quantiser import quantisers
from sensorium.robustness.systems import DQConfig, network
from sensorium.seeds import torch_generator

TEN = tuple("0123456789")
CONFIGS = {
    "small": DQConfig("small", 5, 8, TEN, size=32),
    "resnet": DQConfig("resnet", 8, 8, TEN, convex=True),
    "wide_resnet": DQConfig("wide_resnet", 10, 1, TEN, convex=True),
    "vgg": DQConfig("vgg", 11, 4, TEN),
    "small without norms": DQConfig("small", 5, 8, TEN, norm="none", scale=16.0),
    "small with means": DQConfig("small", 5, 8, TEN, norm="mean", gain=1.4, clip=1.0),
    "wide_resnet without norms": DQConfig("wide_resnet", 10, 1, TEN, norm="none"),
}


def pictures(size: int = 32) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch_generator(0, "pictures"))


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_wide_resnets_have_the_published_sizes() -> None:
    assert parameters(network(DQConfig("wide_resnet", 28, 10, TEN))) == 36_479_194
    assert parameters(network(DQConfig("wide_resnet", 16, 4, TEN))) == 2_748_890


def test_vgg_and_resnet_have_the_published_sizes() -> None:
    """VGG-16 without the convolutions' biases, which batch normalisation makes useless."""
    assert parameters(network(DQConfig("vgg", 16, 64, TEN))) == 14_728_266 - 4_224
    resnet = parameters(network(DQConfig("resnet", 20, 16, TEN)))
    assert resnet == 269_722 + 512 + 2_048 + 64 + 128  # 1x1 shortcuts and their norms


@pytest.mark.parametrize("name", CONFIGS)
def test_logits_are_the_maps_means_times_the_weights(name: str) -> None:
    net = network(CONFIGS[name]).eval()
    x = pictures()
    maps = net.features(x)
    expected = maps.mean((2, 3)) @ net.head.scaled.T + net.head.bias
    assert torch.allclose(net(x), expected, atol=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_convolution_but_the_first_takes_quantised_values(name: str) -> None:
    net = network(CONFIGS[name]).eval()
    inputs: list[Tensor] = []
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.in_channels != 3:
            module.register_forward_pre_hook(lambda _m, given: inputs.append(given[0].detach()))
    net(pictures())
    assert len(inputs) > 3
    step = next(q for _, q in quantisers(net)).step
    for values in inputs:
        levels = values / step
        assert torch.allclose(levels, levels.round(), atol=1e-4)
        assert 0 <= float(levels.min()) <= float(levels.max()) <= 15.001


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("size", [8, 20])
def test_other_sizes_work(name: str, size: int) -> None:
    given = network(CONFIGS[name]).eval()(pictures(size)).detach()
    assert given.shape == (2, 10)
    assert bool(torch.isfinite(given).all())


def test_a_network_without_norms_starts_orthogonal() -> None:
    net = network(CONFIGS["small without norms"])
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            singular = torch.linalg.svdvals(module.weight.flatten(1))
            assert torch.allclose(singular, torch.ones_like(singular), atol=1e-5)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (DQConfig("wide_resnet", 20, 1), "depth 10, 16, 22, 28"),
        (DQConfig("vgg", 12), "depth 11, 13, 16 or 19"),
        (DQConfig("resnet", 18), "depth 8, 14, 20"),
        (DQConfig("small", 2), "depth of at least 4"),
        (DQConfig("transformer"), "network must be small"),  # type: ignore[arg-type]
        (DQConfig("small", bits=9), "bits must be 1 to 8"),
        (DQConfig("small", norm="group"), "norm must be batch, mean or none"),  # type: ignore[arg-type]
    ],
)
def test_wrong_shapes_are_one_line(config: DQConfig, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        network(config)
    assert "\n" not in str(caught.value)
