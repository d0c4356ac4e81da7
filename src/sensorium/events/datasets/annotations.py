"""Annotated videos, whatever file they come from: a duration, and sentences with their times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.types import Span


@dataclass(frozen=True)
class Annotation:
    """What is known of one video.

    Attributes:
        duration: in seconds; ``None`` where the file does not say.
        events: when each happens, in seconds from the video's start, and its sentence; in the order
            of the file. They may overlap, and annotators may have gone a little past the end.
    """

    duration: float | None
    events: tuple[tuple[Span, str], ...]


Annotations = Mapping[str, Annotation]
"""By the video's name, in the order of the file."""


def read_json(path: str | Path) -> Any:
    """What a JSON file holds.

    Raises:
        ValueError: when it cannot be read, in one line that names the place.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}: line {error.lineno}: not JSON ({error.msg}); is the file whole?"
        ) from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text at byte {error.start}") from None


def need_object(value: Any, where: str, expected: str) -> dict[str, Any]:
    """``value``, a JSON object.

    Raises:
        ValueError: when it is something else.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{where}: got {shown(value)}, expected {expected}")
    return value


def span_of(value: Any, where: str) -> Span:
    """``[start, end]`` in seconds; the two of a few published annotations are the other way round.

    Raises:
        ValueError: when these are not two numbers from 0 on.
    """
    two = isinstance(value, list) and len(value) == 2
    if not (two and all(is_seconds(number) for number in value)):
        raise ValueError(f"{where}: got {shown(value)}, expected [start, end] in seconds from 0 on")
    return Span(float(min(value)), float(max(value)))


def text_of(value: Any, where: str) -> str:
    """A sentence.

    Raises:
        ValueError: when it is none.
    """
    if not isinstance(value, str):
        raise ValueError(f"{where}: got {shown(value)}, expected a sentence")
    return value


def duration_of(value: Any, where: str) -> float:
    """Seconds above 0.

    Raises:
        ValueError: when it is something else.
    """
    if not (is_seconds(value) and value > 0):
        raise ValueError(f"{where}: got duration {shown(value)}, expected seconds above 0")
    return float(value)


def is_seconds(value: Any) -> bool:
    """Whether it is a finite number from 0 on."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 <= value < float("inf")


def shown(value: Any) -> str:
    """A JSON value, shortened, for an error."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else text[:57] + "..."
