"""One video told and searched: its features are made once, however many sentences are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sensorium.events.results import Story
from sensorium.events.systems import WSDECSystem
from sensorium.events.windows import Fetch
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
    *,
    story: bool = True,
    told: Told = lambda share: None,
) -> tuple[Story | None, tuple[Found, ...]]:
    """The story of a clip, and where it shows what sentences tell.

    Memory is bounded while there is one thing to find out; for more of them the features of the
    whole clip are kept (the bundled weights': about 110 MB an hour).

    Args:
        system: in ``eval()`` mode.
        clip: of any length.
        sentences: to find.
        story: whether the story is told.
        told: takes the share that is done, 0..1.

    Raises:
        ValueError: when no word of a sentence is known, or the clip lacks what the features are
            made of.
    """
    own, total = system.fetch(clip)
    kept: dict[tuple[int, int], Tensor] = {}
    passes = len(sentences) + story
    first_share = 0.9 if passes > 1 else 1.0  # of the work: what is kept costs little to go over

    def reading(number: int) -> Fetch:
        """The features, with what is done by the end of what is read."""

        def fetch(first: int, last: int) -> Tensor:
            place = first, last
            rows = kept[place] if place in kept else own(first, last)
            if passes > 1:
                kept[place] = rows
            share = last / total
            later = (number - 1 + share) / max(1, passes - 1)
            told(first_share * share if number == 0 else 0.9 + 0.1 * later)
            return rows

        return fetch

    said = system.predict(clip, reading(0)) if story else None
    found = []
    for number, sentence in enumerate(sentences, int(story)):
        span, score = system.find(clip, sentence, reading(number))
        found.append(Found(sentence, span, score, system.words.unknown(sentence)))
    told(1.0)
    return said, tuple(found)
