"""What an attack wants of each sample, how far it is, and which way is uphill.

All losses grow as the attack gets nearer to its aim and are one number per sample, so that the
samples of a batch do not touch each other. ``margin`` is the logit difference of Carlini and
Wagner (arXiv:1608.04644), ``dlr`` its scale-free form (arXiv:2003.01690).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.robustness.classifier import Classifier, check_labels, check_logits

Loss = Literal["ce", "margin", "dlr"]


class Pushed(NamedTuple):
    """Loss, whether the aim is reached, the loss's gradient and the logits, of each sample."""

    loss: Float[Tensor, "B"]
    reached: Bool[Tensor, "B"]
    gradient: Float[Tensor, "B ..."]
    logits: Float[Tensor, "B K"]


class Tally:
    """Forward passes, backward passes and gradients that were all zero, per sample."""

    def __init__(self, count: int) -> None:
        self.queries = torch.zeros(count, dtype=torch.int64)
        self.gradients = torch.zeros(count, dtype=torch.int64)
        self.zeros = torch.zeros(count, dtype=torch.int64)


class Goal:
    """Another class than ``label``, or with ``targeted`` that very class.

    Args:
        classifier: what is attacked.
        label: per sample, the class to leave or to reach.
        targeted: which of the two.
        surrogate: a network whose backward pass stands in for the classifier's, whose logits and
            losses stay those of the classifier (BPDA, arXiv:1802.00420): for quantised networks
            their floating point copy.
    """

    def __init__(
        self,
        classifier: Classifier,
        label: Int64[Tensor, "B"],
        targeted: bool = False,
        surrogate: Classifier | None = None,
    ) -> None:
        self.classifier, self.surrogate = classifier, surrogate
        self.label, self.targeted = label, targeted
        self.tally = Tally(len(label))
        self.index = torch.arange(len(label))

    def take(self, index: Tensor) -> Goal:
        """The aims of some of the samples (an index or a mask); the tally is shared."""
        part = object.__new__(Goal)
        part.classifier, part.surrogate = self.classifier, self.surrogate
        part.label, part.targeted = self.label[index], self.targeted
        part.tally, part.index = self.tally, self.index[index.cpu()]
        return part

    def reached(self, logits: Float[Tensor, "B K"], confidence: float = 0.0) -> Bool[Tensor, "B"]:
        """Whether the largest logit is as wanted, by at least ``confidence``."""
        if not confidence:
            return (logits.argmax(1) == self.label) == self.targeted
        return margin(logits, self.label, self.targeted) >= confidence

    @torch.no_grad()
    def look(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B K"]:
        """The classifier's logits, without gradients."""
        self.tally.queries[self.index] += 1
        return self.classifier(x)

    def logits(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B K"]:
        """The classifier's logits, with the surrogate's gradient where there is one."""
        if self.surrogate is None:
            self.tally.queries[self.index] += 1
            return self.classifier(x)
        seen = self.look(x)
        stand_in = self.surrogate(x)
        return stand_in + (seen - stand_in).detach()

    def pushed(
        self,
        x: Float[Tensor, "B ..."],
        loss: Callable[[Tensor], Float[Tensor, "B"]] | Loss,
        labels: Sequence[Tensor] = (),
    ) -> Pushed:
        """One forward and one backward pass.

        Args:
            x: the samples.
            loss: by name, or a function of the logits.
            labels: to be checked against the logits (those of the goal: before the first loss).

        Raises:
            ValueError: when no gradient reaches the samples, or the loss is not finite.
        """
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            logits = self.logits(x)
            if labels:
                check_logits(logits, len(x))
            for each in labels:
                check_labels(each, len(x), logits.shape[1])
            values = self.value(logits, loss) if isinstance(loss, str) else loss(logits)
            if not values.requires_grad:
                raise ValueError(_NO_GRADIENT)
            (gradient,) = torch.autograd.grad(values.sum(), x, allow_unused=True)
        if gradient is None:
            raise ValueError(_NO_GRADIENT)
        if not bool(torch.isfinite(values).all()):
            raise ValueError("the loss is not finite: the classifier answered NaN or infinity")
        flat = (gradient.flatten(1) == 0).all(1)
        if not isinstance(loss, str):
            flat &= values.detach() != 0  # a hinge that is satisfied is flat by right
        self.tally.gradients[self.index] += 1
        self.tally.zeros[self.index] += flat.cpu()
        logits = logits.detach()
        return Pushed(values.detach(), self.reached(logits), gradient, logits)

    def lead(self, logits: Float[Tensor, "B K"]) -> Float[Tensor, "B"]:
        """By how much the largest wanted logit leads; above 0 the aim is reached."""
        return margin(logits, self.label, self.targeted)

    def value(self, logits: Float[Tensor, "B K"], loss: Loss) -> Float[Tensor, "B"]:
        """How near the aim is, by one of the losses."""
        return LOSSES[loss](logits, self.label, self.targeted)


_NO_GRADIENT = (
    "the classifier is not differentiable: no gradient reaches the picture (torch.no_grad, "
    "rounding, or numpy inside?); use the square attack, or give a surrogate"
)


def cross_entropy(
    logits: Float[Tensor, "B K"], label: Int64[Tensor, "B"], targeted: bool
) -> Float[Tensor, "B"]:
    """Of the label, negated for a target."""
    values = F.cross_entropy(logits, label, reduction="none")
    return -values if targeted else values


def margin(
    logits: Float[Tensor, "B K"], label: Int64[Tensor, "B"], targeted: bool
) -> Float[Tensor, "B"]:
    """By how much the largest wanted logit leads; above 0 the aim is reached."""
    own = logits.gather(1, label[:, None])[:, 0]
    other = logits.scatter(1, label[:, None], -torch.inf).amax(1)
    return own - other if targeted else other - own


def logit_ratio(
    logits: Float[Tensor, "B K"], label: Int64[Tensor, "B"], targeted: bool
) -> Float[Tensor, "B"]:
    """The margin over the spread of the largest logits (arXiv:2003.01690, equations 4 and 5).

    For a target it speaks of the target against the largest other class, so that the truth need
    not be known.

    Raises:
        ValueError: when there are fewer than 3 classes.
    """
    if logits.shape[1] < 3:
        raise ValueError(f"the dlr loss needs 3 classes or more, got {logits.shape[1]}; use margin")
    top = logits.sort(dim=1, descending=True).values
    third = top[:, 2] if logits.shape[1] == 3 or not targeted else (top[:, 2] + top[:, 3]) / 2
    return margin(logits, label, targeted) / (top[:, 0] - third + 1e-12)


LOSSES: dict[Loss, Callable[[Tensor, Tensor, bool], Tensor]] = {
    "ce": cross_entropy,
    "margin": margin,
    "dlr": logit_ratio,
}
