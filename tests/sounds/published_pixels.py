"""The Sound of Pixels' networks as published, rebuilt from the facts of the release.

Nested modules whose parameters have the published names, activations in place, pooling over
pictures and places together.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

UP = {"scale_factor": 2, "mode": "bilinear", "align_corners": True}


class PublishedBlock(nn.Module):
    """One level with all deeper ones inside it."""

    def __init__(self, widths: list[int], out: int, inner: nn.Module | None, level: int) -> None:
        super().__init__()
        below, width = widths[level], widths[level + 1]
        conv = nn.Conv2d(below, width, 4, 2, 1, bias=False)
        norm = nn.BatchNorm2d(out)
        if inner is None:
            up = nn.Conv2d(width, out, 3, padding=1, bias=False)
            parts = [nn.LeakyReLU(0.2, True), conv, nn.ReLU(True), nn.Upsample(**UP), up, norm]
        elif level == 0:
            up = nn.Conv2d(2 * width, out, 3, padding=1)
            parts = [conv, inner, nn.ReLU(True), nn.Upsample(**UP), up]
        else:
            up = nn.Conv2d(2 * width, out, 3, padding=1, bias=False)
            parts = [nn.LeakyReLU(0.2, True), conv, nn.BatchNorm2d(width), inner]
            parts += [nn.ReLU(True), nn.Upsample(**UP), up, norm]
        self.model = nn.Sequential(*parts)
        self.outermost = level == 0

    def forward(self, x: Tensor) -> Tensor:
        y = self.model(x)
        return y if self.outermost else torch.cat([x, y], 1)


class PublishedSound(nn.Module):
    def __init__(self, levels: int, channels: int, width: int = 64) -> None:
        super().__init__()
        self.bn0 = nn.BatchNorm2d(1)
        widths = [1] + [width * min(2**i, 8) for i in range(levels)]
        block = None
        for level in reversed(range(levels)):
            block = PublishedBlock(widths, widths[level] if level else channels, block, level)
        self.unet_block = block

    def forward(self, x: Tensor) -> Tensor:
        return self.unet_block(self.bn0(x))


class PublishedBasic(nn.Module):
    def __init__(self, below: int, width: int, stride: int, dilation: tuple[int, int]) -> None:
        super().__init__()
        a, b = dilation
        self.conv1 = nn.Conv2d(below, width, 3, stride, a, a, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, b, b, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        if below != width:
            short = nn.Conv2d(below, width, 1, stride, bias=False)
            self.downsample = nn.Sequential(short, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class PublishedFrame(nn.Module):
    def __init__(self, channels: int, dilated: bool, pool: str = "maxpool") -> None:
        super().__init__()
        self.pool = pool
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)]
        layers += [nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        for i, width in enumerate((64, 128, 256, 512)):
            last = dilated and i == 3
            stride = 1 if i == 0 or last else 2
            below = 64 if i == 0 else width // 2
            first = PublishedBasic(below, width, stride, (1, 2) if last else (1, 1))
            second = PublishedBasic(width, width, 1, (2, 2) if last else (1, 1))
            layers.append(nn.Sequential(first, second))
        self.features = nn.Sequential(*layers)
        self.fc = nn.Conv2d(512, channels, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """``[B, 3, T, H, W] -> [B, K]``, before the sigmoid."""
        maps = [self.fc(self.features(pictures[:, :, t])) for t in range(pictures.shape[2])]
        x = torch.stack(maps, 2)
        pool = F.adaptive_max_pool3d if self.pool == "maxpool" else F.adaptive_avg_pool3d
        return pool(x, 1).flatten(1)


class PublishedSynthesizer(nn.Module):
    def __init__(self, channels: int, kind: str = "linear") -> None:
        super().__init__()
        if kind == "linear":
            self.scale = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, visual: Tensor, sound: Tensor) -> Tensor:
        """``[B, K], [B, K, F, T] -> [B, F, T]``."""
        weights = visual * getattr(self, "scale", 1.0)
        batch, channels, rows, frames = sound.shape
        z = torch.bmm(weights[:, None], sound.reshape(batch, channels, -1))
        return z.reshape(batch, rows, frames) + self.bias


class Triple:
    """The three networks with random weights and statistics, and their files."""

    def __init__(
        self,
        levels: int = 5,
        channels: int = 3,
        *,
        dilated: bool = True,
        pool: str = "maxpool",
        kind: str = "linear",
    ) -> None:
        self.sound = PublishedSound(levels, channels).eval()
        self.frame = PublishedFrame(channels, dilated, pool).eval()
        self.synthesizer = PublishedSynthesizer(channels, kind)
        generator = torch.Generator().manual_seed(levels)
        for network in (self.sound, self.frame, self.synthesizer):
            for name, tensor in network.state_dict().items():
                if name.endswith("running_var"):
                    tensor.uniform_(0.5, 1.5, generator=generator)
                elif tensor.is_floating_point() and tensor.ndim < 2:
                    tensor.uniform_(-0.5, 1.0, generator=generator)

    def states(self) -> dict[str, dict[str, Tensor]]:
        parts = ("sound", "frame", "synthesizer")
        return {part: dict(getattr(self, part).state_dict()) for part in parts}

    def save(self, folder: Path, which: str = "best", prefix: str = "") -> Path:
        folder.mkdir(exist_ok=True)
        for part, state in self.states().items():
            named = {prefix + name: tensor for name, tensor in state.items()}
            torch.save(named, folder / f"{part}_{which}.pth")
        return folder
