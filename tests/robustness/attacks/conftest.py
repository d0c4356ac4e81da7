"""Real networks to attack: one trained on handwritten digits, and one of straight lines."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sensorium.robustness.attacks.adam import Adam
from sensorium.robustness.classifier import LabelledData


class SmallNet(nn.Module):
    """Three convolutions; with ``bits`` its activations are quantised, straight through."""

    def __init__(self, channels: int = 1, classes: int = 10, bits: int = 0) -> None:
        super().__init__()
        self.classes = tuple(map(str, range(classes)))
        self.bits = bits
        widths = (channels, 16, 24, 32)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=s, padding=1)
            for a, b, s in zip(widths, widths[1:], (1, 2, 1), strict=False)
        )
        self.head = nn.Linear(32, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for convolution in self.convolutions:
            x = convolution(x).relu().clamp(max=2)
            if self.bits:
                levels = (2**self.bits - 1) / 2
                x = x + ((x * levels).round() / levels - x).detach()
        return self.head(x.mean((2, 3)))


@pytest.fixture(scope="session")
def digits() -> tuple[LabelledData, LabelledData]:
    """Handwritten digits, 8 x 8: to train on and to test on."""
    from sklearn.datasets import load_digits

    raw = load_digits()
    x = torch.tensor(raw.images, dtype=torch.float32)[:, None] / 16
    y = torch.tensor(raw.target, dtype=torch.int64)
    names = tuple(map(str, range(10)))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train, test = order[:1297], order[1297:]
    return LabelledData(x[train], y[train], names), LabelledData(x[test], y[test], names)


def trained(data: LabelledData, bits: int = 0) -> SmallNet:
    """About a second of training."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = SmallNet(bits=bits)
        adams = [(p, Adam(p, 0.01)) for p in net.parameters()]
        for epoch in range(15):
            order = torch.randperm(len(data), generator=torch.Generator().manual_seed(epoch))
            for index in order.split(128):
                loss = F.cross_entropy(net(data.x[index]), data.y[index])
                gradients = torch.autograd.grad(loss, [p for p, _ in adams])
                with torch.no_grad():
                    for (p, adam), gradient in zip(adams, gradients, strict=True):
                        p += adam.step(gradient)
    return net.eval()


@pytest.fixture(scope="session")
def net(digits) -> SmallNet:
    return trained(digits[0])


@pytest.fixture(scope="session")
def coarse(digits) -> SmallNet:
    """Two bits."""
    return trained(digits[0], bits=2)


@pytest.fixture(scope="session")
def some(net, digits) -> LabelledData:
    """Test digits that the network knows."""
    test = digits[1]
    known = (net(test.x).argmax(1) == test.y).nonzero().flatten()[:100]
    return LabelledData(test.x[known], test.y[known], test.classes)


class Lines(nn.Module):
    """Logits that are linear in the pixels, so that the best attack is known."""

    def __init__(self, shape: tuple[int, ...], classes: int = 3) -> None:
        super().__init__()
        self.classes = tuple("abcdefgh"[:classes])
        generator = torch.Generator().manual_seed(2)
        self.weight = nn.Parameter(torch.randn(classes, *shape, generator=generator))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weight.flatten(1).T


@pytest.fixture
def lines() -> Lines:
    return Lines((3, 4, 4))
