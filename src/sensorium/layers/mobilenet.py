"""MobileNetV2 (Sandler et al., arXiv:1801.04381) without its classifier.

Named as in the TSM release: the layers of a block sit flat in ``features.K.conv`` (``0`` the 1x1
expansion, ``1`` its norm, ``3`` the depthwise, ``6`` the projection). torchvision nests the same
layers in pairs, and `from_torchvision` renames its weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from jaxtyping import Float
from torch import Tensor, nn

# expansion, channels, repeats, stride of the first (Table 2 of the paper)
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def divisible(channels: float, by: int = 8) -> int:
    """``channels`` rounded to a multiple of ``by``, never more than 10 % down."""
    rounded = max(by, int(channels + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * channels else rounded


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, 1x1 projection; added to the input where the shapes agree.

    Shape:
        ``[N, in, H, W] -> [N, out, H / stride, W / stride]``.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.skip = stride == 1 and in_channels == out_channels
        self.expands = expansion != 1
        expand = [
            nn.Conv2d(in_channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
        ]
        self.conv = nn.Sequential(
            *(expand if self.expands else []),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        """The block's output."""
        return self.rest(x, self.first(x))

    def first(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N d H W"]:
        """The branch's first convolution, norm and ReLU6."""
        for i in range(3):
            x = self.conv[i](x)
        return x

    def rest(
        self, x: Float[Tensor, "N C H W"], h: Float[Tensor, "N d H W"]
    ) -> Float[Tensor, "N D h w"]:
        """The output from the shortcut's input ``x`` and what `first` made of the branch's."""
        for i in range(3, len(self.conv)):
            h = self.conv[i](h)
        return h.add_(x) if self.skip else h


class MobileNetV2(nn.Module):
    """Nineteen ``features``: stem, seventeen inverted residuals, and a last 1x1 convolution.

    Args:
        width: multiplier of all channel counts.
        in_channels: of the input.

    Shape:
        ``[N, in_channels, H, W] -> [N, 1280, H / 32, W / 32]``.
    """

    def __init__(self, width: float = 1.0, in_channels: int = 3) -> None:
        super().__init__()
        channels = divisible(32 * width)
        self.out_channels = divisible(1280 * max(1.0, width))
        layers: list[nn.Module] = [_conv_bn(in_channels, channels, 3, 2)]
        for expansion, base, repeats, stride in STAGES:
            out = divisible(base * width)
            for i in range(repeats):
                layers.append(InvertedResidual(channels, out, stride if i == 0 else 1, expansion))
                channels = out
        layers.append(_conv_bn(channels, self.out_channels, 1, 1))
        self.features = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def blocks(self) -> Iterator[tuple[str, InvertedResidual]]:
        """Every inverted residual with its name (``"features.1"``), in order."""
        for i, block in enumerate(self.features):
            if isinstance(block, InvertedResidual):
                yield f"features.{i}", block

    def stem(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        """The first, strided 3x3."""
        out: Tensor = self.features[0](x)
        return out

    def last(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D H W"]:
        """The last 1x1."""
        out: Tensor = self.features[-1](x)
        return out

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        """The last feature map."""
        out: Tensor = self.features(x)
        return out


def _conv_bn(in_channels: int, out_channels: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU6(inplace=True),
    )


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Torchvision's ``mobilenet_v2`` weights under `MobileNetV2`'s names, less the classifier."""
    renamed = {}
    for name, value in state.items():
        match = re.fullmatch(r"features\.(\d+)\.conv\.(\d+)\.(?:(\d)\.)?(\w+)", name)
        if match is None:
            if name.startswith("features."):
                renamed[name] = value
            continue
        block, pair, inner, leaf = match.groups()
        # pairs (conv, norm) become 0 1 _ 3 4 _; the projection and its norm follow without nesting
        pairs = 1 if block == "1" else 2
        flat = 3 * int(pair) + int(inner) if inner else 3 * pairs + int(pair) - pairs
        renamed[f"features.{block}.conv.{flat}.{leaf}"] = value
    return renamed
