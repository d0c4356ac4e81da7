"""UCF101 and HMDB51: three published splits into training and test videos.

UCF101: ``classInd.txt`` (``1 ApplyEyeMakeup``), ``trainlist0k.txt``
(``ApplyEyeMakeup/v_..._g08_c01.avi 1``) and ``testlist0k.txt`` (without the number). HMDB51:
``<class>_test_split<k>.txt``, lines ``name.avi 1`` with 1 = train, 2 = test, 0 = unused. Videos
lie in ``<class>/``, UCF101's also directly in the root, as videos or as frame folders of the same
name. Neither set has a validation split: ``val`` and ``test`` are the same.
"""

from __future__ import annotations

from pathlib import Path

from sensorium.actions.datasets.records import (
    Listing,
    Record,
    Source,
    columns,
    find_file,
    label_of,
    text_lines,
)
from sensorium.actions.datasets.shelf import Shelf
from sensorium.recipe import Split


def _check(split_number: int) -> None:
    if split_number not in (1, 2, 3):
        raise ValueError(f"the split number must be 1, 2 or 3, got {split_number}")


def read_ucf101(source: Source, split: Split) -> Listing:
    """UCF101."""
    _check(source.split_number)
    classes = _ucf_classes(find_file(source.annotations, ("classInd.txt",), "class list"))
    labels = {name: k for k, name in enumerate(classes)}
    stem = "train" if split == "train" else "test"
    listed = find_file(
        source.annotations, (f"{stem}list0{source.split_number}.txt",), f"{stem} list"
    )
    shelf = Shelf(source.root)
    records, missing = [], []
    for number, line in text_lines(listed):
        fields = line.split()
        columns(listed, number, fields[:1] if stem == "test" else fields, _UCF_LINE[stem])
        folder, _, name = fields[0].rpartition("/")
        label = label_of(folder, labels, listed, number)
        if stem == "train" and fields[1] != str(label + 1):
            raise ValueError(
                f"{listed}, line {number}: class number {fields[1]} does not fit {folder}, "
                f"which is {label + 1} in classInd.txt"
            )
        path = shelf.find((folder, "."), (name,))
        if path is None:
            missing.append(f"{source.root / fields[0]}")
        else:
            records.append(Record(path, label))
    return Listing(classes, tuple(records), tuple(missing))


_UCF_LINE = {"train": "class/name.avi number", "test": "class/name.avi"}


def _ucf_classes(path: Path) -> tuple[str, ...]:
    classes: list[str] = []
    for number, line in text_lines(path):
        fields = line.split()
        columns(path, number, fields, "number class")
        if fields[0] != str(len(classes) + 1):
            raise ValueError(
                f"{path}, line {number}: got class number {fields[0]}, "
                f"expected {len(classes) + 1}: they count from 1 without gaps"
            )
        classes.append(fields[1])
    return tuple(classes)


def read_hmdb51(source: Source, split: Split) -> Listing:
    """HMDB51."""
    _check(source.split_number)
    ending = f"_test_split{source.split_number}.txt"
    lists = sorted(source.annotations.glob(f"*{ending}"))
    if not lists:
        raise ValueError(
            f"no HMDB51 lists in {source.annotations}: expected <class>{ending}; "
            "set --data.annotations to the folder that holds them"
        )
    classes = tuple(path.name.removesuffix(ending) for path in lists)
    wanted = "1" if split == "train" else "2"
    shelf = Shelf(source.root)
    records, missing = [], []
    for label, listed in enumerate(lists):
        for number, line in text_lines(listed):
            fields = line.rsplit(maxsplit=1)
            columns(listed, number, fields, "name.avi use")
            if fields[1] not in ("0", "1", "2"):
                raise ValueError(
                    f"{listed}, line {number}: use must be 0, 1 (train) or 2 (test), "
                    f"got {fields[1]!r}"
                )
            if fields[1] != wanted:
                continue
            path = shelf.find((classes[label],), (fields[0],))
            if path is None:
                missing.append(f"{source.root / classes[label] / fields[0]}")
            else:
                records.append(Record(path, label))
    return Listing(classes, tuple(records), tuple(missing))
