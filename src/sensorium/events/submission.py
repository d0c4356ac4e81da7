"""Stories in the form that ActivityNet's dense-captioning server takes.

``{"version": "VERSION 1.0", "results": {video: [{"sentence": ..., "timestamp": [start, end]}]},
"external_data": {"used": false, "details": "..."}}``, at most 1000 events of a video.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sensorium.events.datasets.annotations import need_object, read_json, shown, span_of, text_of
from sensorium.types import Span

VERSION = "VERSION 1.0"
MOST = 1000
"""Events of a video."""

FIELDS = ("version", "results", "external_data")

_EVENT = '{"sentence", "timestamp": [start, end]}'


def write_submission(
    path: str | Path,
    stories: Mapping[str, Sequence[tuple[Span, str]]],
    external: str = "",
) -> Path:
    """Write what was told of each video.

    Args:
        path: the JSON file; its folder is made if missing.
        stories: events by video.
        external: which data beyond ActivityNet's training split were used; empty: none.

    Raises:
        ValueError: for a video with more than 1000 events, or a time before 0.
    """
    results = {
        video: [{"sentence": text, "timestamp": [span.start, span.end]} for span, text in story]
        for video, story in stories.items()
    }
    details = {"used": bool(external), "details": external}
    whole = {"version": VERSION, "results": results, "external_data": details}
    check_submission(whole, str(path))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def read_submission(path: str | Path) -> dict[str, list[tuple[Span, str]]]:
    """What was told of each video.

    Raises:
        ValueError: when the file is missing or not in the published form, in one line.
    """
    return check_submission(read_json(path), str(path))


def check_submission(whole: Any, where: str) -> dict[str, list[tuple[Span, str]]]:
    """The events of a submission.

    Args:
        whole: the parsed JSON.
        where: named in errors, usually the file.

    Raises:
        ValueError: when it is not in the published form, in one line that names the video.
    """
    whole = need_object(whole, where, f"an object with {', '.join(FIELDS)}")
    lacking = [field for field in FIELDS if field not in whole]
    if lacking:
        raise ValueError(
            f"{where}: has no {' and no '.join(lacking)}; expected {', '.join(FIELDS)}"
        )
    text_of(whole["version"], f"{where}: version")
    external = need_object(whole["external_data"], f"{where}: external_data", '{"used", "details"}')
    if not isinstance(external.get("used"), bool):
        raise ValueError(
            f"{where}: external_data: got used {shown(external.get('used'))}, expected true or "
            "false"
        )
    text_of(external.get("details", ""), f"{where}: external_data: details")
    results = need_object(whole["results"], f"{where}: results", f"videos, each a list of {_EVENT}")
    return {video: _story(events, f"{where}: {video}") for video, events in results.items()}


def _story(events: Any, where: str) -> list[tuple[Span, str]]:
    if not isinstance(events, list):
        raise ValueError(f"{where}: got {shown(events)}, expected a list of {_EVENT}")
    if len(events) > MOST:
        raise ValueError(f"{where}: got {len(events)} events, expected at most {MOST}")
    story = []
    for k, event in enumerate(events):
        place = f"{where}: event {k}"
        event = need_object(event, place, _EVENT)
        times: Any = event.get("timestamp")
        span = span_of(times, place)
        if times[0] > times[1]:
            raise ValueError(f"{place}: ends before it starts, {shown(times)}")
        story.append((span, text_of(event.get("sentence"), place)))
    return story
