"""Which recordings train, validate and test.

As published where a file says so. Otherwise by a hash of the video's name under `SEED`: 80 % train,
10 % val, 10 % test, the same on every machine, whatever else is listed; all shots of a video fall
together. Where that leaves a class of three or more videos without one in a part, the video whose
hash lies nearest to that part moves there. A published list without val keeps a tenth of its
training videos for it, by the same hash; one without test is tested on val, as the papers that
published it do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from sensorium.seeds import derive
from sensorium.sounds.datasets.manifest import Item

SEED = 0
HELD_OUT = 0.1
"""Share of val, and of test."""

_MIDDLES = {"train": 0.6, "val": 0.05, "test": 0.15}


def video_of(uid: str) -> str:
    """The uid without its shot."""
    video, mark, shot = uid.rpartition("#")
    return video if mark and shot.isdigit() else uid


def draw(uid: str) -> float:
    """0..1 by the hash of the video's name."""
    return derive(SEED, "sounds", "split", video_of(uid)) / 2**63


def with_splits(items: Iterable[Item]) -> tuple[Item, ...]:
    """Every item with the split it belongs to; see the module's text."""
    items = tuple(items)
    published = {item.split for item in items} - {""}
    if not published:
        parts = _by_hash(items)
        return tuple(replace(item, split=parts[video_of(item.uid)]) for item in items)
    given = tuple(item if item.split else replace(item, split="train") for item in items)
    if "val" in published or published == {"test"}:
        return given
    return tuple(_kept_for_val(item) for item in given)


def _kept_for_val(item: Item) -> Item:
    kept = item.split == "train" and draw(item.uid) < HELD_OUT
    return replace(item, split="val") if kept else item


def _by_hash(items: tuple[Item, ...]) -> dict[str, str]:
    parts: dict[str, str] = {}
    of_class: dict[str, list[str]] = {}
    for item in items:
        video = video_of(item.uid)
        if video not in parts:
            of_class.setdefault(item.label, []).append(video)
            parts[video] = _part(draw(video))
    for videos in of_class.values():
        if len(videos) >= 3:
            for part, middle in _MIDDLES.items():
                _fill(parts, videos, part, middle)
    return parts


def _part(share: float) -> str:
    if share < HELD_OUT:
        return "val"
    return "test" if share < 2 * HELD_OUT else "train"


def _fill(parts: dict[str, str], videos: list[str], part: str, middle: float) -> None:
    """Move the nearest video to a part that a class lacks, from one that has two or more."""
    counts = Counter(parts[video] for video in videos)
    if not counts[part]:
        spare = [video for video in videos if counts[parts[video]] > 1]
        parts[min(spare, key=lambda video: (abs(draw(video) - middle), video))] = part
