"""Training examples from annotated videos and feature vectors, whatever files both come from.

Time counts as fractions of a passage, so vectors need no exact rate. A passage with more vectors
than an example holds is resampled, not cut: its sentences keep their places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from sensorium.events.features import Features
from sensorium.events.vocabulary import Words
from sensorium.seeds import derive, generator
from sensorium.types import Span


class Vectors(Protocol):
    """Feature vectors by the name of a video."""

    @property
    def dim(self) -> int:
        """Numbers of a vector."""

    @property
    def rate(self) -> float:
        """Vectors per second, in hertz."""

    def of(self, video: str, span: Span | None = None) -> Features:
        """Those of a span of a video in seconds, or of all of it.

        Raises:
            ValueError: when there are none.
        """


@dataclass(frozen=True)
class Passage:
    """A video or a part of it, with what is told of it.

    Attributes:
        video: its name.
        span: the part, in seconds; ``None``: all.
        duration: of the passage in seconds; ``None``: what its vectors take at their rate.
        events: in seconds from the passage's start; their order tells nothing to who trains.
    """

    video: str
    span: Span | None
    duration: float | None
    events: tuple[tuple[Span, str], ...]


@dataclass(frozen=True)
class Form:
    """How large examples are.

    Attributes:
        steps: vectors; shorter passages are filled up with zeros.
        rows: sentences.
        longest: numbers of a sentence, both ends counted; what is longer loses its last words.
        timed: whether examples tell when the sentences are true.
    """

    steps: int
    rows: int
    longest: int
    timed: bool


class PassageExamples:
    """Passages as examples, with the keys that `WSDECSystem` lists.

    ``features`` ``float16 [T, D]``, ``length`` ``int64 []``, ``words`` ``int64 [S, L]``,
    ``word_count`` ``int64 [S]``, ``sentences`` ``int64 []``, and where examples are timed ``spans``
    ``float32 [S, 2]``, ``(centre, width)`` in fractions of the passage.
    """

    def __init__(
        self, passages: Sequence[Passage], vectors: Vectors, words: Words, form: Form
    ) -> None:
        self.passages, self.vectors, self.words, self.form = tuple(passages), vectors, words, form

    def __len__(self) -> int:
        return len(self.passages)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Example ``index``; ``seed`` drives the order of the sentences, and which are left out.

        Raises:
            ValueError: when the video has no vectors.
        """
        passage, form = self.passages[index], self.form
        features = self.features(index)
        duration = passage.duration or features.span.duration
        order = generator(seed, "order", index).permutation(len(passage.events))
        events = [passage.events[i] for i in order][: form.rows]
        words, word_count = self.words.padded([e[1] for e in events], form.rows, form.longest)
        values = torch.zeros(form.steps, features.dim, dtype=torch.float16)
        values[: len(features)] = features.values.half()
        out = {
            "features": values,
            "length": torch.tensor(len(features)),
            "words": words,
            "word_count": word_count,
            "sentences": torch.tensor(len(events)),
        }
        if form.timed:
            spans = torch.zeros(form.rows, 2)
            for row, (span, _) in enumerate(events):
                start, end = (min(max(t / duration, 0.0), 1.0) for t in (span.start, span.end))
                spans[row] = torch.tensor([0.5 * (start + end), end - start])
            out["spans"] = spans
        return out

    def features(self, index: int) -> Features:
        """Vectors of a passage, at most as many as an example holds."""
        passage = self.passages[index]
        features = self.vectors.of(passage.video, passage.span)
        if not len(features):
            raise ValueError(f"{passage.video}: has no feature vector in {passage.span}")
        if len(features) > self.form.steps:
            rate = features.rate * self.form.steps / len(features)
            features = Features(features.values.float(), features.rate, features.start)
            features = features.resampled(rate)
        return features

    def sentences(self, index: int) -> list[tuple[float, float, str]]:
        """Start and end in seconds, and the sentence, of every event in order of start."""
        return [(span.start, span.end, text) for span, text in sorted(self.passages[index].events)]


def in_draw(names: Sequence[str], seed: int = 0) -> list[str]:
    """Names in an order that depends on nothing but themselves: the first few are a fair draw."""
    return sorted(names, key=lambda name: (derive(seed, "draw", name), name))


def most_told(passages: Sequence[Passage]) -> int:
    """Sentences of the passage with most of them, 1 at least."""
    return max((len(passage.events) for passage in passages), default=1) or 1
