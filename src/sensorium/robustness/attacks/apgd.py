"""APGD (arXiv:2003.01690, algorithm 1): PGD whose step halves when it brings nothing.

Momentum, a first step of twice the budget, and at check points, for each sample: when fewer than
three quarters of the steps raised the loss, or neither the step nor the best loss changed since
the last check point, the step halves and the walk goes on from the best point.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.robustness.attacks.attacked import Attacked, Attempt
from sensorium.robustness.attacks.ball import Ball, Norm, per_sample
from sensorium.robustness.attacks.goal import Goal, Loss
from sensorium.robustness.classifier import Classifier, evaluating
from sensorium.seeds import torch_generator

_MOMENTUM = 0.75
_RISING = 0.75


@dataclass(frozen=True)
class APGD:
    """PGD that chooses its own step.

    Attributes:
        eps: budget in units of pixel values (0..1).
        norm: of the perturbation.
        steps: gradient steps of each restart.
        restarts: from how many random points.
        loss: that the steps increase.
        surrogate: whose backward pass stands in for the classifier's.

    Raises:
        ValueError: for no steps or no restart.
    """

    eps: float = 8 / 255
    norm: Norm = "linf"
    steps: int = 50
    restarts: int = 1
    loss: Loss = "dlr"
    surrogate: Classifier | None = None

    def __post_init__(self) -> None:
        if self.steps < 1 or self.restarts < 1:
            raise ValueError(
                f"steps and restarts must be 1 or more, got {self.steps} and {self.restarts}"
            )

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
        """See `Attack`."""
        ball = Ball(x, self.eps, self.norm, support)
        with evaluating(classifier, self.surrogate):
            attempt = Attempt(classifier, x, y, target, self.surrogate)
            for restart in range(self.restarts):
                index = attempt.open
                if not len(index):
                    break
                own = ball.take(index)
                start = own.start(torch_generator(seed, "apgd", restart))
                walk = _Walk(attempt.goal.take(index), own, index, start, self.loss)
                self._climb(attempt, walk)
        return attempt.result()

    def _climb(self, attempt: Attempt, walk: _Walk) -> None:
        """One restart."""
        wait = max(int(0.22 * self.steps), 1)
        least, fewer = max(int(0.06 * self.steps), 1), max(int(0.03 * self.steps), 1)
        since = 0
        for step in range(self.steps + 1):
            if step:
                walk.move()
            reached = walk.look()
            attempt.offer(walk.index, walk.x, reached, walk.loss)
            if bool(reached.any()):
                walk.keep(~reached)
                if not len(walk.index):
                    return
            since += bool(step)
            if since == wait:
                walk.halve(since)
                since, wait = 0, max(wait - fewer, least)


class _Walk:
    """Where each sample is, was, and was best."""

    rows = ("index", "x", "old", "best", "step", "gradient", "best_gradient", "loss", "best_loss")
    more = ("checked", "halved", "rises")

    def __init__(
        self, goal: Goal, ball: Ball, index: Int64[Tensor, "n"], x: Tensor, loss: Loss
    ) -> None:
        self.goal, self.ball, self.kind, self.index = goal, ball, loss, index
        self.x = self.old = self.best = x
        number = torch.zeros(len(x), device=x.device, dtype=x.dtype)
        self.step = number + 2 * ball.eps
        self.gradient = self.best_gradient = torch.zeros_like(x)
        self.loss = self.best_loss = self.checked = number - torch.inf
        self.halved = torch.ones_like(number, dtype=torch.bool)
        self.rises = number
        self.first = True

    def keep(self, mask: Bool[Tensor, "n"]) -> None:
        """Go on with some of the samples."""
        self.goal, self.ball = self.goal.take(mask), self.ball.take(mask)
        for name in self.rows + self.more:
            setattr(self, name, getattr(self, name)[mask])

    def look(self) -> Bool[Tensor, "n"]:
        """The loss and its gradient where we are; says what is broken."""
        pushed = self.goal.pushed(self.x, self.kind)
        self.rises = self.rises + (pushed.loss > self.loss)
        self.loss, self.gradient = pushed.loss, pushed.gradient
        better = self.loss > self.best_loss
        self.best_loss = torch.where(better, self.loss, self.best_loss)
        wide = per_sample(better, self.x)
        self.best = torch.where(wide, self.x, self.best)
        self.best_gradient = torch.where(wide, self.gradient, self.best_gradient)
        if self.first:
            self.checked, self.rises = self.best_loss, torch.zeros_like(self.rises)
        return pushed.reached

    def move(self) -> None:
        """One step, of which a quarter is the last step's."""
        ball, x = self.ball, self.x
        share = 1.0 if self.first else _MOMENTUM
        ahead = ball.project(x + per_sample(self.step, x) * ball.uphill(self.gradient))
        self.x = ball.project(x + share * (ahead - x) + (1 - share) * (x - self.old))
        self.old, self.first = x, False

    def halve(self, since: int) -> None:
        """At a check point: half the step and back to the best, where nothing was won."""
        stuck = ~self.halved & (self.checked >= self.best_loss)
        halved: Float[Tensor, "n"] = (self.rises <= _RISING * since) | stuck
        self.checked, self.halved = self.best_loss, halved
        self.rises = torch.zeros_like(self.rises)
        self.step = torch.where(halved, self.step / 2, self.step)
        wide = per_sample(halved, self.x)
        self.x = torch.where(wide, self.best, self.x)
        self.gradient = torch.where(wide, self.best_gradient, self.gradient)
