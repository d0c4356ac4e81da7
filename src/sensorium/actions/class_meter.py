"""Accuracy of one class, and of the mean class (apart, since torchmetrics imports slowly)."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class ClassAccuracy(Metric):
    """Share of the clips of one class that are recognised (its recall); ``nan`` when none came.

    Shape:
        probabilities ``[B, K]``, labels ``int64 [B]``.
    """

    full_state_update = False
    right: Tensor
    seen: Tensor

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index
        self.add_state("right", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("seen", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, labels: Tensor) -> None:
        """Count one batch."""
        mine = labels == self.index
        self.seen += mine.sum()
        self.right += (probabilities[mine].argmax(1) == self.index).sum()

    def compute(self) -> Tensor:
        """The share so far."""
        return self.right / self.seen


class MeanClassAccuracy(Metric):
    """Mean over the classes that occur of the share of their clips that are recognised.

    torchmetrics' macro average also counts, as 0, a class that is named but does not occur.

    Shape:
        probabilities ``[B, K]``, labels ``int64 [B]``.
    """

    full_state_update = False
    higher_is_better = True
    right: Tensor
    seen: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.add_state("right", torch.zeros(classes), dist_reduce_fx="sum")
        self.add_state("seen", torch.zeros(classes), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, labels: Tensor) -> None:
        """Count one batch."""
        hit = (probabilities.argmax(1) == labels).float()
        self.seen.index_add_(0, labels, torch.ones_like(hit))
        self.right.index_add_(0, labels, hit)

    def compute(self) -> Tensor:
        """The mean so far."""
        there = self.seen > 0
        return (self.right[there] / self.seen[there]).mean()
