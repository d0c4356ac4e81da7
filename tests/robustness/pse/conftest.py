"""Small networks whose contributions and maps are known in closed form."""

import pytest
import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """Logits are a linear function of the pixels: every contribution is its weight times change."""

    def __init__(self, shape: tuple[int, ...], classes: int = 3) -> None:
        super().__init__()
        self.head = nn.Linear(int(torch.tensor(shape).prod()), classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(x.flatten(1))
        return logits


class Pooled(nn.Module):
    """Convolutions, mean over all places, linear layer; the ReLU is a function, not a module."""

    def __init__(self, classes: int = 3, temperature: float = 1.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 8, 3, 2, 1)
        self.fc = nn.Linear(8, classes)
        self.temperature = temperature

    def maps(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.conv1(x)))
        return torch.relu_(self.conv2(x))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.maps(x).mean((2, 3)))
        return self.temperature * logits


class PooledClips(Pooled):
    """The same on each frame of a clip; its logits are the frames' mean."""

    def forward(self, x: Tensor) -> Tensor:
        batch, time = x.shape[:2]
        features = self.maps(x.flatten(0, 1)).mean((2, 3)).view(batch, time, -1)
        return self.fc(features).mean(1)  # type: ignore[no-any-return]


class Volumes(nn.Module):
    """Three-dimensional convolutions over a clip."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 5, 3, (2, 1, 1), 1)
        self.fc = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = (x.flatten(0, 1) - 0.5).view(x.shape)  # frame by frame, as normalisation is
        maps = torch.relu(self.conv(x.transpose(1, 2)))  # [B, T, C, H, W] -> [B, D, t, H, W]
        return self.fc(maps.mean((2, 3, 4)))  # type: ignore[no-any-return]


class Convolutional(nn.Module):
    """No linear layer: a map for each class, whose mean is the logit."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).mean((2, 3))  # type: ignore[no-any-return]


class Flattened(Pooled):
    """Without pooling: no class activation maps."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8 * 4 * 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.maps(x).flatten(1))
        return logits


def seeded(kind: type[nn.Module], *arguments: object, **named: object) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(*arguments, **named).eval()


@pytest.fixture
def linear() -> nn.Module:
    return seeded(Linear, (3, 6, 8))


@pytest.fixture
def pooled() -> nn.Module:
    return seeded(Pooled)


@pytest.fixture
def warm() -> nn.Module:
    return seeded(Pooled, temperature=7.0)


@pytest.fixture
def clips() -> nn.Module:
    return seeded(PooledClips)


@pytest.fixture
def volumes() -> nn.Module:
    return seeded(Volumes)


@pytest.fixture
def convolutional() -> nn.Module:
    return seeded(Convolutional)


@pytest.fixture
def flattened() -> nn.Module:
    return seeded(Flattened)


@pytest.fixture
def noise() -> torch.Generator:
    return torch.Generator().manual_seed(1)
