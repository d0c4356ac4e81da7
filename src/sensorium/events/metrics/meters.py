"""Meters of stories for `System.metrics` (apart, since torchmetrics imports slowly).

A system's `measure` may tell its meters nothing but tensors, so videos are scored there, by `feed`,
and the meters take means. Figures are 0..1 (CIDEr-D 0..10), not times 100: a card holds fractions
throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import torch
from jaxtyping import Float64
from torch import Tensor
from torchmetrics import MeanMetric, Metric

from sensorium.events.metrics.dense import TIOUS, VideoScores, video_scores
from sensorium.events.metrics.meteor import Meteor
from sensorium.events.metrics.stories import Told
from sensorium.system import Meter

FIGURES = ("cider_d", "bleu4", "rouge_l", "soda", "recall", "precision", "predictions")
"""Names of `story_meters` that are means; ``f1`` and METEOR's own name come on top."""


class StoryMean(MeanMetric):
    """Mean over videos, more being better."""

    higher_is_better = True  # type: ignore[assignment]


class StoryF1(Metric):
    """Harmonic mean of mean recall and mean precision at each IoU, then the mean over the IoUs.

    Shape:
        recall and precision ``float [V, K]``: of ``V`` videos at ``K`` temporal IoUs.
    """

    full_state_update = False
    higher_is_better = True
    recall: Tensor
    precision: Tensor

    def __init__(self, tious: int = len(TIOUS)) -> None:
        super().__init__()
        for name in ("recall", "precision"):
            self.add_state(name, torch.zeros(tious, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("seen", torch.tensor(0), dist_reduce_fx="sum")
        self.seen: Tensor

    def update(self, recall: Float64[Tensor, "V K"], precision: Float64[Tensor, "V K"]) -> None:
        """Add the videos of a batch."""
        self.recall += recall.sum(0)
        self.precision += precision.sum(0)
        self.seen += len(recall)

    def compute(self) -> Tensor:
        """The figure so far; ``nan`` when nothing came."""
        recall, precision = self.recall / self.seen, self.precision / self.seen
        both = recall + precision
        harmonic: Tensor = 2 * recall * precision / both.where(both != 0, torch.ones_like(both))
        return harmonic.mean()


def story_meters() -> dict[str, Meter]:
    """Fresh meters of all `FIGURES`, ``f1`` and METEOR, to be fed by `feed`."""
    meters: dict[str, Meter] = {name: StoryMean() for name in (*FIGURES, _meteor().name)}
    return meters | {"f1": StoryF1()}


def feed(
    meters: Mapping[str, Meter],
    told: Sequence[Sequence[Told]],
    true: Sequence[Sequence[Told]],
) -> None:
    """Score the stories of a batch of videos and tell those of `story_meters` that are there.

    Videos in which nothing happens are not scored.

    Raises:
        ValueError: when there is not one story for each video.
    """
    if len(told) != len(true):
        raise ValueError(f"got {len(told)} stories of {len(true)} videos; give one each")
    pairs = zip(told, true, strict=True)
    rows = [video_scores(mine, [story], TIOUS, _meteor()) for mine, story in pairs if story]
    if not rows:
        return
    for name in (*FIGURES, _meteor().name):
        if name in meters:
            meters[name].update(_values(rows, name))
    if "f1" in meters:
        meters["f1"].update(_values(rows, "recall"), _values(rows, "precision"))


def _values(rows: Sequence[VideoScores], name: str) -> Float64[Tensor, "V *K"]:
    """A figure of every video, at every IoU where there are such."""
    values = [row.captions[name] if name in row.captions else getattr(row, name) for row in rows]
    return torch.tensor(values, dtype=torch.float64)


@cache
def _meteor() -> Meteor:
    return Meteor()
