"""What an episode holds, as plain JSON types."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sensorium.worlds.stage.script import Episode

VERSION = 1


def truth(episode: Episode) -> dict[str, Any]:
    """Performers with their notes, events with spans, labels and sentences, and the staging.

    Nothing depends on a picture size, frame rate or sampling rate. Events carry ``start`` and
    ``end`` in seconds.
    """
    events = [
        {
            "start": e.start,
            "end": e.end,
            "performer": e.performer,
            "kind": e.kind,
            "label": e.label,
            "sentence": e.sentence,
        }
        for e in episode.events
    ]
    return {
        "version": VERSION,
        "seed": episode.seed,
        "seconds": episode.seconds,
        "performers": [asdict(p) for p in episode.performers],
        "events": events,
        "camera": asdict(episode.camera),
        "backdrop": asdict(episode.backdrop),
        "room": asdict(episode.room),
    }
