"""How well sentences are found and videos told, fed to meters batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from sensorium.events.anchors import edges, iou
from sensorium.events.fixed_point import FixedPointConfig, Told, settle
from sensorium.events.generator import Generator
from sensorium.events.localiser import Localiser
from sensorium.events.losses import Lesson, spread
from sensorium.events.targets import anchor_likelihoods
from sensorium.events.vocabulary import Words
from sensorium.system import Meter
from sensorium.types import Span

THRESHOLDS = (0.3, 0.5, 0.7)
"""IoUs at which a sentence counts as found."""

Story = list[tuple[Span, str]]


def meters() -> dict[str, Meter]:
    """Fresh ones: localisation over sentences, dense captioning over videos, two diagnostics.

    ``label_miou`` is the IoU of the anchor that the generator likes best, ``spread`` the variance
    of the found centres of a video (0: collapsed). See `sensorium.events.metrics` for the others.
    """
    from torchmetrics import MeanMetric

    from sensorium.events.metrics.meters import story_meters

    names = ("miou", *(f"recall1_iou{t}" for t in THRESHOLDS), "label_miou", "spread")
    return {name: MeanMetric() for name in names} | story_meters()


@torch.no_grad()
def measure_found(
    localiser: Localiser, generator: Generator, lesson: Lesson, told: Mapping[str, Meter]
) -> None:
    """Find the sentences of a batch whose true spans are known."""
    assert lesson.spans is not None
    video = (lesson.features, lesson.length)
    spans = localiser.best(*localiser(*video, lesson.words, lesson.word_count))
    overlaps = iou(spans, lesson.spans)[lesson.told]
    told["miou"].update(overlaps)
    for threshold in THRESHOLDS:
        told[f"recall1_iou{threshold}"].update((overlaps >= threshold).float())
    anchors = localiser.anchors.expand(len(spans), -1, -1)
    likely = anchor_likelihoods(generator, *video, anchors, lesson.words, lesson.word_count)
    labels = anchors.gather(1, likely.argmax(-1)[..., None].expand(-1, -1, 2))
    told["label_miou"].update(iou(labels, lesson.spans)[lesson.told])
    for row, some in zip(spans, lesson.told, strict=True):
        told["spread"].update(spread(row[None], some[None]))


@torch.no_grad()
def measure_told(
    networks: tuple[Localiser, Generator],
    lesson: Lesson,
    search: FixedPointConfig,
    words: Words,
    told: Mapping[str, Meter],
) -> None:
    """Tell the videos of a batch, and compare with what happens in them."""
    from sensorium.events.metrics.meters import feed

    stories = settle(*networks, lesson.features, lesson.length, search)
    feed(told, [story_of(events, words) for events in stories], true_stories(lesson, words))


def story_of(events: Sequence[Told], words: Words) -> Story:
    """Events in words, spans in fractions of the video."""
    return [(Span(e.start, e.end), words.decode(e.words)) for e in events]


def true_stories(lesson: Lesson, words: Words) -> list[Story]:
    """What happens in each video, spans in fractions of the video."""
    assert lesson.spans is not None
    ends: list[list[list[float]]] = edges(lesson.spans).tolist()
    return [
        [
            (Span(*ends[video][row]), words.decode(said))
            for row, said in enumerate(lesson.words[video].tolist())
            if bool(some[row])
        ]
        for video, some in enumerate(_rows(lesson.told))
    ]


def _rows(told: Tensor) -> list[list[bool]]:
    rows: list[list[bool]] = told.tolist()
    return rows
