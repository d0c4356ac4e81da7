"""A ResNet inflated over time: the blocks and names of `resnet`, some kernels several frames long.

I3D (Carreira & Zisserman, arXiv:1705.07750) on a ResNet, as the non-local networks' baseline has it
(Wang et al., arXiv:1711.07971, section 4.1): the first convolution sees five frames, and of the
blocks about every second has a first kernel three frames long (3x1x1 in a bottleneck, 3x3x3 in a
basic block). Time is halved once, by a max-pool behind the first stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.layers.inflation import adapt_stem, inflate
from sensorium.layers.resnet import ResNetConfig

Taps = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class ResNet3dConfig:
    """Shape of an inflated ResNet.

    Attributes:
        shape: the 2D ResNet.
        stem_taps: frames that the first convolution sees.
        taps: frames that a block's first convolution sees, per stage, repeated along its blocks.
        last_stride: spatial stride of the last stage.
    """

    shape: ResNetConfig
    stem_taps: int = 5
    taps: Taps = ((3,), (3, 1), (3, 1), (1, 3))
    last_stride: int = 1


def _conv(in_channels: int, out_channels: int, kernel: int, stride: int, taps: int) -> nn.Conv3d:
    return nn.Conv3d(
        in_channels,
        out_channels,
        (taps, kernel, kernel),
        (1, stride, stride),
        (taps // 2, kernel // 2, kernel // 2),
        bias=False,
    )


def _downsample(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        _conv(in_channels, out_channels, 1, stride, 1), nn.BatchNorm3d(out_channels)
    )


class BasicBlock3d(nn.Module):
    """``relu(shortcut(x) + branch(x))``, the first 3x3 ``taps`` frames long.

    Shape:
        ``[B, in, T, H, W] -> [B, width, T, H / stride, W / stride]``.
    """

    def __init__(self, in_channels: int, width: int, stride: int, taps: int) -> None:
        super().__init__()
        self.conv1 = _conv(in_channels, width, 3, stride, taps)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = _conv(width, width, 3, 1, 1)
        self.bn2 = nn.BatchNorm3d(width)
        self.downsample = _downsample(in_channels, width, stride)

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B D T h w"]:
        """The block's output."""
        h = F.relu(self.bn1(self.conv1(x)), inplace=True)
        h = self.bn2(self.conv2(h))
        h += x if self.downsample is None else self.downsample(x)
        return F.relu(h, inplace=True)


class Bottleneck3d(nn.Module):
    """``relu(shortcut(x) + branch(x))``, the first 1x1 ``taps`` frames long.

    Shape:
        ``[B, in, T, H, W] -> [B, 4 * width, T, H / stride, W / stride]``.
    """

    def __init__(self, in_channels: int, width: int, stride: int, taps: int) -> None:
        super().__init__()
        self.conv1 = _conv(in_channels, width, 1, 1, taps)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = _conv(width, width, 3, stride, 1)
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3 = _conv(width, 4 * width, 1, 1, 1)
        self.bn3 = nn.BatchNorm3d(4 * width)
        self.downsample = _downsample(in_channels, 4 * width, stride)

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B D T h w"]:
        """The block's output."""
        h = F.relu(self.bn1(self.conv1(x)), inplace=True)
        h = F.relu(self.bn2(self.conv2(h)), inplace=True)
        h = self.bn3(self.conv3(h))
        h += x if self.downsample is None else self.downsample(x)
        return F.relu(h, inplace=True)


class ResNet3d(nn.Module):
    """Stem and four stages; no pooling at the end, no classifier.

    Shape:
        ``[B, in_channels, T, H, W] -> [B, features, ceil(T / 2), H / 16, W / 16]``, with the
        default ``last_stride`` and the ImageNet stem.
    """

    def __init__(self, config: ResNet3dConfig) -> None:
        super().__init__()
        self.config = config
        shape = config.shape
        kernel = 7 if shape.stem == "imagenet" else 3
        self.conv1 = _conv(shape.in_channels, shape.width, kernel, 2, config.stem_taps)
        self.bn1 = nn.BatchNorm3d(shape.width)
        pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        self.maxpool = pool if shape.stem == "imagenet" else None
        self.layer1 = self._stage(0, shape.width)
        self.timepool = nn.MaxPool3d((3, 1, 1), (2, 1, 1), (1, 0, 0))
        self.layer2 = self._stage(1, shape.width * shape.expansion)
        self.layer3 = self._stage(2, 2 * shape.width * shape.expansion)
        self.layer4 = self._stage(3, 4 * shape.width * shape.expansion)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _stage(self, index: int, in_channels: int) -> nn.Sequential:
        shape, taps = self.config.shape, self.config.taps[index]
        make = Bottleneck3d if shape.block == "bottleneck" else BasicBlock3d
        first_stride = (1, 2, 2, self.config.last_stride)[index]
        width = shape.width << index
        blocks: list[nn.Module] = []
        for i in range(shape.blocks[index]):
            stride = first_stride if i == 0 else 1
            blocks.append(make(in_channels, width, stride, taps[i % len(taps)]))
            in_channels = width * shape.expansion
        return nn.Sequential(*blocks)

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B D t h w"]:
        """The last stage's feature map."""
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        if self.maxpool is not None:
            x = self.maxpool(x)
        x = self.layer1(x)
        x = self.timepool(x)
        x = self.layer2(x)
        x = self.layer3(x)
        out: Tensor = self.layer4(x)
        return out

    def load_inflated(self, state: Mapping[str, Tensor]) -> None:
        """Start from a 2D ResNet's weights, every kernel inflated to its length in time."""
        own = dict(state)
        for name, mine in self.state_dict().items():
            if mine.ndim == 5 and name in own:
                kernel = own[name]
                if name == "conv1.weight":
                    kernel = adapt_stem(kernel, mine.shape[1])
                own[name] = inflate(kernel, mine.shape[2])
        self.load_state_dict(own)
