"""The encoders of expression translation: a U-Net's way down (arXiv:1808.02992, generator).

The paper gives eight halvings, leaky ReLU and blocks of convolution, batch norm and activation;
kernel, widths and where the norm is left out follow the U-Net of pix2pix (arXiv:1611.07004), on
which it builds: 4x4 kernels, no norm at the first and the innermost level. What is added up and
handed to the decoder is a level's output *before* the next activation.
"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Norm = Literal["batch", "instance", "group", "none"]
SLOPE = 0.2
"""Of the leaky ReLU."""

_GROUP = 8  # channels of one group of the group norm


def norm_of(kind: Norm, channels: int) -> nn.Module:
    """The normalisation of that kind over ``channels`` maps."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    if kind == "group":
        groups = max(1, channels // _GROUP)
        while channels % groups:
            groups -= 1
        return nn.GroupNorm(groups, channels)
    return nn.Identity()


def initialise(module: nn.Module) -> None:
    """Weights from N(0, 0.02), gains of norms from N(1, 0.02), biases 0, as pix2pix begins."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(part.weight, 0.0, 0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d | nn.InstanceNorm2d | nn.GroupNorm):
            nn.init.normal_(part.weight, 1.0, 0.02)
            nn.init.zeros_(part.bias)


class Encoder(nn.Module):
    """Features of a picture at every halving of its size.

    Args:
        channels: of each level, outermost first.
        norm: of the levels between the first and the innermost.
        inputs: channels of the picture.

    Shape:
        ``[B, inputs, S, S]`` to one ``[B, channels[l], S / 2^(l+1), S / 2^(l+1)]`` per level.

    Example:
        >>> [list(f.shape[1:]) for f in Encoder((4, 8))(torch.zeros(1, 3, 8, 8))]
        [[4, 4, 4], [8, 2, 2]]
    """

    def __init__(self, channels: tuple[int, ...], norm: Norm = "batch", inputs: int = 3) -> None:
        super().__init__()
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        last = len(channels) - 1
        for level, width in enumerate(channels):
            normed = norm != "none" and 0 < level < last
            below = inputs if level == 0 else channels[level - 1]
            self.convs.append(nn.Conv2d(below, width, 4, 2, 1, bias=not normed))
            self.norms.append(norm_of(norm, width) if normed else nn.Identity())

    def forward(self, x: Float[Tensor, "B C S S"]) -> list[Tensor]:
        """The output of every level, outermost first."""
        x = self.convs[0](x)
        features = [x]
        for conv, norm in zip(self.convs[1:], self.norms[1:], strict=True):
            x = norm(conv(F.leaky_relu(x, SLOPE)))
            features.append(x)
        return features
