"""Black box by transfer (arXiv:1605.07277): examples made on one network, tried on another.

The source must be trained apart from the network that is attacked. That few examples transfer
between bit widths says little about robustness; that more do than gradients find says that the
gradients are masked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float, Int64
from torch import Tensor

from sensorium.robustness.attacks.attacked import Attack, Attacked, Attempt
from sensorium.robustness.attacks.pgd import PGD
from sensorium.robustness.classifier import Classifier, evaluating


@dataclass(frozen=True)
class Transfer:
    """An attack on ``source``, tried on the classifier.

    Attributes:
        source: the network whose gradients are used.
        attack: carried out on it; one that goes on after the source is broken transfers better.
    """

    source: Classifier
    attack: Attack = field(default_factory=lambda: PGD(stop=False))

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
        """See `Attack`; forward passes are counted of the classifier only: one or two."""
        made = self.attack(self.source, x, y, target=target, support=support, seed=seed)
        with evaluating(classifier):
            attempt = Attempt(classifier, x, y, target)
            index = attempt.open
            if len(index):
                goal = attempt.goal.take(index)
                tried = made.x[index]
                logits = goal.look(tried)
                attempt.offer(index, tried, goal.reached(logits), goal.lead(logits))
        return attempt.result()
