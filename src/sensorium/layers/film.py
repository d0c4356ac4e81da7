"""Feature-wise linear modulation (Perez et al., arXiv:1709.07871), at each moment of time.

``FiLM(x) = gamma(c) * x + beta(c)`` per channel, ``gamma`` and ``beta`` one linear layer each, as
The Sound of Motions (arXiv:1904.05979) uses it: the condition follows time, and all frequencies
of a moment share it. It starts as the identity (``gamma = 1``, ``beta = 0``), so that what the
audio network has learnt before is not thrown away.
"""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class FiLM(nn.Module):
    """Scale and shift of each channel by a condition that follows time.

    Args:
        features: channels of the condition.
        channels: of what is modulated.

    Shape:
        ``x``: ``[B, C, F, T]``, ``condition``: ``[B, K, t]``; returns ``[B, C, F, T]``. The
        condition is brought to ``T`` steps over the same stretch of time.

    Example:
        >>> x = torch.randn(2, 8, 4, 16)
        >>> torch.equal(FiLM(3, 8)(x, torch.randn(2, 3, 24)), x)
        True
    """

    def __init__(self, features: int, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Linear(features, channels)
        self.beta = nn.Linear(features, channels)
        for layer in (self.gamma, self.beta):
            nn.init.zeros_(layer.weight)
        nn.init.ones_(self.gamma.bias)
        nn.init.zeros_(self.beta.bias)

    def forward(
        self, x: Float[Tensor, "B C F T"], condition: Float[Tensor, "B K t"]
    ) -> Float[Tensor, "B C F T"]:
        """The modulated features."""
        steps = align(condition, x.shape[-1]).mT  # [B, K, t] -> [B, T, K]
        gamma, beta = self.gamma(steps).mT, self.beta(steps).mT  # [B, T, C] -> [B, C, T]
        modulated: Tensor = x * gamma[:, :, None] + beta[:, :, None]
        return modulated


def align(x: Float[Tensor, "B K t"], steps: int) -> Float[Tensor, "B K T"]:
    """A sequence in ``steps`` steps over the same stretch of time: averaged, or on straight lines.

    Each step stands for an equal share of the stretch. Fewer steps than before are means of what
    they cover, so that no short event between two of them is lost.
    """
    if x.shape[-1] == steps:
        return x
    if x.shape[-1] > steps:
        return F.adaptive_avg_pool1d(x, steps)
    return F.interpolate(x, steps, mode="linear", align_corners=False)
