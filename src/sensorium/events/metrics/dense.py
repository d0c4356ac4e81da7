"""Dense captioning by the protocol of ActivityNet's evaluation server (Krishna et al., ICCV 2017).

For each temporal IoU of 0.3, 0.5, 0.7 and 0.9, a prediction is paired with every annotated event
that it overlaps at least that much, in any of the annotations, or, when there is none, with garbage
that matches nothing. The pairs of a video are scored as a corpus of their own; a video without
predictions scores 0; then come the means over videos and over the four IoUs, times 100.

Consequences: CIDEr-D's document frequencies are per video, and one pair alone scores 0; what is
missed costs nothing, so a model that tells one easy event of each video scores well. Hence recall,
precision, F1, the number of predictions and SODA, which stand beside. Garbage is one word here,
the same each time, where the server draws letters. METEOR is a mean over pairs (`meteor`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from sensorium.events.metrics.bleu import ORDERS, bleu
from sensorium.events.metrics.cider_d import cider_d
from sensorium.events.metrics.localisation import overlaps
from sensorium.events.metrics.meteor import Meteor
from sensorium.events.metrics.rouge_l import rouge_l
from sensorium.events.metrics.soda import soda_of
from sensorium.events.metrics.stories import Stories, Told, annotated
from sensorium.events.metrics.tokeniser import Tokens, tokenise

TIOUS = (0.3, 0.5, 0.7, 0.9)
MOST = 1000
"""Predictions of a video that count; the server leaves out the others, and so do we."""

GARBAGE: Tokens = ("\0",)
"""Reference of a prediction that overlaps nothing; no sentence has this word."""


@dataclass(frozen=True)
class VideoScores:
    """Scores of one video, 0..1 (CIDEr-D 0..10), a value for each IoU.

    Attributes:
        captions: by name: ``cider_d``, ``bleu1`` to ``bleu4``, ``rouge_l`` and METEOR's.
        recall: share of the annotated events that a prediction overlaps by more than the IoU.
        precision: share of the predictions that overlap an annotated event by more than the IoU.
        predictions: how many there are.
        soda: the story score, of no IoU.
    """

    captions: Mapping[str, tuple[float, ...]]
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    predictions: int
    soda: float


def dense_captioning(
    predictions: Stories,
    references: Sequence[Stories],
    tious: Sequence[float] = TIOUS,
    meteor: Meteor | None = None,
) -> dict[str, float]:
    """All scores of dense captioning.

    Args:
        predictions: events of each video; videos that are left out count as told nothing, so give
            references of the videos alone that were described.
        references: one or more annotations (ActivityNet's val_1 and val_2).
        tious: temporal IoUs that are averaged over.
        meteor: default: with synonyms where WordNet is.

    Returns:
        ``cider_d``, ``bleu1`` ... ``bleu4``, ``rouge_l``, ``meteor`` or ``meteor_exact_stem``,
        ``recall``, ``precision``, ``f1`` (of the mean recall and precision at each IoU), ``soda``:
        times 100; all but the last also at each IoU (``recall_iou0.3``). ``predictions``: how many
        a video has on average; ``videos``: how many are scored. Videos in whose annotations nothing
        happens are not; when there are any, ``empty_videos`` says how many and
        ``predictions_on_empty`` how many events each of these is told to have.

    Raises:
        ValueError: when there is no annotated event, or none of the predicted videos is annotated.
    """
    meteor = meteor or Meteor()
    videos = annotated(predictions, references)
    rows = [
        video_scores(predictions.get(video, ()), stories, tious, meteor)
        for video, stories in videos.items()
    ]
    out = summary(rows, tious)
    empty = {video for stories in references for video in stories} - videos.keys()
    if empty:
        told = sum(len(predictions.get(video, ())) for video in empty)
        out |= {"empty_videos": float(len(empty)), "predictions_on_empty": told / len(empty)}
    return out


def video_scores(
    told: Sequence[Told], stories: Sequence[Sequence[Told]], tious: Sequence[float], meteor: Meteor
) -> VideoScores:
    """Scores of one video.

    Args:
        told: predictions.
        stories: one or more annotations, each with an event.
        tious: temporal IoUs.
        meteor: that scores pairs.
    """
    told = told[:MOST]
    spans = [span for span, _ in told]
    ious = [overlaps(spans, [span for span, _ in story], 1e-8) for story in stories]
    said = [tokenise(sentence) for _, sentence in told]
    wanted = [tokenise(sentence) for story in stories for _, sentence in story]
    every = np.concatenate(ious, 1)
    scored = [_captions(said, wanted, every >= t, meteor) for t in tious]
    hits = [[iou > t for iou in ious] for t in tious]
    return VideoScores(
        {name: tuple(s[name] for s in scored) for name in _names(meteor)},
        tuple(max(float(hit.any(0).mean()) for hit in row) for row in hits),
        tuple(max(float(hit.any(1).mean()) for hit in row) if told else 0.0 for row in hits),
        len(told),
        soda_of(told, stories, meteor)[0],
    )


def summary(rows: Sequence[VideoScores], tious: Sequence[float] = TIOUS) -> dict[str, float]:
    """Means over videos; names as `dense_captioning` returns them."""
    columns = {name: [row.captions[name] for row in rows] for name in rows[0].captions}
    columns |= {"recall": [row.recall for row in rows], "precision": [r.precision for r in rows]}
    at = {name: np.array(column).mean(0) for name, column in columns.items()}
    both = at["recall"] + at["precision"]
    at["f1"] = 2 * at["recall"] * at["precision"] / np.where(both > 0, both, 1)
    out = {name: 100 * float(values.mean()) for name, values in at.items()}
    out["soda"] = 100 * sum(row.soda for row in rows) / len(rows)
    out["predictions"] = sum(row.predictions for row in rows) / len(rows)
    out["videos"] = float(len(rows))
    for name, values in at.items():
        out |= {f"{name}_iou{t:g}": 100 * float(v) for t, v in zip(tious, values, strict=True)}
    return out


def _captions(
    said: Sequence[Tokens], wanted: Sequence[Tokens], met: Bool[np.ndarray, "N M"], meteor: Meteor
) -> dict[str, float]:
    """Scores of a video's pairs as one corpus."""
    if not said:
        return dict.fromkeys(_names(meteor), 0.0)
    pairs: list[tuple[Tokens, Tokens]] = []
    for words, row in zip(said, met, strict=True):
        others = [wanted[j] for j in np.nonzero(row)[0].tolist()]
        pairs += [(words, other) for other in others or [GARBAGE]]
    hypotheses = [words for words, _ in pairs]
    references = [[other] for _, other in pairs]
    out = {"cider_d": _mean(cider_d(hypotheses, references))}
    out |= {f"bleu{n + 1}": s for n, s in enumerate(bleu(hypotheses, references))}
    out["rouge_l"] = _mean(rouge_l(hypotheses, references))
    out[meteor.name] = _mean(meteor(hypotheses, references))
    return out


def _names(meteor: Meteor) -> tuple[str, ...]:
    return ("cider_d", *(f"bleu{n + 1}" for n in range(ORDERS)), "rouge_l", meteor.name)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
