"""StNet: a 2D ResNet over super-images, mixed along time twice (He et al., arXiv:1811.01549).

A clip is ``T`` snippets far apart, each of ``N`` consecutive frames stacked on the channel axis:
local motion is what the first convolution makes of a super-image. Two temporal modelling blocks
mix the snippets behind the second and third stage, a temporal Xception block mixes their pooled
features, and the maximum over snippets is classified.

The graph is that of the authors' Paddle release, whose parameter and MAC counts are the paper's.
The temporal modelling block comes in two versions, as the release and the paper's figure differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.actions.tsm import check_frames
from sensorium.layers.inflation import StemInit, inflate_stem
from sensorium.layers.mobilenet import divisible
from sensorium.layers.resnet import RESNETS, ResNet

Backbone = Literal["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet_tiny"]
TMB = Literal["released", "paper"]


@dataclass(frozen=True)
class StNetConfig:
    """What a `StNet` is built from.

    Attributes:
        backbone: the 2D ResNet; ``resnet_tiny`` has a basic block a stage, for small pictures.
        classes: number of classes.
        width: multiplier of the backbone's channel counts (``resnet_tiny`` starts at 16).
        snippet: ``N``, consecutive frames in a super-image.
        tmb: ``"released"`` is ``x + norm(relu(conv(x)))``; ``"paper"``, as the figure draws it, is
            ``relu(norm(conv(x)))`` with the mean over channels and taps as its first weights.
        stem_init: how `StNet.load_backbone` widens an RGB kernel to ``3N`` channels.
    """

    backbone: Backbone = "resnet50"
    classes: int = 400
    width: float = 1.0
    snippet: int = 5
    tmb: TMB = "released"
    stem_init: StemInit = "mean"

    def __post_init__(self) -> None:
        if self.backbone not in RESNETS:
            raise ValueError(f"backbone must be one of {', '.join(RESNETS)}, got {self.backbone!r}")
        if self.classes < 1 or self.snippet < 1:
            raise ValueError(
                f"classes and snippet must be at least 1, got {self.classes} and {self.snippet}"
            )
        if self.tmb not in ("released", "paper"):
            raise ValueError(f"tmb must be 'released' or 'paper', got {self.tmb!r}")


class TemporalModelling(nn.Module):
    """The temporal modelling block: a 3x1x1 convolution over snippets.

    Written as a 3x1 convolution of ``[B, C, T, H*W]``: the same sums, and two-dimensional kernels
    are what memory formats and 8-bit engines are made for.

    Shape:
        ``[B*T, C, H, W]``, ``T`` given at call -> the same.
    """

    def __init__(self, channels: int, variant: TMB) -> None:
        super().__init__()
        self.variant = variant
        self.conv = nn.Conv2d(channels, channels, (3, 1), padding=(1, 0))
        self.bn = nn.BatchNorm2d(channels)
        if variant == "released":
            nn.init.kaiming_uniform_(self.conv.weight, nonlinearity="relu")
        else:
            nn.init.constant_(self.conv.weight, 1 / (3 * channels))
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: Float[Tensor, "BT C H W"], time: int) -> Float[Tensor, "BT C H W"]:
        """Mix each place with the same place of the snippets before and after."""
        clips = x.view(-1, time, x.shape[1], x.shape[2] * x.shape[3])
        clips = clips.transpose(1, 2)  # [B, T, C, H*W] -> [B, C, T, H*W]
        h = self.conv(clips)
        h = clips + self.bn(F.relu(h)) if self.variant == "released" else F.relu(self.bn(h))
        mixed: Tensor = h.transpose(1, 2).reshape(x.shape)  # -> [B*T, C, H, W]
        return mixed


class TemporalXception(nn.Module):
    """The temporal Xception block: two separable convolutions over snippets beside a 1x1 shortcut.

    Shape:
        ``[B, channels, T] -> [B, width, T]``.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(channels)
        self.depthwise1 = nn.Conv1d(channels, channels, 3, padding=1, groups=channels)
        self.pointwise1 = nn.Conv1d(channels, width, 1)
        self.bn1 = nn.BatchNorm1d(width)
        self.depthwise2 = nn.Conv1d(width, width, 3, padding=1, groups=width)
        self.pointwise2 = nn.Conv1d(width, width, 1)
        self.shortcut = nn.Conv1d(channels, width, 1)
        self.bn2 = nn.BatchNorm1d(width)
        for module in self.modules():
            if isinstance(module, nn.Conv1d):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, x: Float[Tensor, "B C T"]) -> Float[Tensor, "B D T"]:
        """Mix the features of the snippets."""
        x = self.bn(x)
        h = self.pointwise1(self.depthwise1(x))
        h = F.relu(self.bn1(h))
        h = self.pointwise2(self.depthwise2(h))
        return F.relu(self.bn2(h + self.shortcut(x)))


class StNet(nn.Module):
    """Frames in, one vector of logits a clip out.

    Shape:
        ``[B, T*N, 3, H, W] -> [B, classes]``: any ``T`` snippets of ``N`` consecutive frames.

    Example:
        >>> import torch
        >>> network = StNet(StNetConfig("resnet_tiny", classes=5, snippet=2))
        >>> network(torch.zeros(2, 8, 3, 32, 32)).shape
        torch.Size([2, 5])
    """

    def __init__(self, config: StNetConfig) -> None:
        super().__init__()
        self.config = config
        shape = RESNETS[config.backbone]
        shape = replace(
            shape, width=divisible(shape.width * config.width), in_channels=3 * config.snippet
        )
        self.backbone = ResNet(shape)
        channels, mixed = shape.features, shape.features // 2
        self.tmb1 = TemporalModelling(channels // 4, config.tmb)
        self.tmb2 = TemporalModelling(channels // 2, config.tmb)
        self.txb = TemporalXception(channels, mixed)
        self.head = nn.Linear(mixed, config.classes)
        bound = channels**-0.5  # the release's, which is not the fan-in's
        nn.init.uniform_(self.head.weight, -bound, bound)
        nn.init.zeros_(self.head.bias)

    def forward(self, frames: Float[Tensor, "B TN 3 H W"]) -> Float[Tensor, "B K"]:
        """Logits of each clip: of the maximum over its snippets.

        Raises:
            ValueError: when ``frames`` is not ``[B, T*N, 3, H, W]``.
        """
        logits: Tensor = self.head(self.features(frames).amax(1))
        return logits

    def features(self, frames: Float[Tensor, "B TN 3 H W"]) -> Float[Tensor, "B T D"]:
        """Features of each snippet behind the temporal Xception block."""
        check_frames(frames, 3)
        batch, count = frames.shape[:2]
        if count % self.config.snippet:
            raise ValueError(
                f"expected a multiple of {self.config.snippet} frames (snippets of "
                f"{self.config.snippet} consecutive ones), got {count}"
            )
        time = count // self.config.snippet
        # frame-major channels R1 G1 B1 R2 ...: [B, T*N, 3, H, W] -> [B*T, 3N, H, W]
        x = frames.reshape(batch * time, -1, *frames.shape[3:])
        if frames.stride(2) == 1:  # channels-last pixels stay so
            x = x.contiguous(memory_format=torch.channels_last)
        x = self.backbone.stem(x)
        x = self.backbone.layer1(x)
        x = self.backbone.layer2(x)
        x = self.tmb1(x, time)
        x = self.backbone.layer3(x)
        x = self.tmb2(x, time)
        x = self.backbone.layer4(x)
        x = x.mean((2, 3)).view(batch, time, -1)  # [B*T, C, h, w] -> [B, T, C]
        return self.txb(x.transpose(1, 2)).transpose(1, 2)  # type: ignore[no-any-return]

    def parameter_groups(self, *, new_head: bool = True) -> list[dict[str, Any]]:
        """All parameters alike, as StNet is trained; ``new_head`` makes no difference."""
        return [
            {
                "name": "all",
                "params": [p for p in self.parameters() if p.requires_grad],
                "lr_factor": 1.0,
                "weight_decay_factor": 1.0,
            }
        ]

    def load_backbone(self, state: Mapping[str, Tensor]) -> None:
        """Start from an RGB classifier's weights under torchvision's names, less its classifier."""
        own = {k: v for k, v in state.items() if not k.startswith("fc.")}
        if "conv1.weight" in own:
            kernel = own["conv1.weight"]
            own["conv1.weight"] = inflate_stem(kernel, self.config.snippet, self.config.stem_init)
        self.backbone.load_state_dict(own)
