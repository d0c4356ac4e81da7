"""What one ability adds to a report: words, stretches of time, curves, moments and JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sensorium.types import Span


@dataclass(frozen=True)
class Segment:
    """A stretch of the time line that can be clicked; ``score`` is 0..1."""

    span: Span
    label: str
    score: float


@dataclass(frozen=True)
class Lane:
    """One row of the time line.

    Attributes:
        label: at the row's left.
        segments: in order of time.
        curve: ``(seconds, 0..1)`` points drawn behind the segments.
        hue: of the row, in degrees; ``None`` is grey.
    """

    label: str
    segments: tuple[Segment, ...] = ()
    curve: tuple[tuple[float, float], ...] = ()
    hue: float | None = None


@dataclass(frozen=True)
class Moment:
    """A time worth a picture; ``weight`` ranks it against others when there are too many."""

    time: float
    caption: str
    weight: float = 1.0
    hue: float | None = None


@dataclass(frozen=True)
class Section:
    """One ability's part of a report.

    Attributes:
        name: of the ability, as in ``sensorium.<name>``.
        title: of the section.
        system: which weights answered.
        data: plain JSON types with the keys that the whole package shares.
        summary: one or two plain sentences for the head of the page.
        notice: why the answer must not be trusted; empty when it may be.
        remark: a smaller reservation; empty when there is none.
        lanes: rows of the time line.
        moments: times that deserve a key frame.
        body: an HTML fragment, escaped by the section.
        place: where the fragment goes, beside the player or below the time line.
        script: JavaScript of its own; runs after the page's, which offers ``window.sensorium``.
        style: CSS of the section's own.
    """

    name: str
    title: str
    system: str
    data: dict[str, Any] = field(repr=False)
    summary: str = ""
    notice: str = ""
    remark: str = ""
    lanes: tuple[Lane, ...] = field(default=(), repr=False)
    moments: tuple[Moment, ...] = field(default=(), repr=False)
    body: str = field(default="", repr=False)
    place: Literal["beside", "below"] = "below"
    script: str = field(default="", repr=False)
    style: str = field(default="", repr=False)
