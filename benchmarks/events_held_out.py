"""Held-out stage episodes for `events_quality.py`: features, sentences in no order, and the truth.

Sentences have no order words and are shown one by one, so that nothing tells in which order they
happen. Spans are fractions of the episode throughout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium.events.datasets.stage import LONGEST, ROWS, StageStories
from sensorium.events.metrics.localisation import localisation
from sensorium.types import Span

Story = list[tuple[Span, str]]
Batch = dict[str, Tensor]


class HeldOut:
    """Episodes of one split.

    Args:
        data: of a system's training; what is made of the episodes is as there.
        split: ``val`` to choose, ``test`` to report.
        count: episodes.
    """

    def __init__(self, data: StageStories, split: Literal["val", "test"], count: int) -> None:
        self.split = split
        self.data = replace(data, held_out=count)
        self.examples = self.data.open(split)
        length = data.seconds
        self.stories: list[Story] = [
            [(Span(a / length, b / length), said) for a, b, said in self.examples.sentences(i)]
            for i in range(count)
        ]

    def __len__(self) -> int:
        return len(self.stories)

    @property
    def truth(self) -> dict[str, Story]:
        """The stories by name, as the metrics want them."""
        return {name(i): story for i, story in enumerate(self.stories)}

    def spans(self, index: int) -> Float[Tensor, "S 2"]:
        """True ``(centre, width)`` of every sentence of an episode."""
        rows = [(span.centre, span.duration) for span, _ in self.stories[index]]
        return torch.tensor(rows, dtype=torch.float32).reshape(-1, 2)

    def batches(self, size: int) -> Iterator[tuple[list[int], Batch]]:
        """Numbers of the episodes and what a system reads of them, with true spans."""
        for first in range(0, len(self), size):
            numbers = list(range(first, min(len(self), first + size)))
            yield numbers, self.batch(numbers)

    def batch(self, numbers: Sequence[int]) -> Batch:
        """What a system reads of some episodes."""
        told = [self.stories[i] for i in numbers]
        tables = [self.data.words.padded([s for _, s in story], ROWS, LONGEST) for story in told]
        spans = torch.zeros(len(numbers), ROWS, 2)
        for row, index in enumerate(numbers):
            spans[row, : len(told[row])] = self.spans(index)
        return {
            "features": torch.stack([self.examples.features(i).values for i in numbers]),
            "length": torch.full((len(numbers),), self.data.steps),
            "words": torch.stack([words for words, _ in tables]),
            "word_count": torch.stack([count for _, count in tables]),
            "sentences": torch.tensor([len(story) for story in told]),
            "spans": spans,
        }

    def localised(self, found: Mapping[int, Float[Tensor, "S 2"]]) -> dict[str, float]:
        """R@1 and mean IoU of a span for every sentence; also of those that overlap and do not."""
        mine = {name(i): spans_of(rows) for i, rows in found.items()}
        true = {name(i): [span for span, _ in self.stories[i]] for i in found}
        out = localisation(mine, true)
        for label, wanted in (("overlapping", True), ("alone", False)):
            rows = {
                video: [k for k, span in enumerate(spans) if overlapped(span, spans) == wanted]
                for video, spans in true.items()
            }
            if any(rows.values()):
                part = localisation(_only(mine, rows), _only(true, rows))
                out[f"miou_{label}"] = part["miou"]
        return out

    def facts(self) -> dict[str, Any]:
        """What the episodes are like."""
        spans = [[span for span, _ in story] for story in self.stories]
        every = [span for video in spans for span in video]
        shared = [overlapped(span, video) for video in spans for span in video]
        return {
            "episodes": len(self),
            "seconds": self.data.seconds,
            "sentences": len(every),
            "without_events": sum(not video for video in spans),
            "overlapping_share": sum(shared) / max(1, len(shared)),
            "mean_width": sum(s.duration for s in every) / max(1, len(every)),
        }


def name(index: int) -> str:
    """Of an episode."""
    return f"episode {index}"


def spans_of(rows: Float[Tensor, "S 2"]) -> list[Span]:
    """``(centre, width)`` as spans within the video."""
    out = []
    for centre, width in rows.tolist():
        start = min(max(centre - width / 2, 0.0), 1.0)
        out.append(Span(start, max(start, min(centre + width / 2, 1.0))))
    return out


def overlapped(span: Span, others: Sequence[Span]) -> bool:
    """Whether a span shares a tenth of itself or more with others of its video."""
    shared = sum(span.overlap(other) for other in others if other is not span)
    return shared >= 0.1 * span.duration


def _only(spans: Mapping[str, list[Span]], rows: Mapping[str, list[int]]) -> dict[str, list[Span]]:
    return {video: [spans[video][k] for k in rows[video]] for video in spans}
