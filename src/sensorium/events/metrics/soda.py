"""A story score: SODA_c (Fujita et al., ECCV 2020), which counts what is missed and told twice.

Predictions and annotated events, each in order of time, are matched one to one without crossing so
that the sum of IoU × METEOR is greatest. That sum over the number of predictions is the precision,
over the number of annotated events the recall; the score is their harmonic mean: per video, that of
its best annotation, averaged over videos. Ours differs in the METEOR (see `meteor`), so figures are
not those of published tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Float64

from sensorium.events.metrics.localisation import overlaps
from sensorium.events.metrics.meteor import Meteor
from sensorium.events.metrics.stories import Stories, Told, annotated
from sensorium.events.metrics.tokeniser import tokenise


def soda(
    predictions: Mapping[str, Sequence[Told]],
    references: Sequence[Stories],
    meteor: Meteor | None = None,
) -> dict[str, float]:
    """The story score × 100: ``soda``, with its ``soda_precision`` and ``soda_recall``.

    Args:
        predictions: events of each video; videos that are left out count as told nothing.
        references: one or more annotations of the same videos.
        meteor: default: with synonyms where WordNet is.

    Raises:
        ValueError: when there is no annotated event.
    """
    meteor = meteor or Meteor()
    videos = annotated(predictions, references)
    rows = [
        soda_of(predictions.get(video, ()), stories, meteor) for video, stories in videos.items()
    ]
    means = 100 * np.array(rows).mean(0)
    names = ("soda", "soda_precision", "soda_recall")
    return {name: float(mean) for name, mean in zip(names, means, strict=True)}


def soda_of(
    told: Sequence[Told], stories: Sequence[Sequence[Told]], meteor: Meteor
) -> tuple[float, float, float]:
    """F-measure, precision and recall of one video, 0..1, by its best annotation."""
    best = (0.0, 0.0, 0.0)
    for story in stories:
        worth = worths(told, story, meteor)
        if worth.size:
            total = best_in_order(worth)
            precision, recall = total / len(told), total / len(story)
            both = precision + recall
            best = max(best, (2 * precision * recall / both if both else 0.0, precision, recall))
    return best


def worths(
    told: Sequence[Told], story: Sequence[Told], meteor: Meteor
) -> Float64[np.ndarray, "N M"]:
    """IoU × METEOR of every prediction with every annotated event, both in order of time."""
    told, story = sorted(told), sorted(story)
    out = overlaps([e[0] for e in told], [e[0] for e in story], 1e-8)
    for i, j in zip(*np.nonzero(out), strict=True):
        out[i, j] *= meteor.score(tokenise(told[i][1]), tokenise(story[j][1]))
    return out


def best_in_order(worth: Float[np.ndarray, "N M"]) -> float:
    """Greatest sum of entries of which each lies right of and below the one before."""
    best = np.zeros(worth.shape[1] + 1)
    for row in worth:
        best[1:] = np.maximum(best[1:], best[:-1] + row)
        np.maximum.accumulate(best, out=best)
    return float(best[-1])
