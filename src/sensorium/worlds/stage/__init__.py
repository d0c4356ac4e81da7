"""The stage: performers with instruments, moves whose meaning lies in time, and their sound."""

from sensorium.worlds.stage.clips import clip_label, compose_clip
from sensorium.worlds.stage.moves import LABELS, MOVES, REST, mirror, partner
from sensorium.worlds.stage.render import Renderer, frames, masks
from sensorium.worlds.stage.reversal import backwards
from sensorium.worlds.stage.script import INSTRUMENTS, Episode, Event, Note, Performer

__all__ = [
    "INSTRUMENTS",
    "LABELS",
    "MOVES",
    "REST",
    "Episode",
    "Event",
    "Note",
    "Performer",
    "Renderer",
    "backwards",
    "clip_label",
    "compose_clip",
    "frames",
    "masks",
    "mirror",
    "partner",
]
