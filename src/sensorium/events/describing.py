"""One video told and searched: its features are made once, however many sentences are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sensorium.events.results import Story
from sensorium.events.systems import WSDECSystem
from sensorium.types import Clip, Span

Told = Callable[[float], None]


@dataclass(frozen=True)
class Found:
    """Where a sentence is found best.

    Attributes:
        sentence: as it was asked for.
        span: in seconds on the clip's clock.
        score: 0..1; a place is always given, a low score says that it is hardly there.
        unknown: words that the weights never met; the rest of the sentence is looked for.
    """

    sentence: str
    span: Span
    score: float
    unknown: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """``sentence``, ``start``, ``end``, ``score``, ``unknown``."""
        return {
            "sentence": self.sentence,
            "start": round(self.span.start, 3),
            "end": round(self.span.end, 3),
            "score": round(self.score, 4),
            "unknown": list(self.unknown),
        }


def describe(
    system: WSDECSystem,
    clip: Clip,
    sentences: Sequence[str] = (),
    told: Told = lambda share: None,
) -> tuple[Story, tuple[Found, ...]]:
    """The story of a clip, and where it shows what sentences tell.

    Memory is bounded as long as no sentence is asked for; else the features of the whole clip are
    kept (about 75 MB an hour with the bundled weights).

    Args:
        system: in ``eval()`` mode.
        clip: of any length.
        sentences: to find.
        told: takes the share that is done, 0..1.

    Raises:
        ValueError: when no word of a sentence is known, or the clip lacks what the features are
            made of.
    """
    own, total = system.fetch(clip)
    kept: dict[tuple[int, int], Tensor] = {}
    done = 0  # of the sentences
    first = 0.9 if sentences else 1.0  # share of the work: going over kept features costs little

    def read(start: int, end: int) -> Tensor:
        rows = own(start, end)
        if sentences:
            kept[start, end] = rows
        told(first * end / total)
        return rows

    def read_again(start: int, end: int) -> Tensor:
        told(first + (1 - first) * (done + end / total) / len(sentences))
        return kept[start, end]

    story = system.predict(clip, read)
    found = []
    for done, sentence in enumerate(sentences):  # noqa: B007  read_again looks at it
        span, score = system.find(clip, sentence, read_again)
        found.append(Found(sentence, span, abs(score), system.words.unknown(sentence)))
    told(1.0)
    return story, tuple(found)
