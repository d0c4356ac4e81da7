"""AudioSet and VGGSound: CSV lists of ten-second parts of YouTube videos.

AudioSet: ``YTID, start_seconds, end_seconds, "mid,mid"`` after comment lines, and
``class_labels_indices.csv`` (``index,mid,display_name``) beside it for the names; several classes
of a part are joined by ``+``. ``eval`` lists are test. VGGSound: ``id,start,label,split`` without a
header, parts of 10 s. Media are looked for below the root under the names that the usual
downloaders give to a part (``<id>_30``, ``<id>_000030``, ``<id>_30_40``, ``<id>_30000_40000``,
``<id>_30.000_40.000``), then under the bare id (or ``Y<id>``), which is taken for the whole video
unless it is no longer than the part.
"""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from pathlib import Path

from sensorium.sounds.datasets.lists import first_row, rows
from sensorium.sounds.datasets.locating import Library
from sensorium.sounds.datasets.manifest import TOGETHER, Item, Listing, Source
from sensorium.sounds.datasets.music import valid_id, with_media
from sensorium.sounds.datasets.names import split_of_name

VGGSOUND_SECONDS = 10.0
_LABELS = "class_labels_indices.csv"


def read_audioset(source: Source) -> Listing:
    """AudioSet: a segments list, or all that lie in a folder."""
    files = [path for path in source.lists("*.csv") if is_audioset(path) or path == source.data]
    names = _names(source)
    library = Library(source.root)
    items: dict[str, Item] = {}
    for path in _some(files, source, "YTID, start_seconds, end_seconds, labels"):
        for number, fields in rows(path):
            where = f"{path}, line {number}"
            if len(fields) != 4:
                raise ValueError(
                    f"{where}: got {len(fields)} columns, expected 4 "
                    "(YTID, start_seconds, end_seconds, labels in quotes)"
                )
            video, start, end = valid_id(fields[0], where), *_times(fields[1:3], where)
            mids = [mid.strip() for mid in fields[3].split(",") if mid.strip()]
            label = TOGETHER.join(sorted({names.get(mid, mid) for mid in mids}))
            item = Item(
                f"{video}_{start:g}", label, split=split_of_name(path.stem), t0=start, t1=end
            )
            items.setdefault(item.uid, _with_part(item, video, library, source.fps))
    notes = () if names else (f"no {_LABELS} beside the lists: classes are called by their mids",)
    return Listing("audioset", tuple(items.values()), notes=notes)


def read_vggsound(source: Source) -> Listing:
    """VGGSound."""
    files = [path for path in source.lists("*.csv") if is_vggsound(path) or path == source.data]
    library = Library(source.root)
    items: dict[str, Item] = {}
    for path in _some(files, source, "id,start,label,split"):
        for number, fields in rows(path):
            where = f"{path}, line {number}"
            if len(fields) != 4 or fields[3] not in ("train", "val", "test"):
                raise ValueError(
                    f"{where}: got {','.join(fields)[:80]!r}, expected id,start,label,split with "
                    "train or test"
                )
            video = valid_id(fields[0], where)
            start, end = _times((fields[1], str(_number(fields[1]) + VGGSOUND_SECONDS)), where)
            item = Item(f"{video}_{start:g}", fields[2], split=fields[3], t0=start, t1=end)
            items.setdefault(item.uid, _with_part(item, video, library, source.fps))
    return Listing("vggsound", tuple(items.values()))


def is_audioset(path: Path) -> bool:
    """Whether a CSV file looks like a segments list."""
    row = first_row(path)
    return len(row) == 4 and all(_number(v) >= 0 for v in row[1:3]) and "/" in row[3]


def is_vggsound(path: Path) -> bool:
    """Whether a CSV file looks like VGGSound's list."""
    row = first_row(path)
    return len(row) == 4 and _number(row[1]) >= 0 and row[3] in ("train", "test")


def _some(files: list[Path], source: Source, expected: str) -> list[Path]:
    if not files:
        raise ValueError(f"{source.data}: no {source.kind} list, expected rows of {expected}")
    return files


def _names(source: Source) -> dict[str, str]:
    folder = source.data if source.data.is_dir() else source.data.parent
    path = folder / _LABELS
    if not path.is_file():
        return {}
    table = [(number, fields) for number, fields in rows(path) if fields[0] != "index"]
    for number, fields in table:
        if len(fields) != 3:
            raise ValueError(
                f"{path}, line {number}: got {len(fields)} columns, expected index,mid,display_name"
            )
    return {fields[1]: fields[2] for _, fields in table}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


def _times(fields: list[str] | tuple[str, str], where: str) -> tuple[float, float]:
    start, end = map(_number, fields)
    if not (isfinite(start) and isfinite(end) and 0 <= start < end):
        raise ValueError(f"{where}: got times {', '.join(fields)}, expected start < end in seconds")
    return start, end


def _with_part(item: Item, video: str, library: Library, fps: float) -> Item:
    start, end = item.t0, item.t1
    s, e = int(start), int(end)
    cut = (
        f"{video}_{s}",
        f"{video}_{s:06d}",
        f"{video}_{s}_{e}",
        f"{video}_{s:06d}_{e:06d}",
        f"{video}_{int(start * 1000)}_{int(end * 1000)}",
        f"{video}_{start:.3f}_{end:.3f}",
        f"{video}_{start:.1f}_{end:.1f}",
    )
    found = library.find(cut)
    if found is not None:
        return replace(with_media(item, library, (found[0],), fps), t0=0.0, t1=0.0)
    whole = library.find((video, f"Y{video}"))
    return with_media(item, library, (video if whole is None else whole[0],), fps)
