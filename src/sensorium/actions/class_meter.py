"""Accuracy of one class as a torchmetrics metric (apart, since torchmetrics imports slowly)."""

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
