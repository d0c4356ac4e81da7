"""EAD (arXiv:1709.04114): the least perturbation in L1 and L2 together, most of it exactly zero.

FISTA on ``c f + ||d||_2^2 + beta ||d||_1``; as in the published program the shrinking takes
``beta`` off each pixel's change, not ``beta`` times the step. The constant is found by binary
search, of all samples at once. The points where gradients are taken may lie a little outside 0..1,
as published; what is tried and given back never does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from sensorium.robustness.attacks.attacked import Attacked, Attempt
from sensorium.robustness.attacks.constant_search import Smallest, search_constants
from sensorium.robustness.classifier import Classifier, evaluating


@dataclass(frozen=True)
class EAD:
    """The sparsest perturbation that changes the answer.

    Attributes:
        beta: weight of L1.
        steps: in each round.
        searches: rounds of the binary search.
        lr: the first step's length; it falls as the square root of what is left.
        constant: to begin with.
        confidence: by how much the wanted logit must lead.
        rule: which of the found perturbations is the least: ``en`` by beta L1 + squared L2, ``l1``.
        abort_early: a sample leaves a round when a tenth of the steps brought no progress.

    Raises:
        ValueError: for a setting that makes no sense.
    """

    beta: float = 1e-2
    steps: int = 200
    searches: int = 9
    lr: float = 0.01
    constant: float = 1e-3
    confidence: float = 0.0
    rule: Literal["en", "l1"] = "en"
    abort_early: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1 or self.searches < 1:
            raise ValueError(
                f"steps and searches must be 1 or more, got {self.steps} and {self.searches}"
            )
        if self.beta < 0 or self.confidence < 0 or not (self.lr > 0 and self.constant > 0):
            raise ValueError(
                f"beta and confidence must be 0 or more, lr and constant above 0, got {self.beta}, "
                f"{self.confidence}, {self.lr} and {self.constant}"
            )
        if self.rule not in ("en", "l1"):
            raise ValueError(f"rule must be en or l1, got {self.rule!r}")

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
                rounds, first = self.searches, self.constant
                search_constants(found, self._descend, rounds, first=first, settle=True)
        return attempt.result()

    def _descend(self, found: Smallest, constants: Float[Tensor, "n"]) -> None:
        """One round from the clean samples."""
        rows = torch.arange(len(found.x), device=found.x.device)
        clean, support = found.x, found.support
        x = y = clean
        goal, c = found.goal, constants
        last = torch.full_like(c, torch.inf)
        for k in range(self.steps):
            pushed = goal.pushed(y, lambda z, g=goal, c=c: c * found.shortfall(z, g))  # type: ignore[misc]
            gradient = pushed.gradient + 2 * (y - clean)
            if support is not None:
                gradient = gradient * support
            total = pushed.loss + (y - clean).flatten(1).square().sum(1)
            before, step = x, self.lr * (1 - k / self.steps) ** 0.5
            x = shrunk(y - step * gradient, clean, self.beta)
            y = x + k / (k + 3) * (x - before)
            if self.abort_early and k % max(1, -(-self.steps // 10)) == 0:
                on = total <= 0.9999 * last
                if not bool(on.any()):
                    return
                if not bool(on.all()):
                    rows, x, y, clean = rows[on], x[on], y[on], clean[on]
                    goal, c = goal.take(on), c[on]
                    support = None if support is None else support[on]
                last = total[on]
            found.offer(rows, x, goal.look(x), self._size(x - clean), goal)

    def _size(self, d: Float[Tensor, "n ..."]) -> Float[Tensor, "n"]:
        """By the decision rule."""
        flat = d.flatten(1)
        l1 = flat.abs().sum(1)
        return l1 if self.rule == "l1" else self.beta * l1 + flat.square().sum(1)


def shrunk(
    z: Float[Tensor, "B ..."], clean: Float[Tensor, "B ..."], beta: float
) -> Float[Tensor, "B ..."]:
    """Each value moved towards the clean one by ``beta`` (and no further), then into 0..1."""
    d = z - clean
    moved = clean + (d - d.sign() * beta)
    return torch.where(d.abs() <= beta, clean, moved.clamp(0, 1))
