"""Soft temporal masks through which gradients reach a span, and pooling by them.

Duan et al., arXiv:1812.03849, section 3.3: inside, left and right of a span by sigmoids over the
frame index. Lengths count in steps of the video's own length, not of the padded one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

_EPSILON = 1e-4


@dataclass(frozen=True)
class Masks:
    """Weights of the steps inside, left and right of spans; 0 on padding."""

    inside: Float[Tensor, "B S T"]
    left: Float[Tensor, "B S T"]
    right: Float[Tensor, "B S T"]


def valid(length: Int64[Tensor, "B"], steps: int) -> Bool[Tensor, "B T"]:
    """Which of ``steps`` are no padding."""
    return torch.arange(steps, device=length.device) < length[:, None]


def soft_masks(
    spans: Float[Tensor, "B S 2"], length: Int64[Tensor, "B"], steps: int, slope: float
) -> Masks:
    """Masks of spans.

    Args:
        spans: ``(centre, width)`` in fractions of the video.
        length: steps of each video.
        steps: of the padded videos.
        slope: k, per step; the published 0.1 goes from 10 to 90 % in 44 steps.
    """
    time = torch.arange(steps, device=spans.device, dtype=spans.dtype) + 0.5
    centre, width = (spans * length[:, None, None]).unbind(-1)
    start, end = (centre - width / 2)[..., None], (centre + width / 2)[..., None]
    after_start, after_end = slope * (time - start), slope * (time - end)
    real = valid(length, steps)[:, None].to(spans.dtype)
    inside = after_start.sigmoid() - after_end.sigmoid()
    return Masks(inside * real, (-after_start).sigmoid() * real, after_end.sigmoid() * real)


def pooled(
    weights: Float[Tensor, "B S T"], states: Float[Tensor, "B T H"]
) -> Float[Tensor, "B S H"]:
    """Weighted means of ``states``; near 0 where all weights are."""
    return (weights @ states) / (weights.sum(-1, keepdim=True) + _EPSILON)
