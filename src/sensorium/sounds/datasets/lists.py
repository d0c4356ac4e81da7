"""List files read with care: CSV rows and JSON objects, and one line about what is wrong with them.

Published lists come with byte order marks, blanks after commas, comment lines and empty lines;
those are taken. What is no text, or empty, is refused by name.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_BYTES = 2**28  # of a list file; the largest published one has 100 MB
_SNIFFED_BYTES = 1 << 16
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # also what would steer a terminal


def text_of(path: Path) -> str:
    """The text of a list file, without a byte order mark.

    Raises:
        ValueError: when it is missing, empty, too large or not UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"{path}: {size >> 20} MB, expected a list file of at most 256 MB")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{path}: no such list file; check the path") from None
    except IsADirectoryError:
        raise ValueError(f"{path}: got a folder, expected a list file") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: not a text file in UTF-8 ({error.reason} at byte {error.start}); "
            "save it as UTF-8"
        ) from None
    if not text.strip():
        raise ValueError(f"{path}: the file is empty, expected one line per recording")
    return text


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number (from 1) and fields, stripped, of every row that is neither blank nor ``#``.

    Raises:
        ValueError: for a file that is no CSV.
    """
    yield from rows_of(text_of(path), path)


def rows_of(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The same from a text that was read already."""
    reader = csv.reader(text.splitlines(), skipinitialspace=True, strict=True)
    try:
        for fields in reader:
            stripped = [field.strip() for field in fields]
            if any(stripped) and not stripped[0].startswith("#"):
                if any(_CONTROL.search(field) for field in stripped):
                    raise ValueError(
                        f"{path}, line {reader.line_num}: got a control character, expected text"
                    )
                yield reader.line_num, stripped
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: not readable as CSV ({error})") from None


def first_row(path: Path) -> list[str]:
    """The first row of a CSV file, looking only at its beginning; ``[]`` where there is none."""
    try:
        with path.open("rb") as file:
            text = file.read(_SNIFFED_BYTES).decode("utf-8-sig", "replace")
        return next((fields for _, fields in rows_of(text, path)), [])
    except (OSError, ValueError):
        return []


def json_object(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object.

    Raises:
        ValueError: when it does not.
    """
    try:
        value = json.loads(text_of(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not readable as JSON ({error})") from None
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{path}: expected a JSON object with entries, got {type(value).__name__}")
    return value


def whole_number(text: str) -> int | None:
    """A number of 0 or more in plain digits; ``None`` for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
