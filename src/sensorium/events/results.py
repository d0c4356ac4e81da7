"""`Story`: what happens in a video and when, a sentence for each event."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from sensorium.events.subtitle_files import chapter_metadata, srt, vtt
from sensorium.system import Result
from sensorium.types import Span

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LETTERS = 60  # of a line in the figure
_ROWS = 40  # of the figure, at most


@dataclass(frozen=True)
class Event:
    """A stretch of time and what happens in it.

    Attributes:
        start: in seconds on the clip's clock.
        end: likewise.
        sentence: what happens.
        score: 0..1, how sure that is.

    Raises:
        ValueError: when it ends before it starts, or the score is not 0..1.
    """

    start: float
    end: float
    sentence: str
    score: float

    def __post_init__(self) -> None:
        Span(self.start, self.end)
        if not 0 <= self.score <= 1:
            raise ValueError(f"an event's score must be 0 to 1, got {self.score!r}")

    @property
    def span(self) -> Span:
        """From start to end."""
        return Span(self.start, self.end)

    def to_dict(self) -> dict[str, Any]:
        """``start`` and ``end`` in seconds, ``sentence``, ``score``."""
        return {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "sentence": self.sentence,
            "score": round(self.score, 4),
        }


@dataclass(frozen=True)
class Story(Result):
    """The story of one clip; it may be empty.

    Attributes:
        file: the clip's name.
        system: which weights answered.
        span: of the clip, in seconds on its clock.
        events: in order of time; they may overlap.
        unfamiliarity: 0..1, calibrated so that above 0.5 the clip is unlike anything the weights
            know; ``None`` when the weights carry no calibration.
    """

    file: str
    system: str
    span: Span
    events: tuple[Event, ...]
    unfamiliarity: float | None = None

    def __post_init__(self) -> None:
        ordered = sorted(self.events, key=lambda event: (event.start, event.end))
        object.__setattr__(self, "events", tuple(ordered))

    @property
    def out_of_domain(self) -> bool | None:
        """Whether the clip is unlike anything the weights know (``None``: not calibrated)."""
        return None if self.unfamiliarity is None else self.unfamiliarity > 0.5

    @property
    def cues(self) -> list[tuple[Span, str]]:
        """Events as a player counts time: 0 where the clip starts, and nothing after its end."""
        zero, last = self.span.start, self.span.duration

        def counted(time: float) -> float:
            return min(max(time - zero, 0.0), last)

        return [(Span(counted(e.start), counted(e.end)), e.sentence) for e in self.events]

    def to_dict(self) -> dict[str, Any]:
        """``file``, ``system``, ``out_of_domain``, ``unfamiliarity``, ``start``, ``end``.

        And ``events``: each a ``start``, ``end``, ``sentence`` and ``score``.
        """
        far = self.unfamiliarity
        return {
            "file": self.file,
            "system": self.system,
            "out_of_domain": self.out_of_domain,
            "unfamiliarity": None if far is None else round(far, 4),
            "start": round(self.span.start, 3),
            "end": round(self.span.end, 3),
            "events": [event.to_dict() for event in self.events],
        }

    def save(self, folder: str | Path) -> list[Path]:
        """``story.json``, ``story.srt``, ``story.vtt``, ``chapters.txt`` and ``story.png``.

        Subtitles and chapters count time as players do, from 0 at the clip's start.
        ``chapters.txt`` is ffmpeg's metadata format: ``ffmpeg -i in.mp4 -i chapters.txt -map 0
        -map_chapters 1 -codec copy out.mp4`` puts them into a video.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        texts = {
            "story.json": json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n",
            "story.srt": srt(self.cues),
            "story.vtt": vtt(self.cues),
            "chapters.txt": chapter_metadata(self.cues),
        }
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        picture = folder / "story.png"
        self.figure().savefig(picture, dpi=120, bbox_inches="tight")
        return [*(folder / name for name in texts), picture]

    def figure(self) -> Figure:
        """Events over time, a row each; of more than 40 the surest."""
        from matplotlib.figure import Figure

        shown = sorted(self.events, key=lambda event: -event.score)[:_ROWS]
        shown.sort(key=lambda event: (event.start, event.end))
        figure = Figure(figsize=(9, 0.9 + 0.32 * max(2, len(shown))))
        axes = figure.subplots()
        late = self.span.start + 0.5 * self.span.duration
        for row, event in enumerate(shown):
            colour = "0.6" if self.out_of_domain else f"C{row % 10}"
            axes.barh(row, event.end - event.start, 0.7, event.start, color=colour, alpha=0.75)
            before = event.span.centre > late
            axes.annotate(
                fill(event.sentence, _LETTERS),
                (event.start if before else event.end, row),
                (-4 if before else 4, 0),
                textcoords="offset points",
                ha="right" if before else "left",
                va="center",
                fontsize=8,
                parse_math=False,
            )
        if not shown:
            axes.text(0.5, 0.5, "no event", transform=axes.transAxes, ha="center", color="0.4")
        axes.set(xlim=(self.span.start, max(self.span.end, self.span.start + 1e-3)), yticks=[])
        axes.set(ylim=(max(2, len(shown)) - 0.5, -0.5), xlabel="seconds")
        axes.spines[["top", "left", "right"]].set_visible(False)
        if self.out_of_domain:
            axes.set_title("unlike anything these weights know: do not trust this", color="C3")
        elif len(shown) < len(self.events):
            axes.set_title(f"the {len(shown)} surest of {len(self.events)} events", fontsize=9)
        return figure
