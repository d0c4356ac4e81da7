"""Files and folders that appear whole or not at all, whenever the process dies.

What is written goes to a hidden neighbour first, is flushed to the disk, and takes its name by a
rename, which the file system does in one step.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WRITING = ".writing-"
REPLACED = ".replaced-"


def flush(path: Path) -> None:
    """Have the file's or folder's contents on the disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # folders cannot be opened on Windows
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=WRITING, dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o644)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    flush(path.parent)


@contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """A hidden folder to write into, which becomes ``path`` when the block ends without an error.

    A folder that has the name already is moved away first and then removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{WRITING}{path.name}-", dir=path.parent))
    try:
        yield unfinished
        for file in unfinished.iterdir():
            flush(file)
        unfinished.chmod(0o755)
        flush(unfinished)
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f"{REPLACED}{path.name}-", dir=path.parent))
            path.replace(old / path.name)
            unfinished.replace(path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            unfinished.replace(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    flush(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder so that its name never stands for half of it."""
    hidden = Path(tempfile.mkdtemp(prefix=f"{REPLACED}{path.name}-", dir=path.parent))
    path.replace(hidden / path.name)
    shutil.rmtree(hidden, ignore_errors=True)


def clear_unfinished(folder: Path) -> None:
    """Remove what killed processes left behind in ``folder``."""
    for path in folder.glob(".*"):
        if not path.name.startswith((WRITING, REPLACED)):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
