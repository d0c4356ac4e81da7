"""The index files of The Sound of Pixels and of those who took its loader over.

- ``sop``: ``./data/audio/cello/x.mp3,./data/frames/cello/x.mp4,1220``, 8 fps. Relative paths.
- ``ccol`` (CCoL, iQuery): ``/flute/x.wav,/flute/x.mp4,122``, 1 fps. The leading slash is the root.
- ``clipsep``: ``audio/x.wav,frames/x,122,playing violin``, 1 fps. A label, or (``train.csv``, with
  the author's absolute paths) none, and frames without a suffix.
- ``avpc``: ``/a/x.wav,/v/x.mp4,8,1220``, 8 fps. The parts of 20 s, then the count of frames.

No header; ``frames`` is a folder of ``000001.jpg`` ... although its name may end in ``.mp4``. The
class is the label, else the folder of the sound. A sound whose path ends in ``silent`` is silence
on purpose. ``*_sep.csv`` are fixed test mixtures: two or more sounds a row, joined to the index on
the path of the sound. The frame rates are those of the published lists, where the same
videos appear with 38 frames in one and 297 in another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sensorium.sounds.datasets.lists import first_row, rows, whole_number
from sensorium.sounds.datasets.locating import (
    AUDIO_SUFFIXES,
    VIDEO_SUFFIXES,
    Shelf,
    bare,
    listed_parts,
)
from sensorium.sounds.datasets.manifest import MISSING, SILENT, Item, Listing, Source
from sensorium.sounds.datasets.music import together
from sensorium.sounds.datasets.names import split_of_name

FPS = {"sop": 8.0, "ccol": 1.0, "clipsep": 1.0, "avpc": 8.0}
"""Hertz, of the frames that each kind lists."""

_ROWS = {
    "sop": "audio,frames,count",
    "ccol": "audio,frames,count",
    "clipsep": "audio,frames,count,label",
    "avpc": "audio,frames,parts,count",
}


def read_index(source: Source) -> Listing:
    """One index file, or all in a folder, the fixed mixtures with them."""
    files = source.lists("*.csv")
    indices = [path for path in files if _is_index(first_row(path)) or path == source.data]
    if not indices:
        raise ValueError(
            f"{source.data}: no {source.kind} index, expected rows of {_ROWS[source.kind]}"
        )
    shelf = Shelf(source.root)
    items: dict[str, Item] = {}
    uids: dict[tuple[str, ...], str] = {}
    twice: list[str] = []
    for path in indices:
        for row in _rows(path, source.kind):
            item = _item(row, shelf, source.fps or FPS[source.kind], split_of_name(path.stem))
            uids[_key(row.audio, row.where)] = item.uid
            _add(items, item, twice)
    mixtures, notes = _mixtures([p for p in files if p not in indices], uids)
    if twice:
        notes.append(
            f"{len(twice)} recordings are listed in two splits (the first: {twice[0]}); "
            "each is kept only in the one that is furthest from training"
        )
    return Listing(source.kind, tuple(items.values()), mixtures, tuple(notes))


def dialect(row: list[str]) -> str | None:
    """The kind of list that a first row belongs to; ``mixtures``, or ``None`` for another list."""
    if len(row) >= 2 and all(_is_sound(field) for field in row):
        return "mixtures"
    if len(row) not in (3, 4) or not (_is_sound(row[0]) or _is_silent(row[0])):
        return None
    if whole_number(row[2]) is None:
        return None
    if len(row) == 4:
        return "clipsep" if whole_number(row[3]) is None else "avpc"
    if not row[1].lower().endswith(tuple(VIDEO_SUFFIXES)):
        return "clipsep"
    return "ccol" if row[1].startswith("/") else "sop"


def _is_index(row: list[str]) -> bool:
    """Whether a list is an index, maybe a malformed one, which is then refused by its line."""
    kind = dialect(row)
    return kind in FPS or (kind is None and len(row) >= 3 and _is_sound(row[0]))


@dataclass(frozen=True)
class _Row:
    where: str
    audio: str
    frames: str
    count: int
    label: str


def _rows(path: Path, kind: str) -> Iterator[_Row]:
    for number, fields in rows(path):
        where = f"{path}, line {number}"
        four = kind in ("clipsep", "avpc") and len(fields) == 4
        if not (four or len(fields) == 3) or not all(fields[:2]):
            raise ValueError(
                f"{where}: got {len(fields)} columns ({','.join(fields)[:60]}), expected "
                f"{_ROWS[kind]}; if it is a list of another kind, say so with --kind"
            )
        count = whole_number(fields[3] if four and kind == "avpc" else fields[2])
        if count is None:
            raise ValueError(
                f"{where}: got {fields[2]!r} for the count of frames, expected a whole number"
            )
        named = fields[3] if four and kind == "clipsep" else ""
        parts = listed_parts(fields[0], where)
        label = named or (parts[-2] if len(parts) > 1 else "")
        yield _Row(where, fields[0], fields[1], count, together(label))


def _item(row: _Row, shelf: Shelf, fps: float, split: str) -> Item:
    silent = _is_silent(row.audio)
    name = listed_parts(row.frames if silent else row.audio, row.where)[-1]
    item = Item(f"{row.label}/{bare(name)}", row.label, fps=fps, n_frames=row.count, split=split)
    sound = None if silent else shelf.sound(row.audio, row.where)
    picture = shelf.picture(row.frames, row.where)
    if picture is not None:
        path, is_folder = picture
        item = (
            replace(item, frames_dir=path)
            if is_folder
            else replace(item, video_path=path, fps=0.0, n_frames=0)
        )
    item = replace(item, audio_path=sound)
    lost = [row.audio] if sound is None and not silent else []
    lost += [row.frames] if picture is None else []
    if lost:
        return replace(item, status=f"{MISSING}: {', '.join(lost)}")
    return replace(item, status=SILENT) if silent else item


_FURTHEST = ("", "train", "val", "test")


def _add(items: dict[str, Item], item: Item, twice: list[str]) -> None:
    """Keep an item that is listed twice where it cannot be learnt from and tested on."""
    before = items.get(item.uid)
    if before is None:
        items[item.uid] = item
    elif before.split != item.split:
        twice.append(item.uid)
        if _FURTHEST.index(item.split) > _FURTHEST.index(before.split):
            items[item.uid] = item


def _mixtures(
    files: list[Path], uids: dict[tuple[str, ...], str]
) -> tuple[tuple[tuple[str, ...], ...], list[str]]:
    found: list[tuple[str, ...]] = []
    unknown = total = 0
    for path in files:
        if dialect(first_row(path)) != "mixtures":
            continue
        for number, fields in rows(path):
            where = f"{path}, line {number}"
            names = tuple(uids.get(_key(field, where), "") for field in fields if field)
            total += 1
            if len(names) < 2:
                raise ValueError(f"{where}: got {len(names)} sounds, expected two or more")
            if all(names):
                found.append(names)
            else:
                unknown += 1
    notes = [f"{unknown} of {total} test mixtures name sounds that no index lists"]
    return tuple(found), notes if unknown else []


def _key(listed: str, where: str) -> tuple[str, ...]:
    """What a path of a mixture and of an index have in common: class folder and name."""
    *above, name = listed_parts(listed, where)
    return (*above[-1:], bare(name))


def _is_sound(field: str) -> bool:
    return "/" in field and field.lower().endswith(tuple(AUDIO_SUFFIXES))


def _is_silent(field: str) -> bool:
    return field.endswith("silent")
