"""PixelPlayer's networks (The Sound of Pixels, Zhao et al., ECCV 2018, arXiv:1804.03160).

A dilated ResNet gives K feature maps of each picture, a U-Net K feature maps of the mixture's
log-spectrogram, and a linear synthesizer weighs the second by a pixel's (or, in training, the
max-pooled) values of the first: the mask of what sounds there. Layers follow the released code;
sigmoids are taken where they are needed, since losses want logits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from sensorium.layers.resnet import RESNETS, ResNet, ResNetConfig
from sensorium.layers.unet import AudioUNet, UNetConfig


@dataclass(frozen=True)
class PixelsConfig:
    """Shape of the three networks.

    Attributes:
        trunk: of the video network, a key of ``layers.resnet.RESNETS``.
        width: factor on the trunk's width.
        undone: strides of the trunk's last stages replaced by dilation (1 in the paper: maps are a
            sixteenth of the picture).
        sound: the U-Net; its ``channels`` are K.
        pooling: of the maps over pictures and places: ``max`` in the paper, ``average`` an option
            of the released code.
        standardise: whether pooled values go through a batch norm per channel before the sigmoid.
            Ours, for trunks that are not pre-trained: without it all pictures look alike at first
            and learning stands still for long.
        published_init: begin the U-Net from N(0, 0.001) as the released code, not from PyTorch's.
    """

    trunk: str = "resnet18"
    width: float = 1.0
    undone: int = 1
    sound: UNetConfig = field(default_factory=UNetConfig)
    pooling: Literal["max", "average"] = "max"
    standardise: bool = False
    published_init: bool = True


def trunk_of(name: str, width: float = 1.0, undone: int = 0) -> ResNetConfig:
    """A named ResNet's shape, narrower or finer.

    Raises:
        ValueError: for an unknown name.
    """
    if name not in RESNETS:
        raise ValueError(f"unknown trunk {name!r}; expected one of {', '.join(RESNETS)}")
    shape = RESNETS[name]
    return ResNetConfig(
        shape.blocks,
        shape.block,
        width=max(1, round(shape.width * width)),
        stem=shape.stem,
        undone=undone,
    )


class VideoNet(nn.Module):
    """A picture's K feature maps: dilated ResNet and a 3x3 convolution.

    Shape:
        ``[N, 3, H, W] -> [N, K, H / 16, W / 16]`` with the paper's trunk.
    """

    def __init__(self, trunk: ResNetConfig, channels: int) -> None:
        super().__init__()
        self.trunk = ResNet(trunk)
        self.last = nn.Conv2d(trunk.features, channels, 3, padding=1)

    def forward(self, pictures: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N K h w"]:
        """The maps, without activation."""
        maps: Tensor = self.last(self.trunk(pictures))
        return maps


class Synthesizer(nn.Module):
    """``logit = sum_k scale_k * v_k * s_k + bias``.

    Shape:
        visual ``[B, S, K]``, sound ``[B, K, F, T]``; logits ``[B, S, F, T]``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(
        self, visual: Float[Tensor, "B S K"], sound: Float[Tensor, "B K F T"]
    ) -> Float[Tensor, "B S F T"]:
        """The masks' logits of S places."""
        return torch.einsum("bsk,bkft->bsft", visual * self.scale, sound) + self.bias

    def terms(
        self, visual: Float[Tensor, "B K"], sound: Float[Tensor, "B K F T"]
    ) -> Float[Tensor, "B K F T"]:
        """Each channel's part of the logits, with the bias: what a channel stands for."""
        weights = (visual * self.scale)[:, :, None, None]
        return weights * sound + self.bias


class PixelPlayer(nn.Module):
    """The three networks together."""

    def __init__(self, config: PixelsConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.sound.channels
        self.video = VideoNet(trunk_of(config.trunk, config.width, config.undone), channels)
        self.sound = AudioUNet(config.sound)
        if config.published_init:
            self.sound.initialise_as_published()
        self.synthesizer = Synthesizer(channels)
        self.standard = nn.BatchNorm1d(channels) if config.standardise else None
        if self.standard is not None:
            nn.init.constant_(self.standard.weight, 2.0)

    def standardised(self, visual: Float[Tensor, "*B K"]) -> Float[Tensor, "*B K"]:
        """Pooled values, or a pixel's, per channel relative to what is usual, if so configured.

        The norm's factors are the same everywhere, so that a pixel and a pooled picture compare.
        """
        if self.standard is None:
            return visual
        flat: Tensor = self.standard(visual.float().flatten(0, -2))  # [..., K] -> [N, K]
        return flat.view(visual.shape)  # [N, K] -> [..., K]

    def see(self, pictures: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B K h w"]:
        """Maps of a clip: the maximum (or mean) over its pictures, before the sigmoid."""
        flat: Tensor = self.video(pictures.flatten(0, 1))
        maps = flat.view(*pictures.shape[:2], *flat.shape[1:])  # [B*T, ...] -> [B, T, K, h, w]
        return maps.mean(1) if self.config.pooling == "average" else maps.amax(1)

    def hear(self, log_magnitude: Float[Tensor, "B 1 F T"]) -> Float[Tensor, "B K F T"]:
        """Maps of a mixture; frames are padded to what the U-Net needs and cut again."""
        return padded(self.sound, log_magnitude)


def padded(unet: AudioUNet, log_magnitude: Float[Tensor, "B 1 F T"]) -> Float[Tensor, "B K F T"]:
    """The U-Net's maps of any number of frames: the last frame is repeated up to its grid."""
    frames = log_magnitude.shape[-1]
    missing = -frames % unet.config.grid[1]
    maps: Tensor = unet(F.pad(log_magnitude, (0, missing, 0, 0), mode="replicate"))
    return maps[..., :frames]
