"""Something-Something V1 and V2 and Jester, the crowd-acted sets of 20BN (now Qualcomm).

Published layouts:

- Something V1: videos ``<id>/00001.jpg`` ...; annotations ``something-something-v1-{split}.csv``
  (``id;template``, no header) and ``something-something-v1-labels.csv`` (a template per line).
- Something V2: videos ``<id>.webm`` or ``<id>/000001.jpg`` ...; annotations
  ``something-something-v2-{split}.json`` (a list of ``{"id", "template", ...}``) and
  ``something-something-v2-labels.json`` (``{"text": "index"}``).
- Jester: videos ``<id>/00001.jpg`` ...; annotations ``jester-v1-{split}.csv`` (``id;label``) and
  ``jester-v1-labels.csv``.

``split`` is ``train``, ``validation`` or ``test``; the test lists hold no labels, so that papers
report on ``validation``, and so does our ``test`` split.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sensorium.actions.datasets.records import (
    LabelOrder,
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

_PUBLISHED: dict[Split, str] = {"train": "train", "val": "validation", "test": "validation"}
Entry = tuple[str, int]  # id, label


def read_something_v1(source: Source, split: Split) -> Listing:
    """Something-Something V1."""
    return _semicolons(source, split, "something-something-v1", "20bn-something-something-v1")


def read_jester(source: Source, split: Split) -> Listing:
    """Jester V1."""
    return _semicolons(source, split, "jester-v1", "20bn-jester-v1")


def read_something_v2(source: Source, split: Split) -> Listing:
    """Something-Something V2."""
    stem, name = "something-something-v2", _PUBLISHED[split]
    folder = source.annotations
    labels_file = find_file(folder, (f"{stem}-labels.json", "labels.json"), "label list")
    index = _json(labels_file, dict)
    try:
        labels = {text: int(k) for text, k in index.items()}
    except (TypeError, ValueError):
        raise ValueError(f'{labels_file}: expected {{"text": "index"}} throughout') from None
    classes = tuple(sorted(labels, key=labels.__getitem__))
    if sorted(labels.values()) != list(range(len(labels))):
        raise ValueError(f"{labels_file}: indices must run from 0 to {len(labels) - 1}, each once")
    listed = find_file(folder, (f"{stem}-{name}.json", f"{name}.json"), f"{name} list")
    return _found(source, classes, _v2_entries(listed, labels), "20bn-something-something-v2")


def _v2_entries(path: Path, labels: dict[str, int]) -> Iterator[Entry]:
    for number, item in enumerate(_json(path, list), 1):
        if not isinstance(item, dict) or "id" not in item or "template" not in item:
            raise ValueError(f'{path}, entry {number}: expected {{"id", "template", ...}}')
        template = str(item["template"]).replace("[", "").replace("]", "")
        if template not in labels:
            raise ValueError(
                f"{path}, entry {number}: template {template!r} is not among the "
                f"{len(labels)} labels"
            )
        yield str(item["id"]), labels[template]


def _json(path: Path, kind: type[dict[str, Any]] | type[list[Any]]) -> Any:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not readable as JSON ({error})") from None
    if not isinstance(data, kind) or not data:
        raise ValueError(f"{path}: expected a JSON {kind.__name__} with entries")
    return data


def _semicolons(source: Source, split: Split, stem: str, folder: str) -> Listing:
    name = _PUBLISHED[split]
    labels_file = find_file(source.annotations, (f"{stem}-labels.csv",), "label list")
    classes = read_labels(labels_file, source.label_order)
    listed = find_file(source.annotations, (f"{stem}-{name}.csv",), f"{name} list")
    return _found(source, classes, _semicolon_entries(listed, classes), folder)


def _semicolon_entries(path: Path, classes: tuple[str, ...]) -> Iterator[Entry]:
    labels = {name: k for k, name in enumerate(classes)}
    for number, line in text_lines(path):
        fields = line.split(";")
        columns(path, number, fields, "id;label")
        yield fields[0], label_of(fields[1], labels, path, number)


def read_labels(path: Path, order: LabelOrder) -> tuple[str, ...]:
    """Class names, one per line: in alphabetical order (TSM) or that of the file (MMAction2)."""
    names = [line for _, line in text_lines(path)]
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise ValueError(f"{path}: label {twice!r} is listed twice")
    return tuple(sorted(names)) if order == "sorted" else tuple(names)


def _found(
    source: Source, classes: tuple[str, ...], entries: Iterator[Entry], folder: str
) -> Listing:
    shelf = Shelf(source.root)
    records, missing = [], []
    for name, label in entries:
        path = shelf.find((".", folder), (name,))
        if path is None:
            missing.append(f"{source.root / name}")
        else:
            records.append(Record(path, label))
    return Listing(classes, tuple(records), tuple(missing))
