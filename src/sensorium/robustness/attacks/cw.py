"""The attacks of Carlini and Wagner (arXiv:1608.04644): the least perturbation, in L2 or Linf.

Adam minimises the perturbation's size plus a constant times what the wanted logit lacks. In L2 the
constant is found by binary search. In Linf only what exceeds a bound is paid for, and the bound is
found by binary search (published: it shrinks by a tenth at a time while a constant grows).

All constants and bounds are per sample and searched at once; a sample without progress leaves the
round. In the published space, ``x = (tanh(w) + 1) / 2``, black and white pixels start at tanh's
flat ends and hardly move unless ``steps * lr`` is 7 or more; in the space of pixels, clipped to
0..1, they move like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.robustness.attacks.adam import Adam
from sensorium.robustness.attacks.attacked import Attacked, Attempt
from sensorium.robustness.attacks.ball import Norm, lengths, per_sample
from sensorium.robustness.attacks.constant_search import Smallest, search_constants
from sensorium.robustness.attacks.goal import Goal
from sensorium.robustness.classifier import Classifier, evaluating

_INSIDE = 0.999999
Penalty = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class CW:
    """The least perturbation that changes the answer.

    Attributes:
        norm: in which it is least.
        steps: of Adam in each round.
        searches: rounds of the binary search.
        lr: Adam's.
        constant: to begin with (Linf: for good); ``None``: 1e-3 (Linf: 10).
        confidence: by how much the wanted logit must lead.
        abort_early: a sample leaves a round when a tenth of the steps brought no progress.
        space: in which Adam steps; ``None``: ``tanh``, as published (Linf: ``pixels``).

    Raises:
        ValueError: for a setting that makes no sense.
    """

    norm: Norm = "l2"
    steps: int = 200
    searches: int = 9
    lr: float = 0.01
    constant: float | None = None
    confidence: float = 0.0
    abort_early: bool = True
    space: Literal["tanh", "pixels"] | None = None

    def __post_init__(self) -> None:
        if self.norm not in ("l2", "linf"):
            raise ValueError(f"norm must be l2 or linf, got {self.norm!r}")
        if self.steps < 1 or self.searches < 1:
            raise ValueError(
                f"steps and searches must be 1 or more, got {self.steps} and {self.searches}"
            )
        if not (self.lr > 0 and (self.constant is None or self.constant > 0)):
            raise ValueError(f"lr and constant must be above 0, got {self.lr}, {self.constant}")
        if self.confidence < 0:
            raise ValueError(f"confidence must be 0 or more, got {self.confidence}")

    def __call__(
        self,
        classifier: Classifier,
        x: Float[Tensor, "B ..."],
        y: Int64[Tensor, "B"],
        *,
        target: Int64[Tensor, "B"] | None = None,
        support: Tensor | None = None,
        seed: int = 0,
    ) -> Attacked:
        """See `Attack`; nothing is random."""
        with evaluating(classifier):
            attempt = Attempt(classifier, x, y, target)
            index = attempt.open
            if len(index):
                found = Smallest(attempt, index, support, self.confidence)
                (self._least_l2 if self.norm == "l2" else self._least_linf)(found)
        return attempt.result()

    def _least_l2(self, found: Smallest) -> None:
        rows = torch.arange(len(found.x), device=found.x.device)

        def descend(found: Smallest, constants: Tensor) -> None:
            self._descend(found, rows, constants, _squared)

        first = self.constant or 1e-3
        search_constants(found, descend, self.searches, first=first, settle=True)

    def _least_linf(self, found: Smallest) -> None:
        constant = torch.full_like(found.x.flatten(1)[:, 0], self.constant or 10.0)
        bound, low, high = torch.zeros_like(constant), constant * 0, constant * 0 + 1
        rows = torch.arange(len(found.x), device=found.x.device)
        for _ in range(self.searches):
            self._descend(found, rows, constant, _beyond(bound))
            least = torch.where(
                found.attempt.found[found.index], -found.attempt.value[found.index], 1.0
            )
            low = torch.where(least > bound, bound, low)
            high = torch.minimum(high, least)
            bound = (torch.minimum(low, high) + high) / 2

    def _descend(
        self, found: Smallest, rows: Tensor, constants: Float[Tensor, "n"], penalty: Penalty
    ) -> None:
        """One round from the clean samples."""
        tanh = (self.space or ("tanh" if self.norm == "l2" else "pixels")) == "tanh"
        clean = found.x[rows]
        w = torch.atanh(_INSIDE * (2 * clean - 1)) if tanh else clean
        rebuilt = (w.tanh() + 1) / 2 if tanh else clean  # the clean samples, but for the ends
        adam = Adam(w, self.lr)
        goal, c = found.goal.take(rows), constants[rows]
        support = None if found.support is None else found.support[rows]
        last = torch.full_like(c, torch.inf)
        for step in range(self.steps):
            x, slope = _pixels(w, clean, support, tanh)
            kept: list[Tensor] = []
            pushed = goal.pushed(x, _weighted(found, goal, c, kept))
            d = x - torch.where(slope == 0, x, rebuilt)
            size, towards = penalty(d, rows)
            found.offer(rows, x, kept[0], _size(x - clean, self.norm), goal)
            w = w + adam.step((pushed.gradient + towards) * slope)
            w = w if tanh else w.clamp(0, 1)
            if self.abort_early and step % max(1, -(-self.steps // 10)) == 0:
                total = size + pushed.loss
                on = total <= 0.9999 * last
                if not bool(on.any()):
                    return
                if not bool(on.all()):
                    rows, w, clean, rebuilt = rows[on], w[on], clean[on], rebuilt[on]
                    goal, c = goal.take(on), c[on]
                    support = None if support is None else support[on]
                    adam.take(on)
                last = total[on]


def _pixels(
    w: Tensor, clean: Tensor, support: Bool[Tensor, "n ..."] | None, tanh: bool
) -> tuple[Tensor, Tensor]:
    """The samples of ``w`` and their slope; clean and flat off the support."""
    if tanh:
        bent = w.tanh()
        x, slope = ((bent + 1) / 2).clamp(0, 1), (1 - bent * bent) / 2
    else:
        x, slope = w, torch.ones_like(w)
    if support is None:
        return x, slope
    return torch.where(support, x, clean), slope * support


def _weighted(
    found: Smallest, goal: Goal, c: Tensor, kept: list[Tensor]
) -> Callable[[Tensor], Tensor]:
    """The constant times what the wanted logit lacks; leaves the logits in ``kept``."""

    def loss(logits: Tensor) -> Tensor:
        kept.append(logits.detach())
        return c * found.shortfall(logits, goal)

    return loss


def _squared(d: Tensor, _rows: Tensor) -> tuple[Tensor, Tensor]:
    """The squared length and its gradient."""
    return d.flatten(1).square().sum(1), 2 * d


def _beyond(bound: Float[Tensor, "n"]) -> Penalty:
    """What exceeds each sample's bound, summed, and its gradient."""

    def penalty(d: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        over = d.abs() - per_sample(bound[rows], d)
        return over.clamp(min=0).flatten(1).sum(1), d.sign() * (over > 0)

    return penalty


def _size(d: Tensor, norm: Norm) -> Float[Tensor, "n"]:
    """The perturbation's norm."""
    return lengths(d) if norm == "l2" else d.flatten(1).abs().amax(1)
