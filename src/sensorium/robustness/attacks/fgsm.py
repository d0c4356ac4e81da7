"""One step along the gradient: FGSM (arXiv:1412.6572) and R+FGSM (arXiv:1705.07204).

R+FGSM first takes a random step of ``start``, so that the gradient is not taken at the clean
sample, where adversarial training by single steps learns to hide it. Not torchattacks' ``RFGSM``,
which goes on for many steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from sensorium.robustness.attacks.attacked import Attacked, Attempt
from sensorium.robustness.attacks.ball import Ball, Norm
from sensorium.robustness.attacks.goal import Loss
from sensorium.robustness.classifier import Classifier, evaluating
from sensorium.seeds import torch_generator


@dataclass(frozen=True)
class FGSM:
    """One step of the whole budget: ``x + eps sign(gradient)``.

    Attributes:
        eps: budget in units of pixel values (0..1).
        norm: ``l2`` steps along the gradient itself.
        loss: that the step increases.
        surrogate: whose backward pass stands in for the classifier's.
    """

    eps: float = 8 / 255
    norm: Norm = "linf"
    loss: Loss = "ce"
    surrogate: Classifier | None = None

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
        ball = Ball(x, self.eps, self.norm, support)
        with evaluating(classifier, self.surrogate):
            attempt = Attempt(classifier, x, y, target, self.surrogate, self.loss)
            _step(attempt, ball, x, self.eps, self.loss)
        return attempt.result()


@dataclass(frozen=True)
class RFGSM:
    """A random step of ``start`` times the budget, then one along the gradient with the rest.

    Attributes:
        eps: budget in units of pixel values (0..1), of the largest change.
        start: share of the budget that the random step takes.
        loss: that the second step increases.
        surrogate: whose backward pass stands in for the classifier's.
    """

    eps: float = 8 / 255
    start: float = 0.5
    loss: Loss = "ce"
    surrogate: Classifier | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start <= 1:
            raise ValueError(f"start is a share of the budget, 0 to 1, got {self.start!r}")

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
        ball = Ball(x, self.eps, "linf", support)
        noise = torch.randn(x.shape, generator=torch_generator(seed, "rfgsm"), dtype=x.dtype)
        first = ball.project(x + self.start * self.eps * noise.sign().to(x.device))
        with evaluating(classifier, self.surrogate):
            attempt = Attempt(classifier, x, y, target, self.surrogate)
            _step(attempt, ball, first, (1 - self.start) * self.eps, self.loss)
        return attempt.result()


def _step(attempt: Attempt, ball: Ball, x: Tensor, length: float, loss: Loss) -> None:
    """One step uphill from ``x`` for every sample that is not yet as wanted."""
    index = attempt.open
    if not len(index):
        return
    goal, ball, x = attempt.goal.take(index), ball.take(index), x[index]
    known = attempt.first
    gradient = goal.pushed(x, loss).gradient if known is None else known.gradient[index]
    x = ball.project(x + length * ball.uphill(gradient))
    logits = goal.look(x)
    attempt.offer(index, x, goal.reached(logits), goal.value(logits, loss))
