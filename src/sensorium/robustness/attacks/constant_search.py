"""The binary search for the least constant before the loss, for all samples at once.

Attacks that look for the least perturbation minimise its size plus a constant times the loss. Each
sample has its own constant: too small and the sample is not broken, too large and the perturbation
is larger than need be.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.robustness.attacks.attacked import Attempt
from sensorium.robustness.attacks.ball import check_support
from sensorium.robustness.attacks.goal import Goal

_MOST = 1e10
Descend = Callable[["Smallest", Float[Tensor, "n"]], None]
"""One round with the given constants, from the clean samples."""


class ConstantSearch:
    """The constants of a batch, and where they are known to lie.

    Args:
        count: of samples.
        first: constant to begin with.
        growth: factor while no constant has broken the sample yet.
        like: whose device and dtype to take.
    """

    def __init__(self, count: int, first: float, growth: float, like: Tensor) -> None:
        self.constant = torch.full((count,), first, device=like.device, dtype=like.dtype)
        self.low = torch.zeros_like(self.constant)
        self.high = torch.full_like(self.constant, torch.inf)
        self.growth = growth

    def update(self, broken: Bool[Tensor, "B"]) -> None:
        """Take in which samples the constants broke, and choose the next constants."""
        c = self.constant
        self.high = torch.where(broken, torch.minimum(self.high, c), self.high)
        self.low = torch.where(broken, self.low, torch.maximum(self.low, c))
        between = (self.low + self.high) / 2
        wider = (c * self.growth).clamp(max=_MOST)
        self.constant = torch.where(self.high.isinf(), wider, between)

    def settle(self) -> None:
        """For the last round of a long search: the least constants that are known to do."""
        self.constant = torch.where(self.high.isinf(), self.constant, self.high)


class Smallest:
    """The smallest perturbation so far that breaks each of the samples ``index``.

    Args:
        attempt: where the best is kept.
        index: the samples to work on.
        support: where they may change; a map is 1 there.
        confidence: by how much the wanted logit must lead.
    """

    def __init__(
        self,
        attempt: Attempt,
        index: Int64[Tensor, "n"],
        support: Tensor | None,
        confidence: float,
    ) -> None:
        self.attempt, self.index, self.confidence = attempt, index, confidence
        self.x = attempt.clean[index]
        self.goal: Goal = attempt.goal.take(index)
        whole = check_support(support, attempt.clean)
        self.support = None if whole is None else whole[index]
        self.broken = torch.zeros(len(index), dtype=torch.bool, device=self.x.device)

    def begin(self) -> None:
        """Forget what this round broke."""
        self.broken = torch.zeros_like(self.broken)

    def shortfall(self, logits: Float[Tensor, "n K"], goal: Goal) -> Float[Tensor, "n"]:
        """How much the wanted logit lacks to lead by the confidence; 0 where it does not."""
        return (self.confidence - goal.lead(logits)).clamp(min=0)

    def offer(
        self,
        rows: Int64[Tensor, "m"],
        x: Float[Tensor, "m ..."],
        logits: Float[Tensor, "m K"],
        size: Float[Tensor, "m"],
        goal: Goal,
    ) -> Bool[Tensor, "m"]:
        """Keep what is smaller than what is kept; says which of the rows are broken now.

        ``goal`` is that of the rows.
        """
        lead = goal.lead(logits)
        reached = lead >= self.confidence if self.confidence else goal.reached(logits)
        value = torch.where(reached, -size, lead)
        self.attempt.offer(self.index[rows], x, reached, value)
        self.broken[rows] |= reached
        return reached


def search_constants(
    found: Smallest,
    descend: Descend,
    rounds: int,
    *,
    first: float,
    growth: float = 10.0,
    settle: bool = False,
) -> None:
    """Round after round, each with constants by what the last one broke.

    Args:
        found: what is attacked, and what was found.
        descend: one round.
        rounds: how many.
        first: constant to begin with.
        growth: factor while nothing has broken the sample yet.
        settle: the last of ten rounds or more takes the least constants that are known to do.
    """
    search = ConstantSearch(len(found.x), first, growth, found.x)
    for number in range(rounds):
        if settle and number == rounds - 1 >= 9:
            search.settle()
        found.begin()
        descend(found, search.constant)
        search.update(found.broken)
