"""The one list that every reader of a data set of sounds fills: an `Item` per recording.

As a file it is a CSV with a header (`COLUMNS`), its paths relative to its own folder. Unknown is
an empty field. Classes that sound together are joined by ``+`` (``cello+flute``), because published
lists join them by a blank and other sets have blanks inside a class name.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

from sensorium.sounds.datasets.lists import rows
from sensorium.sounds.datasets.locating import inside

COLUMNS = (
    "uid",
    "class",
    "audio_path",
    "video_path",
    "frames_dir",
    "fps",
    "n_frames",
    "rate",
    "duration",
    "split",
    "shot_id",
    "t0",
    "t1",
    "status",
)
TOGETHER = "+"
MISSING = "missing"
FAILED = "failed"
DAMAGED = "damaged"
SILENT = "silent"
OK = "ok"


@dataclass(frozen=True, slots=True)
class Item:
    """One recording of a data set.

    Attributes:
        uid: names it within the set; ``class/video`` or ``class/video#shot``.
        label: what sounds; several classes joined by ``+``; "" where it is not known.
        audio_path: the sound; ``None``: that of ``video_path``, or silence beside ``frames_dir``.
        video_path: a film, or a file of packed frames that `preparing` made.
        frames_dir: a folder of numbered pictures at ``fps``.
        fps: pictures per second as listed, in hertz; 0: the film's own.
        n_frames: pictures as listed; 0: not listed.
        rate: of the sound as listed, in hertz; 0: not listed.
        duration: in seconds as listed; 0: not listed.
        split: ``train``, ``val`` or ``test``; "" before one is given.
        shot_id: number of the part of a video.
        t0: where the part starts in the video, in seconds.
        t1: where it ends; 0: where the video does.
        status: "" or ``ok``, ``silent`` (silence on purpose), ``damaged: why`` (usable),
            ``missing: what``, ``failed: why``.
    """

    uid: str
    label: str
    audio_path: Path | None = None
    video_path: Path | None = None
    frames_dir: Path | None = None
    fps: float = 0.0
    n_frames: int = 0
    rate: int = 0
    duration: float = 0.0
    split: str = ""
    shot_id: int = 0
    t0: float = 0.0
    t1: float = 0.0
    status: str = ""

    @property
    def usable(self) -> bool:
        """Whether there is something to see and to hear, as far as the list knows."""
        return not self.status.startswith((MISSING, FAILED))

    @property
    def classes(self) -> tuple[str, ...]:
        """What sounds, one by one."""
        return tuple(self.label.split(TOGETHER))

    @property
    def place(self) -> str:
        """A path to show to people: of the picture, else the sound, else the uid."""
        return str(self.video_path or self.frames_dir or self.audio_path or self.uid)


@dataclass(frozen=True)
class Source:
    """What a reader reads.

    Attributes:
        data: a list file, or the folder of the lists or the media.
        root: the folder below which the media lie.
        kind: the reader's name.
        fps: of listed frame folders, in hertz; 0: what the kind says.
    """

    data: Path
    root: Path
    kind: str
    fps: float = 0.0

    def lists(self, *patterns: str) -> list[Path]:
        """The list files: ``data`` itself, or those in it that match, in alphabetical order."""
        if not self.data.is_dir():
            return [self.data]
        return sorted({path for p in patterns for path in self.data.glob(p) if path.is_file()})


@dataclass(frozen=True)
class Listing:
    """A data set as its lists name it and the disk holds it.

    Attributes:
        kind: the reader's name.
        items: every recording that is listed, those that are missing too.
        mixtures: published test mixtures, each the uids of what is mixed.
        notes: what the reader left out or changed, one line each.
    """

    kind: str
    items: tuple[Item, ...]
    mixtures: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Every single class in alphabetical order, over all splits."""
        return tuple(sorted({name for item in self.items for name in item.classes}))


def parse_manifest(path: Path, root: Path) -> tuple[Item, ...]:
    """The items of a manifest file; what is not on disk gets the status ``missing``.

    Args:
        path: the CSV.
        root: what relative paths are relative to; nothing outside it is opened.

    Raises:
        ValueError: for a file that is no manifest, naming line and column.
    """
    reader = rows(path)
    _, header = next(reader)
    header = [name.lower() for name in header]
    lacking = [name for name in ("uid", "class") if name not in header]
    if lacking or not {"audio_path", "video_path", "frames_dir"} & set(header):
        raise ValueError(
            f"{path}, line 1: no column {', '.join(lacking) or 'video_path or frames_dir'}, "
            f"expected the header {','.join(COLUMNS)}"
        )
    if len(set(header)) != len(header):
        raise ValueError(f"{path}, line 1: a column is named twice, expected each once")
    items: dict[str, Item] = {}
    for number, fields in reader:
        where = f"{path}, line {number}"
        if len(fields) != len(header):
            raise ValueError(
                f"{where}: got {len(fields)} columns, expected {len(header)} as in the header"
            )
        item = _item(dict(zip(header, fields, strict=True)), root, where)
        if item.uid in items:
            raise ValueError(f"{where}: uid {item.uid!r} is listed twice; make them differ")
        items[item.uid] = item
    if not items:
        raise ValueError(f"{path}: a header without a row, expected one row per recording")
    return tuple(items.values())


def write_manifest(path: Path, items: Iterable[Item]) -> None:
    """Write a manifest, whole or not at all; paths become relative to its folder."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    base = path.parent.resolve()
    for item in items:
        paths = (item.audio_path, item.video_path, item.frames_dir)
        writer.writerow(
            (
                item.uid,
                item.label,
                *("" if p is None else _relative(p, base) for p in paths),
                *("" if not v else format(v, "g") for v in (item.fps, item.n_frames, item.rate)),
                "" if not item.duration else f"{item.duration:.6f}",
                item.split,
                item.shot_id,
                f"{item.t0:.6f}",
                "" if not item.t1 else f"{item.t1:.6f}",
                " ".join(item.status.split()),
            )
        )
    write_whole(path, text.getvalue().encode("utf-8", "surrogateescape"))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that its name never stands for half of it."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _relative(path: Path, base: Path) -> str:
    full = Path(os.path.abspath(path))
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else str(full)


def _item(row: Mapping[str, str], root: Path, where: str) -> Item:
    if not row["uid"]:
        raise ValueError(f"{where}: an empty uid, expected a name for the recording")
    paths = {
        name: inside(root, row[name], where) if row.get(name) else None
        for name in ("audio_path", "video_path", "frames_dir")
    }
    split = row.get("split", "")
    if split not in ("", "train", "val", "test"):
        raise ValueError(f"{where}: split must be train, val or test, got {split!r}")
    item = Item(
        uid=row["uid"],
        label=row["class"],
        fps=_number(row, "fps", where),
        n_frames=int(_number(row, "n_frames", where)),
        rate=int(_number(row, "rate", where)),
        duration=_number(row, "duration", where),
        split=split,
        shot_id=int(_number(row, "shot_id", where)),
        t0=_number(row, "t0", where),
        t1=_number(row, "t1", where),
        status=row.get("status", ""),
        **paths,
    )
    if item.t1 and item.t1 <= item.t0:
        raise ValueError(f"{where}: t1 must be after t0, got {item.t0:g} to {item.t1:g} s")
    return marked(item)


def marked(item: Item) -> Item:
    """The item with the status ``missing`` where the disk lacks what the list names."""
    if not item.usable:
        return item
    if item.video_path is None and item.frames_dir is None:
        return replace(item, status=f"{MISSING}: no picture is listed")
    lost = list(_lost(item))
    return replace(item, status=f"{MISSING}: {', '.join(lost)}") if lost else item


def _lost(item: Item) -> Iterator[str]:
    for path in (item.audio_path, item.video_path):
        if path is not None and not path.is_file():
            yield str(path)
    if item.frames_dir is not None and not item.frames_dir.is_dir():
        yield str(item.frames_dir)


def _number(row: Mapping[str, str], name: str, where: str) -> float:
    text = row.get(name, "")
    try:
        value = float(text or 0)
    except ValueError:
        value = -1.0
    if not (isfinite(value) and value >= 0):
        raise ValueError(f"{where}: {name} must be a number of 0 or more, got {text!r}")
    return value
