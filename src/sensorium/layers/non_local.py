"""The non-local block (Wang et al., arXiv:1711.07971), embedded-Gaussian version, on folded frames.

Equations 2, 4 and 6: every place of a clip gathers from all places of all its frames. As in the TSM
release the similarities are not divided by the root of the width, keys and values are max-pooled
2x2 in space, and the last norm starts at zero, so that a new block is the identity. The pointwise
convolutions are 2D here, on frames folded into the batch: the same sums without transposing.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class NonLocal(nn.Module):
    """``x + norm(out(softmax(theta(x)' phi(x)) g(x)))``.

    Shape:
        ``[B*T, C, H, W]``, ``T`` given at call -> the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.theta = nn.Conv2d(channels, inner, 1)
        self.phi = nn.Conv2d(channels, inner, 1)
        self.g = nn.Conv2d(channels, inner, 1)
        self.out = nn.Conv2d(inner, channels, 1)
        self.bn = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn.weight)

    def forward(self, x: Float[Tensor, "BT C H W"], frames: int) -> Float[Tensor, "BT C H W"]:
        """Attend over all places of each clip of ``frames`` frames."""
        queries = _places(self.theta(x), frames)
        keys = _places(_halved(self.phi(x)), frames)
        values = _places(_halved(self.g(x)), frames)
        h = F.scaled_dot_product_attention(queries, keys, values, scale=1.0).squeeze(1)
        h = h.transpose(1, 2).reshape(-1, self.g.out_channels, frames, *x.shape[-2:])
        h = h.transpose(1, 2).flatten(0, 1)  # [B, D, T, H, W] -> [B*T, D, H, W]
        out: Tensor = x + self.bn(self.out(h))
        return out


def _halved(x: Tensor) -> Tensor:
    """Max-pooled 2x2; a side of one place is left."""
    return F.max_pool2d(x, (min(2, x.shape[2]), min(2, x.shape[3])))


def _places(x: Tensor, frames: int) -> Tensor:
    """``[B*T, D, h, w] -> [B, 1, T*h*w, D]``, one head."""
    x = x.view(-1, frames, *x.shape[1:]).transpose(1, 2)  # [B*T, D, h, w] -> [B, D, T, h, w]
    return x.flatten(2).transpose(1, 2).unsqueeze(1)  # [B, D, T*h*w] -> [B, 1, T*h*w, D]
