"""ActivityNet Captions (Krishna et al., ICCV 2017) by its published files.

``train.json``, ``val_1.json`` and ``val_2.json``: ``{video: {"duration": seconds, "timestamps":
[[start, end], ...], "sentences": [...]}}``. Both validation files tell of the same videos, by other
people. Sentences stand in order of time, which is a hint that weak training must not have.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sensorium.events.datasets.annotations import (
    Annotation,
    Annotations,
    duration_of,
    need_object,
    read_json,
    shown,
    span_of,
    text_of,
)
from sensorium.types import Span

FILES = {"train": "train.json", "val_1": "val_1.json", "val_2": "val_2.json"}

_VIDEO = '{"duration", "timestamps", "sentences"}'


def read_activitynet(path: str | Path) -> dict[str, Annotation]:
    """One file of annotations.

    Raises:
        ValueError: when the file is missing or malformed, in one line that names the video.
    """
    table = need_object(read_json(path), str(path), f"an object of videos, each {_VIDEO}")
    return {video: _annotation(entry, f"{path}: {video}") for video, entry in table.items()}


def write_activitynet(path: str | Path, annotations: Annotations) -> Path:
    """Write annotations in the same form; what `read_activitynet` gives is written as it was.

    Raises:
        ValueError: for a video without a duration.
    """
    table = {}
    for video, annotation in annotations.items():
        table[video] = {
            "duration": duration_of(annotation.duration, video),
            "timestamps": [[span.start, span.end] for span, _ in annotation.events],
            "sentences": [text for _, text in annotation.events],
        }
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")
    return path


def read_references(folder: str | Path) -> list[dict[str, tuple[tuple[Span, str], ...]]]:
    """Both validation files as `metrics.dense_captioning` takes them.

    Raises:
        ValueError: when one is missing or malformed, or they are not of the same videos.
    """
    files = [read_activitynet(Path(folder) / FILES[name]) for name in ("val_1", "val_2")]
    same_videos(files)
    return [{video: a.events for video, a in file.items()} for file in files]


def same_videos(files: Sequence[Annotations]) -> None:
    """Check that annotations tell of the same videos, as val_1 and val_2 nearly do.

    Raises:
        ValueError: when two of them share no video.
    """
    for k, other in enumerate(files[1:], 2):
        if files[0] and other and not files[0].keys() & other.keys():
            raise ValueError(
                f"annotations 1 and {k} share no video (first: {next(iter(files[0]))!r} and "
                f"{next(iter(other))!r}); are they of the same split?"
            )


def _annotation(entry: Any, where: str) -> Annotation:
    entry = need_object(entry, where, _VIDEO)
    times, texts = entry.get("timestamps"), entry.get("sentences")
    if not (isinstance(times, list) and isinstance(texts, list) and len(times) == len(texts)):
        raise ValueError(
            f"{where}: got timestamps {shown(times)} and sentences {shown(texts)}, expected lists "
            "of the same length"
        )
    events = tuple(
        (span_of(span, f"{where}: timestamp {k}"), text_of(text, f"{where}: sentence {k}"))
        for k, (span, text) in enumerate(zip(times, texts, strict=True))
    )
    return Annotation(duration_of(entry.get("duration"), where), events)
