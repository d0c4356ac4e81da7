"""Metrics of action recognition: top-1, top-5, mean class accuracy, and accuracy per class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from sensorium.system import Meter


def action_meters(classes: Sequence[str]) -> dict[str, Meter]:
    """Fresh meters; each takes probabilities ``[B, K]`` and labels ``[B]``.

    ``top1``, ``top5`` (with more than five classes), ``mean_class`` (the mean of the classes'
    accuracies) and ``top1/<class>`` for every class that occurs.
    """
    from torchmetrics.classification import MulticlassAccuracy

    from sensorium.actions.class_meter import ClassAccuracy, MeanClassAccuracy

    count = len(classes)
    meters: dict[str, Meter] = {"top1": MulticlassAccuracy(count, average="micro")}
    if count > 5:
        meters["top5"] = MulticlassAccuracy(count, average="micro", top_k=5)
    meters["mean_class"] = MeanClassAccuracy(count)
    meters |= {f"top1/{name}": ClassAccuracy(k) for k, name in enumerate(classes)}
    return meters


def pair_accuracy(scores: Tensor, labels: Tensor, partner: Tensor) -> float:
    """Share of clips whose best class is the label or its time-reversed partner.

    A network that averages per-frame scores can be right at most half of the times that this counts
    (it gives a clip and its reverse the same answer).

    Shape:
        scores: ``[N, K]``; labels: ``int64 [N]``; partner (of each class): ``int64 [K]``.
    """
    best = scores.argmax(1)
    return float(((best == labels) | (best == partner[labels])).float().mean())


def confusion(scores: Tensor, labels: Tensor) -> Tensor:
    """``[K, K]`` counts; rows are true classes, columns are answers."""
    count = scores.shape[1]
    cells = torch.bincount(labels * count + scores.argmax(1), minlength=count * count)
    return cells.reshape(count, count)  # [K*K] -> [K, K]
