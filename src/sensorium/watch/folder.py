"""Where a report goes: ``<out>/<file stem>/``, never over anything but this file's own report."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

_MARK = "key"  # in report.json: which file the folder belongs to


def file_key(path: Path, out: Path) -> str:
    """A short name for a file as seen from ``out``; tells reports apart and gives away no path."""
    seen = os.path.relpath(path.absolute(), out.absolute())
    return hashlib.sha256(os.fsencode(seen)).hexdigest()[:16]


def choose(path: Path, out: Path) -> Path:
    """The folder for a file's report: its own earlier one, or the first free name.

    Two files of the same stem get ``name`` and ``name-2``; a folder that holds something else is
    left alone.
    """
    key = file_key(path, out)
    stem = stem_of(path)
    count = 1
    while True:
        folder = out / (stem if count == 1 else f"{stem}-{count}")
        if not os.path.lexists(folder) or _owner(folder) == key:
            return folder
        count += 1


def stem_of(path: Path) -> str:
    """What the folder is called after: a file's name without its suffix, a folder's whole name."""
    whole = path.resolve()
    name = whole.name if whole.is_dir() else whole.stem
    return name.lstrip(".") or "report"


def _owner(folder: Path) -> str | None:
    """The key of the report in a folder, ``None`` when it holds none."""
    try:
        report = json.loads((folder / "report.json").read_bytes())
    except (OSError, ValueError):
        return None
    key = report.get(_MARK) if isinstance(report, dict) else None
    return key if isinstance(key, str) else None
