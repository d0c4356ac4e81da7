"""Looks: what the eight kinds of performers look like, and how their notes move them.

`LOOKS` maps each kind to its `Look`; `gestures` turns notes into curves, `figure` draws the player.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sensorium.worlds.stage.looks import (
    accordion,
    drum,
    flute,
    guitar,
    marimba,
    piano,
    trumpet,
    violin,
)
from sensorium.worlds.stage.looks.gestures import Curve
from sensorium.worlds.stage.looks.paint import Paint, Shape
from sensorium.worlds.stage.script import Instrument, Note


@dataclass(frozen=True)
class Look:
    """How one kind is drawn and moved.

    Attributes:
        motion: from notes and times to named curves ``[T]``.
        draw: from colours, design and the curves' values at one time to polygons, from back to
            front.
        struck: whether a note is struck at its start (mirrored in time, the start stays the onset)
            or held (mirrored in time, its end becomes the start).
        strokes: whether ``Note.stroke`` is a direction (reversed when time is) or a hand.
    """

    motion: Callable[[Sequence[Note], Curve], dict[str, Curve]]
    draw: Callable[[Paint, int, dict[str, float]], list[Shape]]
    struck: bool
    strokes: bool


DESIGNS = 3
"""Designs per kind."""

LOOKS: dict[Instrument, Look] = {
    "guitar": Look(guitar.motion, guitar.draw, struck=True, strokes=True),
    "violin": Look(violin.motion, violin.draw, struck=False, strokes=True),
    "flute": Look(flute.motion, flute.draw, struck=False, strokes=False),
    "trumpet": Look(trumpet.motion, trumpet.draw, struck=False, strokes=False),
    "marimba": Look(marimba.motion, marimba.draw, struck=True, strokes=False),
    "drum": Look(drum.motion, drum.draw, struck=True, strokes=False),
    "accordion": Look(accordion.motion, accordion.draw, struck=False, strokes=True),
    "piano": Look(piano.motion, piano.draw, struck=False, strokes=False),
}
