"""Promotion–suppression ratio: does a perturbation raise the target, or lower the true label?

For a cell (or unit) with contributions m_t to the target and m_0 to the true label (Xu et al.,
arXiv:1904.02057)

    PSR = log2( m_t / -m_0 )

is above 1 for cells dominated by promotion, below -1 for those dominated by suppression, and
between them for balanced ones. What the ratio does not define is settled here, since the exact
rule of the paper could not be read: a cell that only promotes (m_0 >= 0) or only suppresses
(m_t <= 0) has the ratio ``+cap`` or ``-cap``; one that does neither works against the attack, is
called adverse, has no ratio (NaN), and is counted for itself. Cells with next to no perturbation
are of no kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


class Kind(IntEnum):
    """What a cell, a unit or a whole perturbation mostly does."""

    UNUSED = -1
    SUPPRESSION = 0
    BALANCED = 1
    PROMOTION = 2
    ADVERSE = 3

    @property
    def word(self) -> str:
        """Its name in small letters."""
        return self.name.lower()


KINDS = (Kind.SUPPRESSION, Kind.BALANCED, Kind.PROMOTION, Kind.ADVERSE)
"""The kinds of cells that are used."""

FACTOR = 1.0
"""How far from 0 the ratio of a dominated cell lies: a factor of 2."""

CAP = 10.0
"""The ratio of cells that do one thing only; larger ratios are cut to it."""

LEAST = 1e-3
"""Perturbation of a used cell at least, as a share of that of the strongest cell."""


def ratio(
    target: Float[Tensor, "..."], true: Float[Tensor, "..."], cap: float = CAP
) -> Float[Tensor, "..."]:
    """PSR from the contributions to the target's and to the true label's logit; NaN: adverse."""
    promotes, suppresses = target > 0, true < 0
    smallest = torch.finfo(target.dtype).tiny
    both = (target.clamp(min=smallest) / (-true).clamp(min=smallest)).log2().clamp(-cap, cap)
    found = torch.full_like(target, torch.nan)
    found = torch.where(promotes & ~suppresses, cap, found)
    found = torch.where(suppresses & ~promotes, -cap, found)
    return torch.where(promotes & suppresses, both, found)


def used_cells(norms: Float[Tensor, "B N"], least: float = LEAST) -> Bool[Tensor, "B N"]:
    """Cells whose perturbation is not negligible beside that of the input's strongest cell."""
    strongest = norms.amax(1, keepdim=True)
    return (norms > least * strongest) & (strongest > 0)


def classify(
    target: Float[Tensor, "..."],
    true: Float[Tensor, "..."],
    used: Bool[Tensor, "..."] | None = None,
    factor: float = FACTOR,
) -> Int64[Tensor, "..."]:
    """The `Kind` of each cell as a number.

    Args:
        target: contributions to the target's logit.
        true: to the true label's.
        used: cells that are perturbed; default all.
        factor: of the ratio, in powers of 2.
    """
    psr = ratio(target, true)
    kinds = torch.full(psr.shape, int(Kind.BALANCED), dtype=torch.int64, device=psr.device)
    kinds[psr > factor] = int(Kind.PROMOTION)
    kinds[psr < -factor] = int(Kind.SUPPRESSION)
    kinds[psr.isnan()] = int(Kind.ADVERSE)
    return kinds if used is None else kinds.masked_fill(~used, int(Kind.UNUSED))


def shares(kinds: Int64[Tensor, "B N"]) -> Float[Tensor, "B 4"]:
    """For each input the share of each of `KINDS` among its used cells (NaN where none is used)."""
    used = (kinds != int(Kind.UNUSED)).sum(1)
    counts = torch.stack([(kinds == int(kind)).sum(1) for kind in KINDS], 1)
    return counts / torch.where(used > 0, used, torch.nan)[:, None]


@dataclass(frozen=True)
class Whole:
    """A whole perturbation: how far it moves the two logits.

    Attributes:
        target: change of the target's logit.
        true: change of the true label's logit.
    """

    target: float
    true: float

    @property
    def ratio(self) -> float:
        """PSR of the two changes; NaN when neither helps the attack."""
        return float(ratio(*self._changes()))

    @property
    def kind(self) -> Kind:
        """What the perturbation mostly does."""
        return Kind(int(classify(*self._changes())))

    def _changes(self) -> tuple[Tensor, Tensor]:
        """Both as tensors."""
        return torch.tensor(float(self.target)), torch.tensor(float(self.true))
