"""The decoder of expression translation: a U-Net's way up over all levels (arXiv:1808.02992).

ReLU, 4x4 transposed convolution of stride 2, norm; the result is joined with the summed feature of
the same resolution. The last level ends in a tanh. Widths, kernel and dropout as in pix2pix
(arXiv:1611.07004); the paper says only that the decoder mirrors the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from sensorium.expressions.encoders import Norm, norm_of

_DROPPED = 3  # inner levels that drop


class Decoder(nn.Module):
    """A picture from the features of all levels.

    Args:
        channels: of the encoder's levels, outermost first.
        norm: after every transposed convolution but the last.
        dropout: share of values that the three levels next to the innermost one drop.

    Shape:
        one ``[B, channels[l], S / 2^(l+1), S / 2^(l+1)]`` per level to a picture ``[B, 3, S, S]``
        in -1..1 and the penultimate map ``[B, 2 channels[0], S / 2, S / 2]``.
    """

    def __init__(
        self, channels: tuple[int, ...], norm: Norm = "batch", dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.ups, self.norms = nn.ModuleList(), nn.ModuleList()
        self.dropout = dropout
        last = len(channels) - 1
        for level, width in enumerate(channels):
            joined = width if level == last else 2 * width
            out = 3 if level == 0 else channels[level - 1]
            normed = norm != "none" and level > 0
            self.ups.append(nn.ConvTranspose2d(joined, out, 4, 2, 1, bias=not normed))
            self.norms.append(norm_of(norm, out) if normed else nn.Identity())

    @property
    def penultimate(self) -> int:
        """Channels of the map that the last level reads."""
        up = self.ups[0]
        assert isinstance(up, nn.ConvTranspose2d)
        return up.in_channels

    def maps(self, features: Sequence[Tensor]) -> Float[Tensor, "B C H W"]:
        """The penultimate map, after its ReLU: what the last level and the landmarks read."""
        last = len(features) - 1
        x = F.relu(features[last])
        for level in range(last, 0, -1):
            x = self.norms[level](self.ups[level](x))
            if self.dropout and last - _DROPPED <= level < last:
                x = F.dropout(x, self.dropout, self.training)
            x = F.relu(torch.cat([x, features[level - 1]], 1))
        return x

    def paint(self, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 3 S S"]:
        """The picture in -1..1 from `maps`."""
        return torch.tanh(self.ups[0](maps))

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Picture and penultimate map."""
        maps = self.maps(features)
        return self.paint(maps), maps
