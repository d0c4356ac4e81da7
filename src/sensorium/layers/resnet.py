"""ResNet (He et al., arXiv:1512.03385) with torchvision's parameter names, without its classifier.

As in torchvision the stride of a bottleneck sits in the 3x3 convolution. A block is called whole or
in two steps, `first` (the branch's first convolution) and `rest`, so that the branch may be given
another input than the shortcut: a temporal shift, a cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class ResNetConfig:
    """Shape of a ResNet.

    Attributes:
        blocks: residual blocks in each of the four stages.
        block: ``"basic"`` (two 3x3) or ``"bottleneck"`` (1x1, 3x3, 1x1 to four times the width).
        width: channels of the stem and of the first stage's 3x3; doubled at every later stage.
        stem: ``"imagenet"`` is 7x7/2 and a 3x3/2 max-pool; ``"small"``, for small pictures, 3x3/2.
        in_channels: of the input (3 for RGB, 10 for five flow fields, 3N for super-images).
        undone: strides of the last stages that are undone and replaced by dilation, for finer
            maps: 1 is the last stage (half the output stride), 2 the last two.
    """

    blocks: tuple[int, int, int, int]
    block: Literal["basic", "bottleneck"]
    width: int = 64
    stem: Literal["imagenet", "small"] = "imagenet"
    in_channels: int = 3
    undone: int = 0

    @property
    def expansion(self) -> int:
        """Channels of a block's output per channel of its 3x3."""
        return 4 if self.block == "bottleneck" else 1

    @property
    def features(self) -> int:
        """Channels of the last stage's output."""
        return 8 * self.width * self.expansion


RESNETS = {
    "resnet18": ResNetConfig((2, 2, 2, 2), "basic"),
    "resnet34": ResNetConfig((3, 4, 6, 3), "basic"),
    "resnet50": ResNetConfig((3, 4, 6, 3), "bottleneck"),
    "resnet101": ResNetConfig((3, 4, 23, 3), "bottleneck"),
    "resnet152": ResNetConfig((3, 8, 36, 3), "bottleneck"),
    "resnet_tiny": ResNetConfig((1, 1, 1, 1), "basic", width=16, stem="small"),
}


class BasicBlock(nn.Module):
    """``relu(shortcut(x) + branch(x))`` with two 3x3 convolutions in the branch.

    Shape:
        ``[N, in, H, W] -> [N, out, H / stride, W / stride]``.
    """

    def __init__(
        self, in_channels: int, width: int, stride: int, dilations: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__()
        first, rest = dilations
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, first, first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, rest, rest, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _downsample(in_channels, width, stride)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        """The block's output."""
        return self.rest(x, self.first(x))

    def first(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N d h w"]:
        """The branch's first convolution, norm and ReLU."""
        return F.relu(self.bn1(self.conv1(x)), inplace=True)

    def rest(
        self, x: Float[Tensor, "N C H W"], h: Float[Tensor, "N d h w"]
    ) -> Float[Tensor, "N D h w"]:
        """The output from the shortcut's input ``x`` and what `first` made of the branch's."""
        h = self.bn2(self.conv2(h))
        h += x if self.downsample is None else self.downsample(x)
        return F.relu(h, inplace=True)


class Bottleneck(nn.Module):
    """``relu(shortcut(x) + branch(x))`` with 1x1, 3x3 (strided) and 1x1 convolutions in the branch.

    Shape:
        ``[N, in, H, W] -> [N, 4 * width, H / stride, W / stride]``.
    """

    def __init__(
        self, in_channels: int, width: int, stride: int, dilations: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__()
        first, _ = dilations
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, first, first, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _downsample(in_channels, 4 * width, stride)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        """The block's output."""
        return self.rest(x, self.first(x))

    def first(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N d H W"]:
        """The branch's first convolution, norm and ReLU."""
        return F.relu(self.bn1(self.conv1(x)), inplace=True)

    def rest(
        self, x: Float[Tensor, "N C H W"], h: Float[Tensor, "N d H W"]
    ) -> Float[Tensor, "N D h w"]:
        """The output from the shortcut's input ``x`` and what `first` made of the branch's."""
        h = F.relu(self.bn2(self.conv2(h)), inplace=True)
        h = self.bn3(self.conv3(h))
        h += x if self.downsample is None else self.downsample(x)
        return F.relu(h, inplace=True)


Block = BasicBlock | Bottleneck


def _downsample(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    """The shortcut's 1x1 convolution, where the shape changes."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
    )


class ResNet(nn.Module):
    """Stem and four stages; no pooling, no classifier.

    Shape:
        ``[N, in_channels, H, W] -> [N, features, H / 32, W / 32]`` (``/ 16`` with the small stem;
        finer by two for each stride undone).

    Example:
        >>> import torch
        >>> ResNet(RESNETS["resnet_tiny"])(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 128, 2, 2])
    """

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        if config.stem == "imagenet":
            self.conv1 = nn.Conv2d(config.in_channels, w, 7, 2, 3, bias=False)
            self.maxpool: nn.MaxPool2d | None = nn.MaxPool2d(3, 2, 1)
        else:
            self.conv1 = nn.Conv2d(config.in_channels, w, 3, 2, 1, bias=False)
            self.maxpool = None
        self.bn1 = nn.BatchNorm2d(w)
        self.layer1 = self._stage(0, w)
        self.layer2 = self._stage(1, w * config.expansion)
        self.layer3 = self._stage(2, 2 * w * config.expansion)
        self.layer4 = self._stage(3, 4 * w * config.expansion)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _stage(self, index: int, in_channels: int) -> nn.Sequential:
        make = Bottleneck if self.config.block == "bottleneck" else BasicBlock
        width = self.config.width << index
        undone = max(0, index - 3 + self.config.undone)  # strides undone up to this stage
        blocks: list[nn.Module] = []
        for i in range(self.config.blocks[index]):
            begins = i == 0 and index > 0
            stride = 2 if begins and not undone else 1
            before = 1 << (undone - 1 if begins and undone else undone)
            blocks.append(make(in_channels, width, stride, (before, 1 << undone)))
            in_channels = width * self.config.expansion
        return nn.Sequential(*blocks)

    @property
    def stages(self) -> tuple[nn.Sequential, ...]:
        """``layer1`` to ``layer4``."""
        return self.layer1, self.layer2, self.layer3, self.layer4

    def blocks(self) -> Iterator[tuple[str, Block]]:
        """Every residual block with its name (``"layer1.0"``), in order."""
        for index, stage in enumerate(self.stages, start=1):
            for i, block in enumerate(stage):
                assert isinstance(block, BasicBlock | Bottleneck)
                yield f"layer{index}.{i}", block

    def stem(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        """First convolution and, with the ImageNet stem, the max-pool."""
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return x if self.maxpool is None else self.maxpool(x)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        """The last stage's feature map."""
        x = self.stem(x)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        out: Tensor = self.layer4(x)
        return out
