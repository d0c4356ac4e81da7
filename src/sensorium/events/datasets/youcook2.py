"""YouCook2 (Zhou, Xu, Corso: AAAI 2018) by its published file of annotations.

``youcookii_annotations_trainval.json``: ``{"database": {video: {"duration", "subset": "training",
"recipe_type", "annotations": [{"id", "segment": [start, end], "sentence"}]}}}``. The test subset
has no annotations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sensorium.events.datasets.annotations import (
    Annotation,
    duration_of,
    need_object,
    read_json,
    shown,
    span_of,
    text_of,
)

FILE = "youcookii_annotations_trainval.json"
SUBSETS = {"train": "training", "val": "validation"}

_STEP = '{"segment": [start, end], "sentence"}'


def read_youcook2(path: str | Path, subset: str | None = None) -> dict[str, Annotation]:
    """The videos of a subset.

    Args:
        path: the file, or the folder that holds it.
        subset: ``training`` or ``validation``; default: both.

    Raises:
        ValueError: when the file is missing or malformed, in one line that names the video.
    """
    path = Path(path) / FILE if Path(path).is_dir() else Path(path)
    whole = need_object(read_json(path), str(path), 'an object with "database"')
    videos = need_object(whole.get("database"), f"{path}: database", "an object of videos")
    out = {}
    known = set()
    for video, entry in videos.items():
        where = f"{path}: {video}"
        entry = need_object(entry, where, '{"duration", "subset", "annotations"}')
        known.add(str(entry.get("subset")))
        if subset in (None, entry.get("subset")):
            out[video] = _annotation(entry, where)
    if subset is not None and subset not in known:
        raise ValueError(
            f"{path}: has no subset {subset!r}; there are {', '.join(sorted(known)) or 'none'}"
        )
    return out


def _annotation(entry: dict[str, Any], where: str) -> Annotation:
    steps = entry.get("annotations")
    if not isinstance(steps, list):
        raise ValueError(f"{where}: got annotations {shown(steps)}, expected a list of {_STEP}")
    events = []
    for k, step in enumerate(steps):
        place = f"{where}: annotation {k}"
        step = need_object(step, place, _STEP)
        events.append((span_of(step.get("segment"), place), text_of(step.get("sentence"), place)))
    return Annotation(duration_of(entry.get("duration"), where), tuple(events))
