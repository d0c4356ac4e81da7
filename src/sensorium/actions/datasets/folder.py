"""Your own data: a folder per class, with videos or frame folders in it.

``root/<class>/<video>``, or ``root/{train,val,test}/<class>/<video>`` where the split is yours.
Without split folders every class is divided by the hash of its videos' names: about 15 % each for
validation and test, at least one each where a class has three videos, the same on every machine
and in every run. Without a ``test`` folder the ``val`` folder serves for both; without both, the
same division is made of ``train``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from sensorium.actions.datasets.records import Listing, Record, Source
from sensorium.actions.datasets.shelf import PICTURE_SUFFIXES, VIDEO_SUFFIXES, Shelf
from sensorium.recipe import Split

_HELD_OUT = 0.15
_NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}


def read_folder(source: Source, split: Split) -> Listing:
    """A folder per class."""
    top, divided = _top(source.root, split)
    train_top, _ = _top(source.root, "train")
    classes = tuple(sorted(_class_folders(train_top)))
    if len(classes) < 2:
        raise ValueError(_few_classes(train_top, classes))
    strange = sorted(set(_class_folders(top)) - set(classes))
    if strange:
        raise ValueError(
            f"{top / strange[0]}: no such class in {train_top}; every class needs training videos"
        )
    records = []
    for label, name in enumerate(classes):
        items = _videos(top / name) if (top / name).is_dir() else []
        if not items and top == train_top:
            raise ValueError(
                f"{top / name}: no videos in this class; add some or remove the folder"
            )
        chosen = items if divided else _division(name, items)[split]
        records += [Record(path, label) for path in chosen]
    return Listing(classes, tuple(records))


def _top(root: Path, split: Split) -> tuple[Path, bool]:
    """The folder of the class folders, and whether it holds this split alone."""
    shelf = Shelf(root)
    folders = {p.name.lower(): p for p in shelf.items().values() if p.is_dir()}
    train = next((folders[n] for n in _NAMES["train"] if n in folders), None)
    if train is None:
        return root, False
    held_out = [n for s in ("val", "test") for n in _NAMES[s] if n in folders]
    if split == "train" or not held_out:
        return train, bool(held_out)
    own = next((folders[n] for n in _NAMES[split] if n in folders), None)
    return own or folders[held_out[0]], True


def _class_folders(top: Path) -> list[str]:
    return [name for name, path in Shelf(top).items().items() if path.is_dir()]


def _videos(folder: Path) -> list[Path]:
    """Folders with pictures in them, and videos of which there is no such folder."""
    there = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    frames = {p.name: p for p in there if p.is_dir() and _holds_pictures(p)}
    videos = [p for p in there if p.is_file() and p.suffix.lower() in VIDEO_SUFFIXES]
    return sorted([*frames.values(), *(p for p in videos if p.stem not in frames)])


def _holds_pictures(folder: Path) -> bool:
    return any(p.suffix.lower() in PICTURE_SUFFIXES for p in folder.iterdir())


def _division(name: str, items: Sequence[Path]) -> dict[Split, list[Path]]:
    """Training, validation and test videos of one class, by the hash of their names."""

    def rank(path: Path) -> str:
        return hashlib.sha256(f"{name}/{path.name}".encode()).hexdigest()

    ranked = sorted(items, key=rank)
    part = max(1, round(_HELD_OUT * len(ranked)))
    if len(ranked) == 1:
        return {"train": ranked, "val": [], "test": []}
    if len(ranked) == 2:
        return {"train": ranked[1:], "val": ranked[:1], "test": ranked[:1]}
    return {
        "train": sorted(ranked[2 * part :]),
        "val": sorted(ranked[:part]),
        "test": sorted(ranked[part : 2 * part]),
    }


def _few_classes(top: Path, classes: Sequence[str]) -> str:
    loose = sum(p.suffix.lower() in VIDEO_SUFFIXES for p in top.iterdir())
    got = f"{len(classes)} class folders" + (f" and {loose} loose videos" if loose else "")
    return (
        f"{top}: got {got}, expected at least 2 folders named like the classes, with videos in them"
    )
