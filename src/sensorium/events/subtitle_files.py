"""Stories as other programs read them: SubRip (SRT), WebVTT, and ffmpeg's chapter metadata.

Cues are spans in seconds from the video's start, each with a sentence, in order of time. Subtitles
may overlap. Chapters must not: each ends where the next begins at the latest, and what begins at
the same moment is one chapter. Since a player shows a chapter up to the next one, pauses are
chapters, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sensorium.types import Span

Cue = tuple[Span, str]

PAUSE = "\u2026"
"""Title of a chapter in which nothing happens."""

_LONGEST_PAUSE = 1.0  # seconds that are left to a chapter
_SHORTEST = 0.001  # seconds, the finest that these formats tell apart
_SPECIAL = re.compile(r"[=;#\\]")
_BEHIND_SLASH = r"\\\g<0>"


def srt(cues: Sequence[Cue]) -> str:
    """SubRip; no cue gives an empty file."""
    return "\n".join(
        f"{number}\n{_time(span.start, ',')} --> {_time(_end(span), ',')}\n{_line(text)}\n"
        for number, (span, text) in enumerate(cues, 1)
    )


def vtt(cues: Sequence[Cue]) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1/), its markup escaped."""
    blocks = [
        f"{_time(span.start, '.')} --> {_time(_end(span), '.')}\n{_escaped(_line(text))}\n"
        for span, text in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def chapters(cues: Sequence[Cue]) -> list[Cue]:
    """Stretches that do not overlap, each named by what begins at its start.

    ``PAUSE`` names what lies before and between them, if it is more than a second; a first chapter
    that comes sooner starts with the video.
    """
    starts: dict[int, list[str]] = {}
    ends: dict[int, float] = {}
    for span, text in sorted(cues, key=lambda cue: cue[0]):
        at = round(span.start * 1000)
        if text not in starts.setdefault(at, []):
            starts[at].append(text)
        ends[at] = max(ends.get(at, 0.0), _end(span))
    order = sorted(starts)
    limits = [*(at / 1000 for at in order[1:]), float("inf")][: len(order)]
    named: list[Cue] = []
    for at, limit in zip(order, limits, strict=True):
        start, before = at / 1000, named[-1][0].end if named else 0.0
        if start - before > _LONGEST_PAUSE:
            named.append((Span(before, start), PAUSE))
        first = start if named else 0.0
        named.append((Span(first, min(ends[at], limit)), "; ".join(starts[at])))
    return named


def chapter_metadata(cues: Sequence[Cue]) -> str:
    """What ffmpeg reads (https://ffmpeg.org/ffmpeg-formats.html#Metadata), in milliseconds."""
    blocks = [
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={round(1000 * span.start)}\n"
        f"END={round(1000 * span.end)}\ntitle={_SPECIAL.sub(_BEHIND_SLASH, _line(text))}\n"
        for span, text in chapters(cues)
    ]
    return "\n".join([";FFMETADATA1\n", *blocks])


def _end(span: Span) -> float:
    """The end, a millisecond after the start at least: players skip what takes no time."""
    return max(span.end, span.start + _SHORTEST)


def _line(text: str) -> str:
    """A sentence on one line that cannot be taken for the times of a cue."""
    return " ".join(text.split()).replace("-->", "→")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: float, point: str) -> str:
    """``01:02:03,004``."""
    whole = round(1000 * seconds)
    minutes, rest = divmod(whole, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"
