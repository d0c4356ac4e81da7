"""The U-Net that analyses spectrograms (The Sound of Pixels, arXiv:1804.03160, released code).

Down: LeakyReLU, 4x4 convolution of stride 2, batch norm. Up: ReLU, bilinear upsampling, 3x3
convolution, batch norm. Skips join the encoder's feature and the decoder's. The first level has no
activation before its convolution and no norm, the innermost no norm, and the last convolution
gives the channels, without activation. Ours can keep the time axis from some level on
(``time_levels``), for what has to follow single notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class UNetConfig:
    """Shape of an audio U-Net.

    Attributes:
        levels: of halving.
        width: channels of the first level; doubled at each of the next three.
        channels: of the output (K).
        time_levels: levels that halve time as well as frequency; the later ones halve frequency
            alone. ``None``: all.
    """

    levels: int = 7
    width: int = 64
    channels: int = 32
    time_levels: int | None = None

    def features(self, level: int) -> int:
        """Channels of an encoder level's output."""
        return self.width * min(1 << level, 8)

    def time_stride(self, level: int) -> int:
        """By how much a level shortens time."""
        return 2 if self.time_levels is None or level < self.time_levels else 1

    @property
    def grid(self) -> tuple[int, int]:
        """What the input's frequencies and frames must be multiples of."""
        frames = self.levels if self.time_levels is None else self.time_levels
        return 1 << self.levels, 1 << frames


class AudioUNet(nn.Module):
    """A spectrogram's K feature maps at its own resolution.

    Shape:
        ``[B, 1, F, T] -> [B, channels, F, T]``, ``F`` and ``T`` multiples of ``config.grid``.

    Example:
        >>> AudioUNet(UNetConfig(levels=5, width=4, channels=3))(torch.zeros(2, 1, 64, 32)).shape
        torch.Size([2, 3, 64, 32])
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        last = config.levels - 1
        self.norm = nn.BatchNorm2d(1)
        self.down, self.down_norm = nn.ModuleList(), nn.ModuleList()
        self.up, self.up_norm = nn.ModuleList(), nn.ModuleList()
        for level in range(config.levels):
            width = config.features(level)
            below = 1 if level == 0 else config.features(level - 1)
            stride = config.time_stride(level)
            time = 4 if stride == 2 else 3
            self.down.append(nn.Conv2d(below, width, (4, time), (2, stride), 1, bias=False))
            self.down_norm.append(nn.BatchNorm2d(width) if 0 < level < last else nn.Identity())
            joined = width if level == last else 2 * width
            out = config.channels if level == 0 else below
            self.up.append(nn.Conv2d(joined, out, 3, padding=1, bias=level == 0))
            self.up_norm.append(nn.Identity() if level == 0 else nn.BatchNorm2d(out))

    def initialise_as_published(self) -> None:
        """Weights from N(0, 0.001), norms from N(1, 0.02), as the released code begins."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.001)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)
                nn.init.zeros_(module.bias)

    def encode(self, x: Float[Tensor, "B 1 F T"]) -> list[Tensor]:
        """The output of every level, the last of which is the bottleneck.

        Raises:
            ValueError: when frequencies or frames are no multiples of ``config.grid``.
        """
        rows, frames = self.config.grid
        if x.shape[-2] % rows or x.shape[-1] % frames:
            raise ValueError(
                f"this U-Net needs frequencies in multiples of {rows} and frames in multiples of "
                f"{frames}, got {x.shape[-2]} x {x.shape[-1]}; pad the spectrogram"
            )
        h = self.down[0](self.norm(x))
        features = [h]
        for conv, norm in zip(self.down[1:], self.down_norm[1:], strict=True):
            h = norm(conv(F.leaky_relu(h, 0.2)))
            features.append(h)
        return features

    def decode(self, features: Sequence[Tensor]) -> Float[Tensor, "B K F T"]:
        """The maps from what `encode` gave (the bottleneck may have been changed between)."""
        h = features[-1]
        for level in range(self.config.levels - 1, -1, -1):
            if level < self.config.levels - 1:
                h = torch.cat([features[level], h], 1)
            scale = (2.0, float(self.config.time_stride(level)))
            h = F.interpolate(F.relu(h), scale_factor=scale, mode="bilinear", align_corners=True)
            h = self.up_norm[level](self.up[level](h))
        return h

    def forward(self, x: Float[Tensor, "B 1 F T"]) -> Float[Tensor, "B K F T"]:
        """The maps of a spectrogram."""
        return self.decode(self.encode(x))
