"""TSM: a 2D network that sees time through shifted channels (Lin, Gan, Han, arXiv:1811.08383).

Frames are folded into the batch of a 2D backbone. In front of chosen residual branches an eighth of
the channels takes the next frame's values and an eighth the previous frame's (section 3); the
shortcut keeps the unshifted tensor (``placement="residual"``, section 3.2). Each frame gets its own
logits, and the clip's are their mean, as in TSN (Wang et al., arXiv:1608.00859). With
``shift_div=0`` nothing moves and the network is TSN: same parameters, same multiplications.

The number of frames is read from the input, so weights trained on 8 frames run on 16.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.actions.parameter_groups import parameter_groups
from sensorium.layers.inflation import adapt_stem
from sensorium.layers.mobilenet import InvertedResidual, MobileNetV2, divisible, from_torchvision
from sensorium.layers.non_local import NonLocal
from sensorium.layers.partial_bn import freeze_later_norms
from sensorium.layers.resnet import RESNETS, Block, ResNet
from sensorium.layers.temporal_shift import Direction, FoldOrder, TemporalShift

Backbone = Literal[
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "mobilenet_v2", "resnet_tiny"
]
Placement = Literal["residual", "block"]
NON_LOCAL_AFTER = ("layer2.0", "layer2.2", "layer3.0", "layer3.2", "layer3.4")


@dataclass(frozen=True)
class TSMConfig:
    """What a `TSM` is built from.

    Attributes:
        backbone: the 2D network; ``resnet_tiny`` has a basic block a stage, for small pictures.
        classes: number of classes.
        width: multiplier of the backbone's channel counts (``resnet_tiny`` starts at 16).
        shift_div: one in ``shift_div`` channels is moved each way; 0 moves none, which is TSN.
        placement: shift the residual branch's input, or the whole block's.
        direction: ``"both"``, or ``"past"`` for a network that can be streamed.
        fold_order: which fold takes the future (the Paddle release has it the other way round).
        non_local: non-local blocks after five blocks of stages 2 and 3 (ResNets only).
        temporal_pool: max-pool over time, 3 wide with stride 2, before stage 2 (ResNets only).
        dropout: before the classifier, in training.
        partial_bn: keep all batch norms but the first as they were pre-trained.
        in_channels: 3 for RGB, 10 for five flow fields.
    """

    backbone: Backbone = "resnet50"
    classes: int = 400
    width: float = 1.0
    shift_div: int = 8
    placement: Placement = "residual"
    direction: Direction = "both"
    fold_order: FoldOrder = "future-first"
    non_local: bool = False
    temporal_pool: bool = False
    dropout: float = 0.5
    partial_bn: bool = False
    in_channels: int = 3

    def __post_init__(self) -> None:
        if self.backbone != "mobilenet_v2" and self.backbone not in RESNETS:
            known = ", ".join([*RESNETS, "mobilenet_v2"])
            raise ValueError(f"backbone must be one of {known}, got {self.backbone!r}")
        if self.classes < 1:
            raise ValueError(f"classes must be at least 1, got {self.classes}")
        if self.shift_div < 0 or (self.shift_div == 1 and self.direction == "both"):
            raise ValueError(
                f"shift_div must be 0 (no shift) or at least 2 (1 with direction='past'), "
                f"got {self.shift_div}"
            )
        if self.backbone == "mobilenet_v2" and (self.non_local or self.temporal_pool):
            raise ValueError(
                "non_local and temporal_pool need a ResNet, got mobilenet_v2; "
                "choose backbone='resnet50' or switch them off"
            )


class TSM(nn.Module):
    """Frames in, one vector of logits a clip out.

    Shape:
        ``[B, T, in_channels, H, W] -> [B, classes]``, any ``T``.

    Example:
        >>> import torch
        >>> network = TSM(TSMConfig("resnet_tiny", classes=5))
        >>> network(torch.zeros(2, 8, 3, 32, 32)).shape
        torch.Size([2, 5])
    """

    def __init__(self, config: TSMConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = make_backbone(config)
        self.shift: TemporalShift | None = None
        if config.shift_div:
            self.shift = TemporalShift(config.shift_div, config.direction, config.fold_order)
        self.shifted = frozenset(shifted_blocks(config, self.backbone))
        self.non_local = nn.ModuleDict()
        if config.non_local:
            for name, block in self.backbone.blocks():
                if name in NON_LOCAL_AFTER:
                    self.non_local[name.replace(".", "_")] = NonLocal(out_channels(block))
        self.head = nn.Linear(feature_width(self.backbone), config.classes)
        nn.init.normal_(self.head.weight, std=0.001)
        nn.init.zeros_(self.head.bias)
        self.train(self.training)

    def forward(self, frames: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B K"]:
        """Logits of each clip: the mean of its frames' logits."""
        return self.frame_logits(frames).mean(1)

    def frame_logits(self, frames: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B t K"]:
        """Logits of each frame (``t`` is ``T``, or half of it with temporal pooling)."""
        x = F.dropout(self.features(frames), self.config.dropout, self.training)
        logits: Tensor = self.head(x)
        return logits

    def features(self, frames: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B t D"]:
        """Pooled features of each frame, before dropout and classifier.

        Raises:
            ValueError: when ``frames`` is not ``[B, T, C, H, W]`` with the channels of the config.
        """
        check_frames(frames, self.config.in_channels)
        batch, time = frames.shape[:2]
        x = self.backbone.stem(frames.flatten(0, 1))  # [B, T, C, H, W] -> [B*T, D, h, w]
        for name, block in self.backbone.blocks():
            if self.config.temporal_pool and name == "layer2.0":
                x, time = pool_time(x, time)
            x = self._block(name, block, x, time)
        if isinstance(self.backbone, MobileNetV2):
            x = self.backbone.last(x)
        return x.mean((2, 3)).view(batch, time, -1)  # [B*T, D, h, w] -> [B, T, D]

    def _block(self, name: str, block: Block | InvertedResidual, x: Tensor, time: int) -> Tensor:
        """One residual block, with its shift and its non-local block."""
        if self.shift is None or name not in self.shifted:
            x = block(x)
        elif self.config.placement == "residual":
            x = block.rest(x, self.shift.then(block.first, x, time))
        else:
            x = block(self.shift(x, time))
        if self.config.non_local and name in NON_LOCAL_AFTER:
            x = self.non_local[name.replace(".", "_")](x, time)
        return x

    def train(self, mode: bool = True) -> TSM:
        """Training mode; with partial BN all norms but the first stay in ``eval()``."""
        super().train(mode)
        if mode and self.config.partial_bn:
            freeze_later_norms(self.backbone)
        return self

    def parameter_groups(self, *, new_head: bool = True) -> list[dict[str, Any]]:
        """Parameters by learning-rate and weight-decay factor; see `parameter_groups`."""
        return parameter_groups(
            self, head=self.head, new_head=new_head, flow=self.config.in_channels != 3
        )

    def load_backbone(self, state: Mapping[str, Tensor]) -> None:
        """Start from an image classifier's weights under torchvision's names, less its classifier.

        With other than three input channels the first kernel becomes its mean over colours,
        repeated.
        """
        if isinstance(self.backbone, MobileNetV2):
            state, stem = from_torchvision(state), "features.0.0.weight"
        else:
            stem = "conv1.weight"
        own = {k: v for k, v in state.items() if not k.startswith(("fc.", "classifier."))}
        if stem in own:
            own[stem] = adapt_stem(own[stem], self.config.in_channels)
        self.backbone.load_state_dict(own)


def make_backbone(config: TSMConfig) -> ResNet | MobileNetV2:
    """The 2D network of a config, with random weights."""
    if config.backbone == "mobilenet_v2":
        return MobileNetV2(config.width, config.in_channels)
    shape = RESNETS[config.backbone]
    width = divisible(shape.width * config.width)
    return ResNet(replace(shape, width=width, in_channels=config.in_channels))


def shifted_blocks(config: TSMConfig, backbone: ResNet | MobileNetV2) -> Iterator[str]:
    """Names of the blocks that are shifted.

    All blocks of a ResNet, or, in the residual branches of one with 23 or more blocks in its third
    stage, every second; of a MobileNetV2, the blocks that both skip and expand.
    """
    if not config.shift_div:
        return
    if isinstance(backbone, MobileNetV2):
        yield from (name for name, block in backbone.blocks() if block.skip and block.expands)
        return
    deep = config.placement == "residual" and len(backbone.layer3) >= 23
    for name, _ in backbone.blocks():
        if not deep or int(name.split(".")[1]) % 2 == 0:
            yield name


def out_channels(block: Block | InvertedResidual) -> int:
    """Channels of a block's output."""
    convolutions = [m for m in block.modules() if isinstance(m, nn.Conv2d)]
    return max(m.out_channels for m in convolutions)


def feature_width(backbone: ResNet | MobileNetV2) -> int:
    """Channels of a backbone's output."""
    if isinstance(backbone, MobileNetV2):
        return backbone.out_channels
    return backbone.config.features


def pool_time(x: Tensor, time: int) -> tuple[Tensor, int]:
    """Max-pool over time, 3 wide, stride 2: ``[B*T, C, H, W] -> [B*t, C, H, W]`` and ``t``."""
    clips = x.view(-1, time, *x.shape[1:]).transpose(1, 2)  # [B*T, C, H, W] -> [B, C, T, H, W]
    clips = F.max_pool3d(clips, (3, 1, 1), (2, 1, 1), (1, 0, 0))
    return clips.transpose(1, 2).flatten(0, 1), clips.shape[2]  # [B, C, t, H, W] -> [B*t, C, H, W]


def check_frames(frames: Tensor, channels: int) -> None:
    """Refuse anything but normalised ``[B, T, channels, H, W]``."""
    if frames.ndim != 5 or frames.shape[2] != channels:
        raise ValueError(
            f"expected frames [B, T, {channels}, H, W], got {list(frames.shape)}; "
            "one clip needs unsqueeze(0), time comes before channels"
        )
    if not frames.is_floating_point():
        raise ValueError(f"expected normalised floating-point frames, got {frames.dtype}")
