"""Meters of sound separation and segmentation (apart, since torchmetrics imports slowly)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torchmetrics import Metric

from sensorium.sounds.metrics import SourceScores, score_mixture


class BatchScorer:
    """Scores a batch once, however many meters ask for it in turn.

    It keeps the last batch and knows it by its values, since copies are what a meter is given.
    """

    def __init__(self) -> None:
        self._last: tuple[Tensor, Tensor] | None = None
        self._scores: list[SourceScores] = []

    def __call__(
        self, references: Float[Tensor, "B N L"], estimates: Float[Tensor, "B N L"]
    ) -> list[SourceScores]:
        """The scores of every mixture, which is the sum of its references.

        Raises:
            ValueError: when the shapes differ, and on NaN or infinity.
        """
        if references.shape != estimates.shape or references.ndim != 3:
            raise ValueError(
                f"references and estimates must both be [B, N, L], got {list(references.shape)} "
                f"and {list(estimates.shape)}"
            )
        batch = (references.detach().cpu().float(), estimates.detach().cpu().float())
        if self._last is None or not all(map(torch.equal, self._last, batch)):
            self._scores = [score_mixture(r, e, r.sum(0)) for r, e in zip(*batch, strict=True)]
            self._last = (batch[0].clone(), batch[1].clone())
        return self._scores


class SourceMean(Metric):
    """Mean of a figure over sources, in dB, of one class or of all; ``nan`` when there are none.

    Args:
        scorer: shared by the meters of one run.
        figure: a key of ``SourceScores.figures``.
        index: the class, or ``None`` for all sources, those without a class included.

    Shape:
        references ``[B, N, L]``, estimates ``[B, N, L]``, labels ``int64 [B, N]``.
    """

    full_state_update = False
    total: Tensor
    seen: Tensor

    def __init__(self, scorer: BatchScorer, figure: str, index: int | None = None) -> None:
        super().__init__()
        self.scorer, self.figure, self.index = scorer, figure, index
        zero = torch.tensor(0.0, dtype=torch.float64)
        self.add_state("total", zero.clone(), dist_reduce_fx="sum")
        self.add_state("seen", zero.clone(), dist_reduce_fx="sum")

    def update(self, references: Tensor, estimates: Tensor, label: Tensor) -> None:
        """Score one batch."""
        scores = self.scorer(references, estimates)
        values = torch.stack([s.figures()[self.figure] for s in scores])
        counted = ~values.isnan()
        if self.index is not None:
            counted &= label.cpu() == self.index
        self.total += values[counted].sum().to(self.total.device)
        self.seen += counted.sum().to(self.seen.device)

    def compute(self) -> Tensor:
        """The mean so far."""
        return self.total / self.seen


class SourceGain(SourceMean):
    """A `SourceMean` that says how good the separation is."""

    higher_is_better = True


class SourceCount(Metric):
    """How many sources are scored, silent, alone or mute.

    Args:
        scorer: shared by the meters of one run.
        count: a key of ``SourceScores.counts``.

    Shape:
        references ``[B, N, L]``, estimates ``[B, N, L]``, labels ``int64 [B, N]``.
    """

    full_state_update = False
    seen: Tensor

    def __init__(self, scorer: BatchScorer, count: str) -> None:
        super().__init__()
        self.scorer, self.count = scorer, count
        self.add_state("seen", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, references: Tensor, estimates: Tensor, label: Tensor) -> None:
        """Count one batch."""
        self.seen += sum(s.counts()[self.count] for s in self.scorer(references, estimates))

    def compute(self) -> Tensor:
        """The count so far."""
        return self.seen


class MeanIou(Metric):
    """Mean over the classes that occur of TP / (TP + FP + FN) over the whole set.

    Args:
        classes: how many there are.

    Shape:
        predicted masks ``bool [B, H, W]``, true masks ``bool [B, H, W]``, labels ``int64 [B]`` (-1
        counts nowhere).
    """

    full_state_update = False
    higher_is_better = True
    shared: Tensor
    union: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        zeros = torch.zeros(classes, dtype=torch.int64)
        self.add_state("shared", zeros.clone(), dist_reduce_fx="sum")
        self.add_state("union", zeros.clone(), dist_reduce_fx="sum")

    def update(
        self,
        predicted: Bool[Tensor, "B H W"],
        truth: Bool[Tensor, "B H W"],
        label: Int64[Tensor, " B"],
    ) -> None:
        """Count one batch."""
        known = label >= 0
        for counts, both in ((self.shared, predicted & truth), (self.union, predicted | truth)):
            counts.index_add_(0, label[known], both.sum((-2, -1))[known])

    def compute(self) -> Tensor:
        """The mean so far; ``nan`` when nothing came."""
        return (self.shared / self.union).nanmean()
