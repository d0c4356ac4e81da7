"""What one ability adds to a report: words, stretches of time, curves, moments and JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sensorium.types import Clip, Span
from sensorium.watch.clock import Clock
from sensorium.watch.weights import Weights


@dataclass(frozen=True)
class Setting:
    """What an ability gets beside its result, to make a section of it.

    Attributes:
        clip: that was watched.
        clock: the clip's times as the player counts them.
        weights: whose result it is, with their card.
        folder: of the report in the making; files written here stay beside the page and are named
            in ``Section.files``.
        told: takes the share of the section's own work that is done, 0..1.
    """

    clip: Clip
    clock: Clock
    weights: Weights
    folder: Path
    told: Callable[[float], None] = lambda share: None


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
        warning: heading of the notice.
        remark: a smaller reservation; empty when there is none.
        lanes: rows of the time line.
        legend: what the curve behind a lane's bands is, to end "the curve behind it is ...".
        moments: times that deserve a key frame.
        body: an HTML fragment, escaped by the section.
        place: where the fragment goes, beside the player, above or below the time line.
        over: an HTML fragment over the player's picture, which it exactly covers.
        under: an HTML fragment right under the player.
        files: what it wrote into the report's folder, relative to that.
        script: JavaScript of its own; runs after the page's, which offers ``window.sensorium``.
        style: CSS of the section's own.
    """

    name: str
    title: str
    system: str
    data: dict[str, Any] = field(repr=False)
    summary: str = ""
    notice: str = ""
    warning: str = "Do not trust these labels"
    remark: str = ""
    lanes: tuple[Lane, ...] = field(default=(), repr=False)
    legend: str = ""
    moments: tuple[Moment, ...] = field(default=(), repr=False)
    body: str = field(default="", repr=False)
    place: Literal["beside", "above", "below"] = "below"
    over: str = field(default="", repr=False)
    under: str = field(default="", repr=False)
    files: tuple[str, ...] = ()
    script: str = field(default="", repr=False)
    style: str = field(default="", repr=False)
