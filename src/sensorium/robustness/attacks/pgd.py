"""Many small steps along the gradient: BIM (arXiv:1607.02533) and PGD (arXiv:1706.06083).

The loss of a quantised network is a staircase, and its last iterate is often not adversarial
although an earlier one was. So success is tested at every step, by the forward pass that gives the
gradient, and the best iterate over all steps and restarts is kept; a sample that is broken leaves
the batch. ``best=False`` keeps the last iterate only, as most libraries do: the naive figure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor

from sensorium.robustness.attacks.attacked import Attacked, Attempt
from sensorium.robustness.attacks.ball import Ball, Norm
from sensorium.robustness.attacks.goal import Loss, Pushed
from sensorium.robustness.classifier import Classifier, evaluating
from sensorium.seeds import torch_generator


@dataclass(frozen=True)
class PGD:
    """Projected gradient ascent from a random point of the ball.

    Attributes:
        eps: budget in units of pixel values (0..1).
        norm: of the perturbation.
        steps: gradient steps of each restart.
        step: length of a step; ``None``: 2.5 eps / steps.
        restarts: from how many random points.
        random_start: ``False`` starts from the clean sample.
        loss: that the steps increase.
        surrogate: whose backward pass stands in for the classifier's.
        best: keep the best iterate; ``False``: the last of each restart.
        stop: a sample that is broken is finished; ``False`` goes on and keeps the iterate of
            the highest loss among those that break it.

    Raises:
        ValueError: for no steps, no restart, or a step that is not above 0.
    """

    eps: float = 8 / 255
    norm: Norm = "linf"
    steps: int = 20
    step: float | None = None
    restarts: int = 1
    random_start: bool = True
    loss: Loss = "ce"
    surrogate: Classifier | None = None
    best: bool = True
    stop: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1 or self.restarts < 1:
            raise ValueError(
                f"steps and restarts must be 1 or more, got {self.steps} and {self.restarts}"
            )
        if self.step is not None and not self.step > 0:
            raise ValueError(f"step must be above 0, got {self.step!r}")

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
            clean = None if self.random_start else self.loss
            attempt = Attempt(classifier, x, y, target, self.surrogate, clean)
            tried = attempt.open
            for restart in range(self.restarts if self.random_start else 1):
                index = attempt.open if self.stop else tried
                if not len(index):
                    break
                own = ball.take(index)
                first = own.x
                if self.random_start:
                    first = own.start(torch_generator(seed, "pgd", restart))
                self._climb(attempt, own, index, first)
        return attempt.result()

    def _climb(self, attempt: Attempt, ball: Ball, index: Tensor, x: Tensor) -> None:
        """One restart, from ``x``."""
        goal = attempt.goal.take(index)
        length = 2.5 * self.eps / self.steps if self.step is None else self.step
        known = attempt.first
        for step in range(self.steps):
            if step or known is None:
                pushed = goal.pushed(x, self.loss)
            else:
                pushed = Pushed(*(part[index] for part in known))
            if self.best:
                attempt.offer(index, x, pushed.reached, pushed.loss)
            x = ball.project(x + length * ball.uphill(pushed.gradient))
            if self.best and self.stop and bool(pushed.reached.any()):
                on = ~pushed.reached
                index, x, ball, goal = index[on], x[on], ball.take(on), goal.take(on)
                if not len(index):
                    return
        logits = goal.look(x)
        attempt.offer(index, x, goal.reached(logits), goal.value(logits, self.loss))


@dataclass(frozen=True)
class BIM:
    """Steps of 1/255 from the clean sample.

    Attributes:
        eps: budget in units of pixel values (0..1), of the largest change.
        steps: ``None``: by the rule of the paper, the whole part of the lesser of eps + 4 and
            1.25 eps in 255ths (10 for 8/255).
        step: length of a step.
        loss: that the steps increase.
        surrogate: whose backward pass stands in for the classifier's.
        best: keep the best iterate; ``False``: the last.
        stop: a sample that is broken is finished.
    """

    eps: float = 8 / 255
    steps: int | None = None
    step: float = 1 / 255
    loss: Loss = "ce"
    surrogate: Classifier | None = None
    best: bool = True
    stop: bool = True

    @property
    def iterations(self) -> int:
        """How many steps it takes."""
        if self.steps is not None:
            return self.steps
        eps = 255 * self.eps + 1e-6
        return max(1, math.floor(min(eps + 4, 1.25 * eps)))

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
        climb = PGD(
            eps=self.eps,
            steps=self.iterations,
            step=self.step,
            random_start=False,
            loss=self.loss,
            surrogate=self.surrogate,
            best=self.best,
            stop=self.stop,
        )
        return climb(classifier, x, y, target=target, support=support, seed=seed)
