"""Folders that commands write into, one per file."""

from __future__ import annotations

from pathlib import Path


def free_folder(folder: Path, taken: set[Path]) -> Path:
    """A folder for one file: files of one stem in one call do not share it."""
    number, free = 2, folder
    while free in taken:
        free, number = folder.with_name(f"{folder.name}-{number}"), number + 1
    taken.add(free)
    return free
