"""Kinetics (400, 600, 700): one CSV per split, videos or frame folders by class.

Annotations: ``train.csv``, ``validate.csv`` / ``val.csv``, ``test.csv``, or with ``kinetics_``,
``kinetics-400_`` in front; header ``label,youtube_id,time_start,time_end,split[,is_cc]``.
Videos: ``[train|val|test/]<class>/<name>``, the class with blanks or with ``_`` for blanks and
without quotes and brackets, the name ``<id>_<start 6 digits>_<end 6 digits>`` (crawlers,
MMAction2) or ``<id>_<start>`` (TSM). Classes are numbered alphabetically by their name with
``_``, as TSM and MMAction2 do, or as in ``kinetics_label_map.txt`` where that file lies beside
the lists. Clips that have left YouTube are missing on every disk: see ``ActionData.missing``. The
``test`` split is the validation list, unless ``test.csv`` has labels.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from sensorium.actions.datasets.records import (
    Listing,
    Record,
    Source,
    find_file,
    label_of,
    text_lines,
)
from sensorium.actions.datasets.shelf import Shelf
from sensorium.recipe import Split

_PREFIXES = ("", "kinetics_", "kinetics-400_", "kinetics400_", "kinetics-600_", "kinetics-700_")
_STEMS: dict[str, tuple[str, ...]] = {
    "train": ("train",),
    "val": ("validate", "val", "validation"),
    "test": ("test",),
}
_NEEDED = ("label", "youtube_id", "time_start", "time_end")
Row = tuple[int, str, str, int, int]  # line, class, id, start and end in seconds


def read_kinetics(source: Source, split: Split) -> Listing:
    """Kinetics."""
    folder = source.annotations
    listed = _list_file(folder, split)
    classes = _classes(folder, listed)
    labels = {plain_name(name): k for k, name in enumerate(classes)}
    shelf = Shelf(source.root)
    records, missing = [], []
    for number, label, clip, start, end in _rows(listed):
        index = label_of(plain_name(label), labels, listed, number)
        names = (f"{clip}_{start:06d}_{end:06d}", f"{clip}_{start}", clip)
        path = shelf.find(_folders(label, split), names)
        if path is None:
            missing.append(f"{source.root / label / names[0]}")
        else:
            records.append(Record(path, index))
    return Listing(classes, tuple(records), tuple(missing))


def plain_name(label: str) -> str:
    """A class name as folders and label maps write it: ``_`` for blanks, no quotes or brackets."""
    for mark in "\"'()":
        label = label.replace(mark, "")
    return label.replace(" ", "_")


def _list_file(folder: Path, split: Split) -> Path:
    """The list of a split; an unlabelled or missing test list gives way to the validation list."""
    names = [f"{p}{s}.csv" for s in _STEMS[split] for p in _PREFIXES]
    if split == "test":
        for name in names:
            path = folder / name
            if path.is_file() and "label" in next(text_lines(path))[1].split(","):
                return path
        return _list_file(folder, "val")
    if not any((folder / n).is_file() for n in names):
        shown = [f"{s}.csv" for s in _STEMS[split]]
        return find_file(folder, shown, f"Kinetics {split} list")
    return find_file(folder, names, f"Kinetics {split} list")


def _classes(folder: Path, listed: Path) -> tuple[str, ...]:
    known = folder / "kinetics_label_map.txt"
    if known.is_file():
        return tuple(line.replace("_", " ") for _, line in text_lines(known))
    train = [folder / f"{p}train.csv" for p in _PREFIXES]
    best = next((path for path in train if path.is_file()), listed)
    names = {label.replace('"', "") for _, label, *_ in _rows(best)}
    return tuple(sorted(names, key=plain_name))


def _folders(label: str, split: Split) -> tuple[str, ...]:
    names = dict.fromkeys((label, plain_name(label), label.replace(" ", "_")))
    parts = {"train": ("train",), "val": ("val", "validate"), "test": ("test", "val", "validate")}
    tops = (".", *parts[split])
    return tuple(f"{top}/{name}" for top in tops for name in names)


def _rows(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        lacking = [name for name in _NEEDED if name not in header]
        if lacking:
            raise ValueError(
                f"{path}, line 1: no column {', '.join(lacking)}, "
                f"expected the header {','.join(_NEEDED)},split"
            )
        place = [header.index(name) for name in _NEEDED]
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(header):
                raise ValueError(
                    f"{path}, line {reader.line_num}: got {len(fields)} columns, "
                    f"expected {len(header)} ({','.join(header)})"
                )
            label, clip, start, end = (fields[k] for k in place)
            try:
                yield reader.line_num, label, clip, int(float(start)), int(float(end))
            except ValueError:
                raise ValueError(
                    f"{path}, line {reader.line_num}: times must be seconds, got {start!r}, {end!r}"
                ) from None
