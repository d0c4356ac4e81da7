"""Interpretability score: how much of a perturbation lies where the network looks.

With B the places whose class activation is above a percentile of the map and d the perturbation,
IS = ||B o d||_2 / ||d||_2 (Xu et al., arXiv:1904.02057 and 1808.01664). A perturbation that knows
nothing of the map, the same strength everywhere, scores the root of B's area, not the area: 0.55 at
the 70th percentile. `chance` says so for each map.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

PERCENTILE = 70.0
"""Of the map's values, above which a place counts."""


def boolean_map(
    maps: Float[Tensor, "... H W"], percentile: float = PERCENTILE, *, clip: bool = False
) -> Bool[Tensor, "... H W"]:
    """Places above the percentile of their own map; none where the map is constant.

    Args:
        maps: activation maps.
        percentile: 0..100; 0 takes every place.
        clip: the last three axes are frames, height and width of one map.

    Raises:
        ValueError: when the percentile is outside 0..100.
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"the percentile must be within 0..100, got {percentile:g}")
    if percentile == 0:
        return torch.ones_like(maps, dtype=torch.bool)
    flat = maps.flatten(-3 if clip else -2)  # [..., (T,) H, W] -> [..., P]
    place = min(int(percentile / 100 * flat.shape[-1]), flat.shape[-1]) - 1
    edge = flat.sort(-1).values[..., max(place, 0), None]
    return (flat > edge).view_as(maps)


def interpretability(
    perturbation: Float[Tensor, "B *T C H W"], mask: Bool[Tensor, "B *T H W"]
) -> Float[Tensor, " B"]:
    """IS of each input, 0..1; NaN where nothing is perturbed."""
    power = perturbation.float().square().sum(-3)
    inside, whole = (power * mask).flatten(1).sum(1), power.flatten(1).sum(1)
    return torch.where(whole > 0, (inside / whole.clamp(min=1e-30)).sqrt(), torch.nan)


def chance(mask: Bool[Tensor, "B *T H W"]) -> Float[Tensor, " B"]:
    """IS of a perturbation that is equally strong everywhere: the root of the mask's area."""
    return mask.flatten(1).float().mean(1).sqrt()
