"""Your own films: a folder of them, in folders named like what sounds, or without any.

``root/<class>/<film>``, or ``root/{train,val,test}/<class>/<film>`` where the split is yours. Films
that lie in the folder itself have the folder's name as their class: training needs no classes, only
some metrics do. A frame folder cannot be told from its sound and is not taken: list it in a
manifest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sensorium.sounds.datasets.locating import VIDEO_SUFFIXES, holds_pictures, need_folder
from sensorium.sounds.datasets.manifest import Item, Listing, Source
from sensorium.sounds.datasets.names import split_of_name


def read_folder(source: Source) -> Listing:
    """A folder of films."""
    root = need_folder(source.data)
    splits = {split_of_name(path.name): path for path in _folders(root) if _is_split(path)}
    notes: list[str] = []
    items: list[Item] = []
    for split, top in splits.items() if "train" in splits else [("", root)]:
        items += _of_class(top, top.resolve().name, split, notes)
        for folder in _folders(top):
            items += _of_class(folder, folder.name, split, notes)
    if not items:
        raise ValueError(
            f"{root}: no films in it or in its folders, expected films such as "
            f"{root / '<class>' / '<name>.mp4'}"
        )
    return Listing("folder", _unique(items), notes=tuple(notes))


def holds_films(root: Path) -> bool:
    """Whether there is a film in a folder, in its folders, or in theirs."""
    levels = ("*", "*/*", "*/*/*")
    return any(p.suffix.lower() in VIDEO_SUFFIXES for level in levels for p in root.glob(level))


def _is_split(path: Path) -> bool:
    return path.name.lower() in ("train", "training", "val", "valid", "validation", "test")


def _folders(top: Path) -> list[Path]:
    return [p for p in sorted(top.iterdir()) if p.is_dir() and not p.name.startswith(".")]


def _of_class(folder: Path, label: str, split: str, notes: list[str]) -> Iterator[Item]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES:
            yield Item(f"{label}/{path.stem}", label, video_path=path, split=split)
        elif path.is_dir() and holds_pictures(path):
            notes.append(f"{path}: left out, frames without sound; list both in a manifest")


def _unique(items: list[Item]) -> tuple[Item, ...]:
    """Items whose names differ in the suffix or the split alone get names of their own."""
    counts = Counter(item.uid for item in items)
    return tuple(
        replace(item, uid="/".join(filter(None, (item.split, item.label, _name(item)))))
        if counts[item.uid] > 1
        else item
        for item in items
    )


def _name(item: Item) -> str:
    return item.video_path.name if item.video_path is not None else item.uid
