"""What TSM is compared with: TSN, which cannot see order, and I3D, which pays for seeing it.

TSN (Wang et al., arXiv:1608.00859) averages the logits of single frames. I3D here is the inflated
ResNet-50 of the non-local networks (Wang et al., arXiv:1711.07971): temporal kernels as in
`sensorium.layers.resnet3d`, 32 frames, the last stage at the resolution of the third. With that
choice 32 frames of 224x224 cost 152.5 GMAC, counted by a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.actions.parameter_groups import parameter_groups
from sensorium.actions.tsm import TSM, Backbone, TSMConfig, check_frames
from sensorium.layers.mobilenet import divisible
from sensorium.layers.partial_bn import freeze_later_norms
from sensorium.layers.resnet import RESNETS
from sensorium.layers.resnet3d import ResNet3d, ResNet3dConfig

Inflatable = Literal["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet_tiny"]


@dataclass(frozen=True)
class TSNConfig:
    """What a `TSN` is built from: the fields of `TSMConfig` that do not speak of time."""

    backbone: Backbone = "resnet50"
    classes: int = 400
    width: float = 1.0
    dropout: float = 0.5
    partial_bn: bool = False
    in_channels: int = 3

    def __post_init__(self) -> None:
        self.as_tsm()

    def as_tsm(self) -> TSMConfig:
        """The same as a TSM that shifts nothing.

        Raises:
            ValueError: when a field is out of range.
        """
        return TSMConfig(shift_div=0, **asdict(self))


class TSN(TSM):
    """`TSM` with nothing shifted: same parameters, same multiplications, blind to order.

    Shape:
        ``[B, T, in_channels, H, W] -> [B, classes]``, any ``T``.
    """

    def __init__(self, config: TSNConfig) -> None:
        super().__init__(config.as_tsm())


@dataclass(frozen=True)
class I3DConfig:
    """What an `I3D` is built from.

    Attributes:
        backbone: the ResNet that is inflated.
        classes: number of classes.
        width: multiplier of the backbone's channel counts (``resnet_tiny`` starts at 16).
        dropout: before the classifier, in training.
        partial_bn: keep all batch norms but the first as they were pre-trained.
        in_channels: 3 for RGB.
        stem_taps: frames that the first convolution sees.
        last_stride: spatial stride of the last stage, 1 or 2.
    """

    backbone: Inflatable = "resnet50"
    classes: int = 400
    width: float = 1.0
    dropout: float = 0.5
    partial_bn: bool = False
    in_channels: int = 3
    stem_taps: int = 5
    last_stride: int = 1

    def __post_init__(self) -> None:
        if self.backbone not in RESNETS:
            raise ValueError(f"backbone must be one of {', '.join(RESNETS)}, got {self.backbone!r}")
        if self.classes < 1:
            raise ValueError(f"classes must be at least 1, got {self.classes}")
        if self.stem_taps % 2 == 0 or self.last_stride not in (1, 2):
            raise ValueError(
                "stem_taps must be odd and last_stride 1 or 2, "
                f"got {self.stem_taps} and {self.last_stride}"
            )


class I3D(nn.Module):
    """Frames in, one vector of logits a clip out, through 3D convolutions.

    Shape:
        ``[B, T, in_channels, H, W] -> [B, classes]``, any ``T``.

    Example:
        >>> import torch
        >>> I3D(I3DConfig("resnet_tiny", classes=5))(torch.zeros(2, 8, 3, 32, 32)).shape
        torch.Size([2, 5])
    """

    def __init__(self, config: I3DConfig) -> None:
        super().__init__()
        self.config = config
        flat = RESNETS[config.backbone]
        flat = replace(
            flat, width=divisible(flat.width * config.width), in_channels=config.in_channels
        )
        self.backbone = ResNet3d(
            ResNet3dConfig(flat, stem_taps=config.stem_taps, last_stride=config.last_stride)
        )
        self.head = nn.Linear(flat.features, config.classes)
        nn.init.normal_(self.head.weight, std=0.001)
        nn.init.zeros_(self.head.bias)
        self.train(self.training)

    def forward(self, frames: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B K"]:
        """Logits of each clip.

        Raises:
            ValueError: when ``frames`` is not ``[B, T, C, H, W]`` with the channels of the config.
        """
        x = self.features(frames).mean(1)
        x = F.dropout(x, self.config.dropout, self.training)
        logits: Tensor = self.head(x)
        return logits

    def features(self, frames: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B t D"]:
        """Features over time (half as many as frames), before dropout and classifier."""
        check_frames(frames, self.config.in_channels)
        x = self.backbone(frames.transpose(1, 2))  # [B, T, C, H, W] -> [B, D, t, h, w]
        out: Tensor = x.mean((3, 4)).transpose(1, 2)  # [B, D, t, h, w] -> [B, t, D]
        return out

    def train(self, mode: bool = True) -> I3D:
        """Training mode; with partial BN all norms but the first stay in ``eval()``."""
        super().train(mode)
        if mode and self.config.partial_bn:
            freeze_later_norms(self.backbone)
        return self

    def parameter_groups(self, *, new_head: bool = True) -> list[dict[str, Any]]:
        """Parameters by learning-rate and weight-decay factor; see `parameter_groups`."""
        return parameter_groups(self, head=self.head, new_head=new_head)

    def load_backbone(self, state: Mapping[str, Tensor]) -> None:
        """Start from a 2D classifier's weights under torchvision's names, less its classifier."""
        self.backbone.load_inflated({k: v for k, v in state.items() if not k.startswith("fc.")})
