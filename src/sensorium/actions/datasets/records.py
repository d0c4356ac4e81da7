"""What every reader of a data set answers: classes, and for each video a path and a label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LabelOrder = Literal["sorted", "file"]


@dataclass(frozen=True)
class Source:
    """Where a data set lies and how its published variants are told apart.

    Attributes:
        root: folder of the videos or frame folders.
        annotations: folder of the annotation files.
        split_number: 1, 2 or 3 (UCF101, HMDB51).
        label_order: ``sorted`` (TSM's released weights) or ``file`` (MMAction2's): which index a
            class of Something-Something V1 or Jester has.
        template: file names of frames, counted from 1, such as ``{:05d}.jpg``; "" means any
            pictures, in the order of the numbers in their names.
    """

    root: Path
    annotations: Path
    split_number: int = 1
    label_order: LabelOrder = "sorted"
    template: str = ""


@dataclass(frozen=True)
class Record:
    """One labelled video.

    Attributes:
        path: a video file, or a folder of frames.
        label: index into the classes.
        frames: in the folder, as the list says; 0: count them.
    """

    path: Path
    label: int
    frames: int = 0


@dataclass(frozen=True)
class Listing:
    """One split of a data set as found on disk.

    Attributes:
        classes: names in the order of the labels.
        records: the videos that are there.
        missing: what the annotations name and the disk does not hold.
        notes: what was left out on purpose, one line each.
    """

    classes: tuple[str, ...]
    records: tuple[Record, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_file(folder: Path, names: Sequence[str], what: str) -> Path:
    """The first of ``names`` in ``folder``.

    Raises:
        ValueError: when there is none, naming all that were tried.
    """
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise ValueError(
        f"no {what} in {folder}: expected {' or '.join(names)}; "
        "set --data.annotations to the folder that holds it"
    )


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line number (from 1) and text of every line that is not blank.

    Raises:
        ValueError: when the file is missing, empty or not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{path}: no such annotation file; check --data.annotations") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8 ({error.reason})") from None
    lines = [(i, line.strip()) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise ValueError(f"{path}: the file is empty, expected one line per video or class")
    yield from lines


def columns(path: Path, number: int, fields: Sequence[str], expected: str) -> None:
    """Check that a line has the fields that ``expected`` names, separated by its punctuation.

    Raises:
        ValueError: naming file, line and what was expected.
    """
    want = len(expected.replace(";", " ").replace(",", " ").split())
    if len(fields) != want or not all(fields):
        raise ValueError(
            f"{path}, line {number}: got {len([f for f in fields if f])} columns, "
            f"expected {want} ({expected})"
        )


def label_of(name: str, labels: dict[str, int], path: Path, number: int) -> int:
    """Index of a class name.

    Raises:
        ValueError: when it is not among the labels, naming file and line.
    """
    if name not in labels:
        raise ValueError(
            f"{path}, line {number}: label {name!r} is not among the {len(labels)} classes "
            f"(first: {next(iter(labels), 'none')!r}); check that list and labels belong together"
        )
    return labels[name]
