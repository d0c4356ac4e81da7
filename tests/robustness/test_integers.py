"""Integer networks against the simulated ones that they come from."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from sensorium.robustness.integers import (
    IntegerActivation,
    IntegerConv,
    IntegerRange,
    folded,
    integer_network,
)
from sensorium.robustness.network import PictureNetwork
from sensorium.robustness.quantiser import ActivationQuantiser, quantise_weights
from sensorium.robustness.systems import DQConfig, network
from sensorium.seeds import torch_generator

EIGHT = tuple("abcdefgh")
BASE = DQConfig("small", 5, 8, EIGHT, bits=8)
KINDS = {
    "small": BASE,
    "no norm": replace(BASE, norm="none", clip=1.0, scale=16.0),
    "means": replace(BASE, norm="mean", gain=1.4, clip=1.0),
    "resnet": replace(BASE, network="resnet", depth=8, convex=True),
    "wide_resnet": replace(BASE, network="wide_resnet", depth=10, width=1),
    "vgg": replace(BASE, network="vgg", depth=11, width=8),
}


def image(count: int = 16) -> torch.Tensor:
    shape = (count, 3, 32, 32)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch_generator(0, "image"))


def made(config: DQConfig, weight_bits: int = 0) -> PictureNetwork:
    """With statistics as after training."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = network(config).train()
        quantise_weights(net, weight_bits)
        with torch.no_grad():
            for _ in range(30):
                net(image().float() / 255)
        return net.eval()


@pytest.mark.parametrize("bits", range(1, 9))
def test_levels_are_those_of_the_simulation(bits: int) -> None:
    quantiser = ActivationQuantiser(bits, 2.0)
    x = torch.randn(5000, generator=torch_generator(0, "x")) * 2
    simulated, real = quantiser(x), IntegerActivation(quantiser)(x)
    same = torch.isclose(simulated, real, atol=1e-5)
    assert float(same.float().mean()) > 0.999  # the rest lie on an edge
    assert len(real.unique()) == 2**bits


def test_a_norm_is_folded_into_its_convolution() -> None:
    conv, norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4).eval()
    norm.running_mean.uniform_(-1, 1)  # type: ignore[union-attr]
    norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.uniform_(norm.bias)
    x = torch.rand(2, 3, 8, 8)
    weight, bias = folded(conv, norm)
    expected = norm(conv(x)).detach()
    assert torch.allclose(nn.functional.conv2d(x, weight, bias), expected, atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_with_eight_bits_integers_are_close(name: str) -> None:
    net = made(KINDS[name])
    x = image()
    before = net(x.float() / 255).detach()
    ours = integer_network(net, [x])(x)
    assert 0 < float((ours - before).norm() / before.norm()) < 0.12
    assert torch.equal(net(x.float() / 255), before), "the network itself was changed"


def test_plain_networks_need_no_pictures_residual_ones_do() -> None:
    plain = integer_network(made(BASE))
    assert not [m for m in plain.modules() if isinstance(m, IntegerRange)]
    assert not [m for m in plain.modules() if isinstance(m, nn.BatchNorm2d | nn.Conv2d)]
    with pytest.raises(ValueError, match="needs pictures to set the ranges"):
        integer_network(made(KINDS["resnet"]))


def test_weights_trained_in_few_bits_are_exact() -> None:
    net = made(BASE, weight_bits=3)
    ours = integer_network(net, weight_bits=3)
    convs = [m for m in ours.modules() if isinstance(m, IntegerConv)]
    assert max(int(c.weight.abs().max()) for c in convs) == 3
    x = image()
    before = net(x.float() / 255).detach()
    rough = integer_network(made(BASE))(x)
    assert rough.shape == before.shape
    assert float((ours(x) - before).norm() / before.norm()) < 0.02


def test_ranges_hold_what_they_saw() -> None:
    one = IntegerRange().train()
    x = torch.linspace(-1, 3, 1001)
    assert torch.equal(one(x), x)
    rounded = one.eval()(x)
    assert len(rounded.unique()) == 256
    assert float((rounded - x).abs().max()) <= 4 / 255 * 0.51 + 1e-6
    assert float(one(torch.tensor([9.0]))) == pytest.approx(3, abs=0.02)


def test_floats_are_refused() -> None:
    with pytest.raises(ValueError, match="activations of this network are floats"):
        integer_network(made(replace(BASE, bits=0)))
