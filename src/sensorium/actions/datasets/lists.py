"""The list files of TSN, TSM and MMAction2.

One line per video: ``folder number_of_frames label`` (frame folders) or ``path label`` (videos),
without a header. Paths may hold blanks: label and number are taken from the end. ``category.txt``
(one class per line, TSM) or ``*label_map*.txt`` (MMAction2) beside the lists names the classes.
As released, training and validation leave out folders of fewer than 3 frames.
"""

from __future__ import annotations

from pathlib import Path

from sensorium.actions.datasets.records import Listing, Record, Source, text_lines
from sensorium.actions.datasets.shelf import VIDEO_SUFFIXES, Shelf
from sensorium.recipe import Split

_FEWEST_FRAMES = 3


def read_lists(source: Source, split: Split) -> Listing:
    """``*train*.txt``, ``*val*.txt`` and ``*test*.txt`` (or the validation list) in one folder."""
    folder = source.annotations
    listed = _only(folder, split)
    names = _class_names(folder)
    classes = names or _numbered(folder, listed)
    shelf = Shelf(source.root)
    records, missing, notes = [], [], []
    for number, line in text_lines(listed):
        path, frames, label = _fields(listed, number, line)
        if label >= len(classes):
            raise ValueError(
                f"{listed}, line {number}: label {label} is not among the {len(classes)} classes "
                f"0 to {len(classes) - 1}"
            )
        if frames and frames < _FEWEST_FRAMES and split != "test":
            notes.append(f"{path}: left out, {frames} frames are too few to train on")
            continue
        parent, _, name = path.rstrip("/").rpartition("/")
        found = shelf.find((parent or ".",), (name,))
        if found is None:
            missing.append(f"{source.root / path}")
        else:
            records.append(Record(found, label, frames))
    return Listing(classes, tuple(records), tuple(missing), tuple(notes))


def _only(folder: Path, split: Split) -> Path:
    found = sorted(folder.glob(f"*{split}*.txt"))
    if split == "test" and not found:
        return _only(folder, "val")
    if len(found) != 1:
        got = "none" if not found else ", ".join(p.name for p in found)
        raise ValueError(
            f"expected one *{split}*.txt in {folder}, got {got}; set --data.annotations to a "
            "folder with one list per split"
        )
    return found[0]


def _class_names(folder: Path) -> tuple[str, ...]:
    for path in (folder / "category.txt", *sorted(folder.glob("*label_map*.txt"))):
        if path.is_file():
            return tuple(line for _, line in text_lines(path))
    return ()


def _numbered(folder: Path, listed: Path) -> tuple[str, ...]:
    """Names for classes that no file names, as many as the training list has labels."""
    train = sorted(folder.glob("*train*.txt"))
    paths = {listed, *train[:1]}
    highest = max(_fields(path, n, line)[2] for path in paths for n, line in text_lines(path))
    return tuple(f"class {k}" for k in range(highest + 1))


def _fields(path: Path, number: int, line: str) -> tuple[str, int, int]:
    """Path, frames (0: a video) and label of one line."""
    fields = line.rsplit(maxsplit=2)
    video = len(fields) >= 2 and Path(line.rsplit(maxsplit=1)[0]).suffix.lower() in VIDEO_SUFFIXES
    if video:
        fields = line.rsplit(maxsplit=1)
    if len(fields) != (2 if video else 3) or not all(f.isdigit() for f in fields[1:]):
        raise ValueError(
            f"{path}, line {number}: got {line!r}, expected 'folder frames label' or "
            "'video.mp4 label' with whole numbers"
        )
    return fields[0], 0 if video else int(fields[1]), int(fields[-1])
