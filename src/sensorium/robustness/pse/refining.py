"""An attack carried out again, allowed only where a class activation map is high.

Xu et al. (arXiv:1904.02057) refine perturbations under the discriminative regions of the true and
of the target label. That an attack also works in 0.3 of the picture may say little of the map: so
beside it stand masks of the same area that do not follow the picture (the map's own mask, shifted
at random around the edges), the places where the map is lowest, and everything outside the mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.robustness.pse.interpretability import PERCENTILE, boolean_map

if TYPE_CHECKING:
    from sensorium.robustness.attacks.attacked import Attack, Attacked
    from sensorium.robustness.classifier import Classifier


@dataclass(frozen=True)
class Supports:
    """Where an attack may act, for each input.

    Attributes:
        inside: where the map is above its percentile.
        shifted: the same mask somewhere else.
        lowest: as many pixels where the map is lowest.
        outside: all of the rest.
    """

    inside: Bool[Tensor, "B *T H W"]
    shifted: Bool[Tensor, "B *T H W"]
    lowest: Bool[Tensor, "B *T H W"]
    outside: Bool[Tensor, "B *T H W"]

    def named(self) -> dict[str, Bool[Tensor, "B *T H W"]]:
        """The masks by name."""
        own = {"inside": self.inside, "shifted": self.shifted}
        return own | {"lowest": self.lowest, "outside": self.outside}


def supports(
    maps: Float[Tensor, "B *T H W"],
    generator: torch.Generator,
    percentile: float = PERCENTILE,
) -> Supports:
    """The mask of each map, and its controls.

    Args:
        maps: activation maps of pictures or clips.
        generator: says how far the shifted masks are shifted (the same for all frames of a clip).
        percentile: of the map, above which the attack may act.
    """
    clip = maps.ndim == 4
    inside = boolean_map(maps, percentile, clip=clip)
    height, width = maps.shape[-2:]
    down = torch.randint(height // 4, height - height // 4, (len(maps),), generator=generator)
    across = torch.randint(width // 4, width - width // 4, (len(maps),), generator=generator)
    shifted = [
        mask.roll((int(y), int(x)), (-2, -1))
        for mask, y, x in zip(inside, down, across, strict=True)
    ]
    return Supports(inside, torch.stack(shifted), _lowest(maps, inside), ~inside)


def _lowest(
    maps: Float[Tensor, "B *T H W"], inside: Bool[Tensor, "B *T H W"]
) -> Bool[Tensor, "B *T H W"]:
    """As many of each map's pixels as the mask has, from its lowest."""
    rank = maps.flatten(1).argsort(dim=1, stable=True).argsort(1)
    count = inside.flatten(1).sum(1, keepdim=True)
    lowest: Tensor = rank < count
    return lowest.view_as(maps)


def both(*masks: Bool[Tensor, "B *T H W"]) -> Bool[Tensor, "B *T H W"]:
    """Where any of the masks is (the union of the regions of two labels)."""
    return torch.stack(masks).any(0)


def refine(
    attack: Attack,
    classifier: Classifier,
    x: Float[Tensor, "B ..."],
    y: Int64[Tensor, " B"],
    target: Int64[Tensor, " B"],
    masks: Mapping[str, Bool[Tensor, "B *T H W"]],
    *,
    seed: int = 0,
) -> dict[str, Attacked]:
    """The attack with each mask as its support, and without one under ``"free"``.

    Args:
        attack: of ``sensorium.robustness.attacks``.
        classifier: what to attack.
        x: clean inputs in 0..1.
        y: their classes.
        target: classes to reach.
        masks: where it may act, such as ``supports(maps, generator).named()``.
        seed: of everything random in the attack.
    """
    found = {"free": attack(classifier, x, y, target=target, seed=seed)}
    for name, mask in masks.items():
        support = mask.unsqueeze(-3)  # [B, *T, H, W] -> [B, *T, 1, H, W]
        found[name] = attack(classifier, x, y, target=target, support=support, seed=seed)
    return found


def summary(attacked: Attacked, x: Float[Tensor, "B ..."]) -> dict[str, float]:
    """Success rate, and over the successes the mean norms and the number of changed pixels."""
    pixels = (attacked.x != x).any(-3).flatten(1).sum(1).double()
    reached = attacked.success
    rows = {"pixels": pixels} | {name: value.double() for name, value in attacked.norms.items()}
    means = {
        name: float(value[reached].mean()) if bool(reached.any()) else float("nan")
        for name, value in rows.items()
    }
    return {"success": float(reached.double().mean()), **means}
