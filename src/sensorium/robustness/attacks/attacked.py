"""What an attack gives back, and what every attack answers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.robustness.attacks.ball import norms
from sensorium.robustness.attacks.goal import Goal, Loss, Pushed
from sensorium.robustness.classifier import (
    Classifier,
    check,
    check_before,
    check_input,
    check_labels,
)


@dataclass(frozen=True)
class Attacked:
    """Samples after an attack.

    Attributes:
        x: as the attack leaves them; where it failed, the nearest to its aim that it found.
        success: whether the classifier answers as the attack wanted.
        already: whether it did so before anything was changed; such samples stay as they were.
        norms: ``l0``, ``l1``, ``l2`` and ``linf`` of the perturbation, per sample.
        queries: forward passes, per sample.
        gradients: backward passes, per sample.
        zero_gradients: how many of these gave nothing but zeros.
    """

    x: Float[Tensor, "B ..."]
    success: Bool[Tensor, "B"]
    already: Bool[Tensor, "B"]
    norms: dict[str, Float[Tensor, "B"]]
    queries: Int64[Tensor, "B"]
    gradients: Int64[Tensor, "B"]
    zero_gradients: Int64[Tensor, "B"]

    @property
    def accuracy(self) -> float:
        """The share of samples that the attack did not break (of a targeted one: not reached)."""
        return 1 - float(self.success.float().mean())

    @property
    def rate(self) -> float:
        """The share of successes among the samples that were not as wanted from the start."""
        tried = ~self.already
        return float(self.success[tried].float().mean()) if bool(tried.any()) else 0.0


@runtime_checkable
class Attack(Protocol):
    """A frozen dataclass of an attack's settings."""

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
        """Attack a batch.

        Args:
            classifier: what to attack; in ``eval()`` mode while it lasts.
            x: clean samples, 0..1.
            y: their classes.
            target: classes to reach; ``None``: any class but ``y``.
            support: 1 where a sample may change, 0 elsewhere.
            seed: of everything random.

        Raises:
            ValueError: for anything that cannot be attacked, in one line.
        """


class Attempt:
    """The state of an attack: its goal, and the best that was found for each sample so far.

    A sample that reaches its aim beats one that does not; of two alike the higher ``value`` wins.

    Args:
        classifier: what is attacked.
        x: clean samples.
        y: their classes.
        target: classes to reach, or ``None``.
        surrogate: whose backward pass stands in for the classifier's.
        loss: for attacks that start from the clean samples: `first` is then the gradient there,
            from the same forward pass that tells which samples are as wanted already.
    """

    def __init__(
        self,
        classifier: Classifier,
        x: Float[Tensor, "B ..."],
        y: Int64[Tensor, "B"],
        target: Int64[Tensor, "B"] | None = None,
        surrogate: Classifier | None = None,
        loss: Loss | None = None,
    ) -> None:
        self.clean = x
        self.goal = Goal(classifier, y if target is None else target, target is not None, surrogate)
        self.first: Pushed | None = None
        if loss is None or surrogate is not None:
            self.logits = check(classifier, x, y)
            self.goal.tally.queries += 1
        else:
            check_before(classifier, x, y)
            self.first = self.goal.pushed(x, loss, (y, self.goal.label))
            self.logits = self.first.logits
        check_labels(self.goal.label, len(x), self.logits.shape[1])
        self.already = self.goal.reached(self.logits)
        self.found = self.already.clone()
        self.x = x.clone()
        self.value = torch.full((len(x),), -torch.inf, device=x.device, dtype=x.dtype)
        self.value[self.already] = torch.inf

    @property
    def open(self) -> Int64[Tensor, "n"]:
        """The samples that have not reached their aim."""
        return (~self.found).nonzero().flatten()

    def offer(
        self,
        index: Int64[Tensor, "n"],
        x: Float[Tensor, "n ..."],
        reached: Bool[Tensor, "n"],
        value: Float[Tensor, "n"],
    ) -> None:
        """Keep each of the samples ``index`` that is better than what is kept."""
        had = self.found[index]
        better = (reached & ~had) | ((reached == had) & (value > self.value[index]))
        if not bool(better.any()):
            return
        chosen = index[better]
        self.x[chosen] = x.detach()[better]
        self.value[chosen] = value.detach()[better].to(self.value.dtype)
        self.found[chosen] = reached[better]

    def result(self) -> Attacked:
        """What was found."""
        tally = self.goal.tally
        return Attacked(
            x=self.x,
            success=self.found,
            already=self.already,
            norms=norms(self.x.double().sub_(self.clean)),
            queries=tally.queries,
            gradients=tally.gradients,
            zero_gradients=tally.zeros,
        )


@dataclass(frozen=True)
class Batched:
    """An attack on more samples than fit into memory at once.

    Attributes:
        attack: on each batch; batch ``b`` has seed ``seed + b``.
        batch: samples at once.

    Raises:
        ValueError: for a batch below 1.
    """

    attack: Attack
    batch: int = 100

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch must be 1 or more, got {self.batch}")

    def __call__(
        self,
        classifier: Classifier,
        x: Float[Tensor, "N ..."],
        y: Int64[Tensor, "N"],
        *,
        target: Int64[Tensor, "N"] | None = None,
        support: Tensor | None = None,
        seed: int = 0,
    ) -> Attacked:
        """See `Attack`; a ``support`` is for all samples, or has a row for each."""
        check_input(x)
        each = support is not None and support.ndim == x.ndim and len(support) == len(x)
        parts = []
        for first in range(0, len(x), self.batch):
            here = slice(first, first + self.batch)
            parts.append(
                self.attack(
                    classifier,
                    x[here],
                    y[here],
                    target=None if target is None else target[here],
                    support=support[here] if support is not None and each else support,
                    seed=seed + first // self.batch,
                )
            )
        return joined(parts)


def in_batches(
    attack: Attack,
    classifier: Classifier,
    x: Float[Tensor, "N ..."],
    y: Int64[Tensor, "N"],
    *,
    target: Int64[Tensor, "N"] | None = None,
    seed: int = 0,
    batch: int = 100,
) -> Attacked:
    """`Batched` in one call.

    Raises:
        ValueError: for a batch below 1, or what the attack refuses.
    """
    return Batched(attack, batch)(classifier, x, y, target=target, seed=seed)


def joined(parts: list[Attacked]) -> Attacked:
    """Several batches as one, of the kind that they are."""
    rows: dict[str, Any] = {}
    for name in (f.name for f in fields(parts[0])):
        values = [getattr(part, name) for part in parts]
        if isinstance(values[0], Tensor):
            rows[name] = torch.cat(values)
        elif isinstance(values[0], dict):
            rows[name] = {k: torch.cat([v[k] for v in values]) for k in values[0]}
        else:
            rows[name] = values[0]
    return type(parts[0])(**rows)
