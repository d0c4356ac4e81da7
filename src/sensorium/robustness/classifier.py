"""What attacks act on: anything that gives logits for pictures or clips in 0..1.

Normalisation belongs inside the classifier, so that a budget is in units of pixel values. Every
attack first asks `check`; what it refuses, it refuses in one line.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

_MOST = 2**26  # values of one sample: an 8K picture, or 64 frames of 592 x 592


@runtime_checkable
class Classifier(Protocol):
    """Logits of pictures ``[B, C, H, W]`` or clips ``[B, T, C, H, W]`` with values in 0..1."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the logits."""

    def __call__(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B K"]:
        """Logits, before any softmax; normalisation happens inside."""


@dataclass(frozen=True)
class LabelledData:
    """Pictures or clips and what they show.

    Attributes:
        x: values in 0..1, ``[N, C, H, W]`` or ``[N, T, C, H, W]``.
        y: the class of each, ``[N]``.
        classes: their names.

    Raises:
        ValueError: when the values are not 0..1, or a label has no class.
    """

    x: Float[Tensor, "N ..."]
    y: Int64[Tensor, "N"]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        check_input(self.x)
        check_labels(self.y, len(self.x), len(self.classes))

    def __len__(self) -> int:
        return len(self.x)


class ModuleClassifier(nn.Module):
    """A network of one's own as a `Classifier`.

    Args:
        network: answers logits for values in 0..1.
        classes: their names; an empty tuple numbers them when names are asked for.
        name: what to call it in reports.
    """

    def __init__(self, network: nn.Module, classes: Sequence[str] = (), name: str = "") -> None:
        super().__init__()
        self.network = network
        self.classes = tuple(classes)
        self.name = name or type(network).__name__

    def forward(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B K"]:
        """The network's logits."""
        logits: Tensor = self.network(x)
        return logits


def class_names(classifier: Any, count: int) -> tuple[str, ...]:
    """The classes' names, or numbers where the classifier has none."""
    own = getattr(classifier, "classes", None) or getattr(
        getattr(classifier, "config", None), "classes", None
    )
    if isinstance(own, tuple | list) and len(own) == count:
        return tuple(map(str, own))
    return tuple(map(str, range(count)))


def check_input(x: Tensor) -> None:
    """Refuse what is no batch of pictures or clips in 0..1.

    Raises:
        ValueError: with what to do.
    """
    if not x.is_floating_point():
        raise ValueError(f"pictures must be floating point in 0..1, got {x.dtype}; use x / 255")
    if x.ndim not in (4, 5) or x.numel() == 0:
        raise ValueError(
            f"expected pictures [B, C, H, W] or clips [B, T, C, H, W], got {list(x.shape)}"
        )
    if x[0].numel() > _MOST:
        raise ValueError(
            f"a sample of {' x '.join(map(str, x.shape[1:]))} is too large to attack "
            f"(at most {_MOST:,} values); resize it first"
        )
    low, high = float(x.min()), float(x.max())
    if not (low == low and high == high and abs(low) < torch.inf and abs(high) < torch.inf):
        raise ValueError("the pictures hold values that are not finite (NaN or infinity)")
    if low < 0 or high > 1:
        hint = "use x / 255" if low >= 0 and high <= 255 else "normalise inside the classifier"
        raise ValueError(f"pixel values must be in 0..1, got {low:g} to {high:g}; {hint}")


def check_labels(y: Tensor, count: int, classes: int) -> None:
    """Refuse labels that no logit stands for.

    Raises:
        ValueError: when they are no ``int64 [B]``, or out of range.
    """
    if y.dtype != torch.int64 or y.shape != (count,):
        raise ValueError(f"labels must be int64 [{count}], got {y.dtype} {list(y.shape)}")
    if count and not (int(y.min()) >= 0 and int(y.max()) < classes):
        wrong = int(y.min()) if int(y.min()) < 0 else int(y.max())
        raise ValueError(f"label {wrong} is out of range: there are {classes} classes, 0 first")


def check_weights(classifier: Any) -> None:
    """Refuse weights that are not finite.

    Raises:
        ValueError: naming the first such tensor.
    """
    if not isinstance(classifier, nn.Module):
        return
    every = chain(classifier.parameters(), classifier.buffers())
    if math.isfinite(sum(float(t.detach().sum()) for t in every if t.is_floating_point())):
        return
    for name, tensor in classifier.state_dict().items():  # the sum may just have run over
        floats = isinstance(tensor, Tensor) and tensor.is_floating_point()
        if floats and not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"the classifier's {name} holds NaN or infinity; load good weights")


def check_logits(logits: Any, count: int) -> None:
    """Refuse what is no finite ``[B, K]``; warn where it looks like probabilities.

    Raises:
        ValueError: with what was got.
    """
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != count:
        got = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"the classifier must answer logits [{count}, K], got {got}")
    if logits.shape[1] < 2:
        raise ValueError("the classifier has one class only, so no label can be changed")
    if not bool(torch.isfinite(logits).all()):
        raise ValueError("the classifier's logits are not finite (NaN or infinity)")
    sums = logits.detach().sum(1)
    if bool((logits >= 0).all()) and bool(((sums - 1).abs() < 1e-4).all()):
        logging.getLogger(__name__).warning(
            "the classifier seems to answer probabilities, whose gradients vanish where it is "
            "sure; attack its logits: leave the softmax out"
        )


def check_eps(eps: float, norm: str, shape: Sequence[int] = ()) -> None:
    """Refuse a budget that makes no sense for values in 0..1.

    Raises:
        ValueError: for one that is negative or larger than the range; asks whether 255ths were
            meant.
    """
    most = 1.0 if norm == "linf" else max(1.0, float(torch.Size(shape).numel()) ** 0.5)
    if not 0 <= eps < torch.inf:
        raise ValueError(f"eps must be 0 or more, got {eps!r}")
    if eps > most:
        meant = f"did you mean {eps:g}/255?" if eps <= 255 * most else f"at most {most:g}"
        what = "changes every pixel to anything" if norm == "linf" else "reaches every picture"
        raise ValueError(f"eps {eps:g} {what}, as pixel values are in 0..1; {meant}")


@contextmanager
def evaluating(*networks: Any) -> Iterator[None]:
    """Every network in ``eval()`` mode for the block: batch statistics stay as they were learned.

    ``torch.export`` programs know no modes and are left alone.
    """
    parts = [m for n in networks if isinstance(n, nn.Module) for m in n.modules()]
    modes = [(m, m.training) for m in parts]
    try:
        for module, training in modes:
            if training:
                module.training = False
        yield
    finally:
        for module, training in modes:
            module.training = training


def check_before(classifier: Classifier, x: Float[Tensor, "B ..."], y: Int64[Tensor, "B"]) -> None:
    """Everything that can be told without a forward pass.

    Raises:
        ValueError: for input out of 0..1, weights that are not finite, labels of another number.
    """
    check_input(x)
    check_weights(classifier)
    if y.device != x.device:
        raise ValueError(f"labels are on {y.device}, samples on {x.device}; put both on one device")
    check_labels(y, len(x), max(1, int(y.max()) + 1) if y.numel() else 1)


def check(
    classifier: Classifier, x: Float[Tensor, "B ..."], y: Int64[Tensor, "B"]
) -> Float[Tensor, "B K"]:
    """Everything at once; returns the logits of ``x``.

    Raises:
        ValueError: for input out of 0..1, weights or logits that are not finite, labels out of
            range, samples that are too large.
    """
    check_before(classifier, x, y)
    with torch.no_grad(), evaluating(classifier):
        logits = classifier(x)
    check_logits(logits, len(x))
    check_labels(y, len(x), logits.shape[1])
    return logits


def right(logits: Float[Tensor, "B K"], y: Int64[Tensor, "B"]) -> Bool[Tensor, "B"]:
    """Whether the largest logit is the label's."""
    return logits.argmax(1) == y
