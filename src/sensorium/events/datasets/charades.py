"""Charades-STA (Gao et al., ICCV 2017) by its published files.

``charades_sta_train.txt`` and ``charades_sta_test.txt``: a line ``VIDEO start end##sentence`` for
each sentence. How long videos are is in Charades' own ``Charades_v1_train.csv`` (columns ``id`` and
``length``); without it a video's duration is not known. A few sentences end after their video, and
a few before they start: these are kept, the latter the other way round.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from sensorium.events.datasets.annotations import Annotation
from sensorium.types import Span

FILES = {"train": "charades_sta_train.txt", "test": "charades_sta_test.txt"}
LENGTHS = {"train": "Charades_v1_train.csv", "test": "Charades_v1_test.csv"}

_LINE = re.compile(r"(\S+)\s+(\d+(?:\.\d+)?)\s+(\d+(?:\.\d+)?)\s*##(.*)")


def read_charades(path: str | Path, lengths: str | Path | None = None) -> dict[str, Annotation]:
    """One file of annotations.

    Args:
        path: the file.
        lengths: Charades' CSV file, for durations.

    Raises:
        ValueError: when a file is missing or malformed, in one line that names the line.
    """
    path = Path(path)
    events: dict[str, list[tuple[Span, str]]] = {}
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise ValueError(
                f"{path}: line {number}: got {line.strip()[:60]!r}, expected 'VIDEO start "
                "end##sentence' with times in seconds"
            )
        video, start, end, text = found.groups()
        times = sorted((float(start), float(end)))
        events.setdefault(video, []).append((Span(*times), text.strip()))
    known = {} if lengths is None else read_lengths(lengths)
    return {video: Annotation(known.get(video), tuple(told)) for video, told in events.items()}


def read_lengths(path: str | Path) -> dict[str, float]:
    """Seconds of each video, from the columns ``id`` and ``length``.

    Raises:
        ValueError: when the file is missing or malformed, in one line that names the line.
    """
    path = Path(path)
    rows = csv.DictReader(_lines(path))
    if not {"id", "length"} <= set(rows.fieldnames or ()):
        raise ValueError(
            f"{path}: line 1: got the columns {', '.join(rows.fieldnames or ()) or 'none'}, "
            "expected id and length among them"
        )
    out = {}
    for row in rows:
        try:
            out[row["id"]] = float(row["length"])
        except (TypeError, ValueError):
            out[row["id"]] = 0.0
        if not 0 < out[row["id"]] < float("inf"):
            raise ValueError(
                f"{path}: line {rows.line_num}: got length {row['length']!r}, expected seconds "
                "above 0"
            )
    return out


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise ValueError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
