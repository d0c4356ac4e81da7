"""``sensorium check``: what is wrong with a data set, said before a long run finds out.

Every recording is opened, its whole sound is decoded in blocks, and its first, middle and last
pictures are. Whole films are not decoded: that costs as much as preparing them, which notes damage
as well.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from math import log10
from typing import Literal

from sensorium.sounds.datasets.index import FPS
from sensorium.sounds.datasets.manifest import DAMAGED, MISSING, Item, Listing
from sensorium.sounds.datasets.parallel import in_order
from sensorium.sounds.datasets.recordings import Opened, open_item
from sensorium.types import Audio, Span, Video

ProblemKind = Literal[
    "missing", "failed", "unreadable", "damaged", "silent", "short", "out of step", "frame rate"
]
WINDOW_SECONDS = 65535 / 11025
"""What The Sound of Pixels looks at at once."""

SILENT_DB = -60.0
"""The loudest sample of a recording that is counted as silent, in dB of full scale."""

_BLOCK_SECONDS = 30.0
_STEP_SECONDS = 0.5  # by which sound and picture may differ
_STEP_FRAMES = 2.5  # the same in frames: extraction at 1 fps adds up to two
_RATE_SHARE = 0.1  # by which frames per second of sound may differ from what is listed


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; ``text`` is a line for people."""

    kind: ProblemKind
    text: str


@dataclass(frozen=True)
class Finding:
    """What was found out about one recording.

    Attributes:
        item: as listed.
        problems: what is wrong with it.
        seconds: with both sound and picture; 0 where it could not be opened.
        peak_db: the loudest sample in dB of full scale; ``None`` where no sound was heard.
    """

    item: Item
    problems: tuple[Problem, ...] = ()
    seconds: float = 0.0
    peak_db: float | None = None


@dataclass
class _Look:
    """A recording under inspection."""

    item: Item
    problems: list[Problem] = field(default_factory=list)
    peak: float = 0.0

    def add(self, kind: ProblemKind, text: str) -> None:
        self.problems.append(Problem(kind, " ".join(text.split())))


def check(
    listing: Listing, window_seconds: float = WINDOW_SECONDS, workers: int = 0
) -> Generator[Finding, None, None]:
    """What is wrong with each recording, in the order of the list.

    Args:
        listing: by `kinds.read_listing`.
        window_seconds: recordings shorter than this are ``short``.
        workers: recordings at a time; 0: one per processor.
    """
    if not 0 <= window_seconds < float("inf"):
        raise ValueError(f"the window must be 0 seconds or more, got {window_seconds!r}")
    work = partial(_inspect, window_seconds, listing.kind)
    with closing(in_order(work, listing.items, workers)) as findings:
        yield from findings


def _inspect(window: float, kind: str, item: Item, stop: threading.Event) -> Finding:
    look = _Look(item)
    if not item.usable:
        status, _, why = item.status.partition(": ")
        look.add("missing" if status == MISSING else "failed", why or status)
        return Finding(item, tuple(look.problems))
    try:
        opened = open_item(item)
    except (ValueError, OSError) as error:
        look.add("unreadable", str(error))
        return Finding(item, tuple(look.problems))
    _look_at(look, opened.video)
    if opened.audio is not None:
        _listen(look, opened, stop)
    if item.status.startswith(DAMAGED):
        look.add("damaged", item.status.partition(": ")[2])
    for line in opened.problems:
        look.add("damaged", line)
    seconds = opened.span.duration
    if seconds < window:
        look.add("short", f"{seconds:.2f} s of sound with pictures, a window has {window:.2f} s")
    if opened.audio is not None:
        _compare(look, opened.video, opened.audio, kind)
    heard = opened.audio is not None and look.peak > 0
    peak_db = round(20 * log10(look.peak), 1) if heard else None
    return Finding(item, tuple(look.problems), round(seconds, 3), peak_db)


def _look_at(look: _Look, video: Video) -> None:
    """The first, the middle and the last picture."""
    span = video.span
    try:
        video.frames([span.start, span.centre, max(span.start, span.end - 0.5 / video.fps)])
    except (ValueError, OSError) as error:
        look.add("unreadable", str(error))


def _listen(look: _Look, opened: Opened, stop: threading.Event) -> None:
    """The whole sound, block by block."""
    audio, span = opened.audio, opened.span
    assert audio is not None
    start = span.start
    try:
        while start < span.end and not stop.is_set():
            end = min(start + _BLOCK_SECONDS, span.end)
            block = audio.samples(Span(start, end)).mean(0)  # [C, N] -> [N]
            look.peak = max(look.peak, float(block.abs().max()) if len(block) else 0.0)
            start = end
    except (ValueError, OSError) as error:
        look.add("unreadable", str(error))
        return
    if look.peak < 10 ** (SILENT_DB / 20):
        level = (
            f"its loudest sample is {20 * log10(look.peak):.0f} dB" if look.peak else "all zeros"
        )
        look.add("silent", f"no sound is heard: {level}")


def _compare(look: _Look, video: Video, audio: Audio, kind: str) -> None:
    """Durations, counts and rates of sound and picture."""
    item = look.item
    heard, seen = audio.span.duration, video.span.duration
    counted = round(seen * video.fps)
    if item.n_frames and abs(counted - item.n_frames) > 1:
        look.add("out of step", f"{item.n_frames} pictures are listed, {counted} are there")
    apart = abs(heard - seen)
    if apart <= max(_STEP_SECONDS, _STEP_FRAMES / video.fps if item.frames_dir else 0.0):
        return
    measured = counted / heard if heard else 0.0
    if item.frames_dir and abs(measured / item.fps - 1) > _RATE_SHARE:
        others = [name for name, fps in FPS.items() if abs(measured / fps - 1) <= _RATE_SHARE]
        hint = f"--kind {others[0]}" if others and kind in FPS else f"--listed-fps {measured:.3g}"
        look.add(
            "frame rate",
            f"{counted} pictures over {heard:.1f} s of sound are {measured:.2f} per second, "
            f"listed are {item.fps:g}; if all are so, try {hint}",
        )
    else:
        look.add("out of step", f"{seen:.2f} s of pictures, {heard:.2f} s of sound")
