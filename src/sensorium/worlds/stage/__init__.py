"""The stage: performers with instruments, moves whose meaning lies in time, and their sound.

`compose` makes whole episodes and `compose_clip` short clips of one move, both from a seed;
`frames`, `masks`, `track` and `mix` show and sound them at any size and rate; `truth` writes
down what happens; `clip` is a lazy `sensorium.types.Clip`; `perform` writes files.
"""

from sensorium.worlds.stage.clips import clip_label, compose_clip
from sensorium.worlds.stage.compose import compose
from sensorium.worlds.stage.moments import Moment, moment
from sensorium.worlds.stage.moves import LABELS, MOVES, REST, mirror, partner
from sensorium.worlds.stage.perform import perform
from sensorium.worlds.stage.render import Renderer, frames, masks
from sensorium.worlds.stage.reversal import backwards
from sensorium.worlds.stage.script import INSTRUMENTS, Episode, Event, Note, Performer
from sensorium.worlds.stage.solos import alone, compose_solo, empty_stage
from sensorium.worlds.stage.sounding import Sounds, mix, track
from sensorium.worlds.stage.truth import truth
from sensorium.worlds.stage.watching import clip

__all__ = [
    "INSTRUMENTS",
    "LABELS",
    "MOVES",
    "REST",
    "Episode",
    "Event",
    "Moment",
    "Note",
    "Performer",
    "Renderer",
    "Sounds",
    "alone",
    "backwards",
    "clip",
    "clip_label",
    "compose",
    "compose_clip",
    "compose_solo",
    "empty_stage",
    "frames",
    "masks",
    "mirror",
    "mix",
    "moment",
    "partner",
    "perform",
    "track",
    "truth",
]
