"""Plucked string: one hand crosses the strings at every onset, the other slides by pitch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sensorium.worlds.stage.looks import gestures
from sensorium.worlds.stage.looks.figure import arm
from sensorium.worlds.stage.looks.gestures import Curve
from sensorium.worlds.stage.looks.paint import (
    DARK,
    IVORY,
    WOOD,
    Paint,
    Shape,
    bar,
    disc,
    oval,
    polygon,
)
from sensorium.worlds.stage.script import Note

NUT, BRIDGE = (0.50, -0.20), (-0.10, 0.14)


def motion(notes: Sequence[Note], times: Curve) -> dict[str, Curve]:
    """Channels ``hand`` (-1..1 across the strings) and ``fret`` (0..1 along the neck)."""
    return {
        "hand": gestures.pluck(notes, times),
        "fret": gestures.reach_onsets(notes, times),
    }


def draw(paint: Paint, design: int, pose: dict[str, float]) -> list[Shape]:
    """The instrument before the belly, and both hands on it."""
    share = 0.12 + 0.4 * pose["fret"]
    fret = (NUT[0] + share * (BRIDGE[0] - NUT[0]), NUT[1] + share * (BRIDGE[1] - NUT[1]) + 0.015)
    hand = (-0.06 + 0.06 * pose["hand"], 0.10 + 0.15 * pose["hand"])
    return [*_instrument(paint, design), *arm(paint, 1, fret), *arm(paint, -1, hand)]


@lru_cache(maxsize=256)
def _instrument(paint: Paint, design: int) -> tuple[Shape, ...]:
    neck = [
        bar((0.05, 0.05), NUT, 0.05, WOOD, 0.04),
        bar(NUT, (NUT[0] + 0.08, NUT[1] - 0.05), 0.075, DARK),
    ]
    if design == 0:  # acoustic
        belly = [
            disc(-0.12, 0.14, 0.20, paint.dark, 18),
            disc(0.06, 0.06, 0.145, paint.dark, 16),
            disc(-0.12, 0.14, 0.18, paint.main, 18),
            disc(0.06, 0.06, 0.125, paint.main, 16),
            *neck,
            disc(-0.02, 0.095, 0.055, DARK),
            bar((-0.2, 0.12), (-0.15, 0.25), 0.03, DARK),
        ]
    elif design == 1:  # electric, with horns
        outline = [
            (-0.32, 0.10), (-0.28, 0.28), (-0.12, 0.32), (0.02, 0.22), (0.20, 0.17), (0.12, 0.10),
            (0.06, 0.02), (0.16, -0.10), (0.0, -0.05), (-0.14, 0.0), (-0.26, -0.02),
        ]  # fmt: skip
        belly = [
            polygon(outline, paint.main),
            polygon([(-0.14, 0.28), (0.0, 0.2), (0.06, 0.06), (-0.12, 0.12)], IVORY),
            *neck,
            bar((-0.12, 0.07), (-0.08, 0.17), 0.03, DARK),
            bar((-0.02, 0.03), (0.02, 0.12), 0.03, DARK),
        ]
    else:  # banjo
        belly = [
            disc(-0.08, 0.12, 0.215, paint.main, 20),
            disc(-0.08, 0.12, 0.165, IVORY, 18),
            *neck,
            oval(-0.12, 0.15, 0.04, 0.05, paint.dark),
        ]
    return (*belly, bar(BRIDGE, NUT, 0.012, IVORY))
