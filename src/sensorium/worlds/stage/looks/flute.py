"""Flute: raised from its rest to play, fingers run along it by pitch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sensorium.worlds.stage.looks import gestures
from sensorium.worlds.stage.looks.figure import arm
from sensorium.worlds.stage.looks.gestures import Curve
from sensorium.worlds.stage.looks.paint import (
    DARK,
    IVORY,
    STEEL,
    Paint,
    Shape,
    bar,
    disc,
    turned,
)
from sensorium.worlds.stage.script import Note

MOUTH = (0.06, -0.27)


def motion(notes: Sequence[Note], times: Curve) -> dict[str, Curve]:
    """Channels ``blow`` (0 lowered .. 1 raised) and ``finger`` (0..1 along the tube)."""
    return {"blow": gestures.sounding(notes, times), "finger": gestures.reach(notes, times)}


def draw(paint: Paint, design: int, pose: dict[str, float]) -> list[Shape]:
    """The tube to the side of the mouth, with both hands on it."""
    angle = 0.62 - 0.62 * pose["blow"]
    far, near = 0.50 - 0.16 * pose["finger"], 0.16 + 0.12 * (1.0 - pose["finger"])
    c, s = _turn(angle)
    hands = [(MOUTH[0] + d * c - 0.03 * s, MOUTH[1] + d * s + 0.03 * c) for d in (far, near)]
    tube = turned(_instrument(paint, design), angle, *MOUTH)
    return [*tube, *arm(paint, 1, hands[0]), *arm(paint, -1, hands[1])]


def _turn(angle: float) -> tuple[float, float]:
    return 1.0 - 0.5 * angle * angle + angle**4 / 24.0, angle - angle**3 / 6.0 + angle**5 / 120.0


@lru_cache(maxsize=256)
def _instrument(paint: Paint, design: int) -> tuple[Shape, ...]:
    y = MOUTH[1]
    if design == 0:  # with round keys
        keys = tuple(disc(0.24 + 0.07 * i, y, 0.030, STEEL, 8) for i in range(6))
        return (
            bar((-0.06, y), (0.66, y), 0.07, paint.dark),
            bar((-0.06, y - 0.01), (0.66, y - 0.01), 0.045, paint.main),
            disc(0.06, y, 0.025, DARK, 8),
            *keys,
        )
    if design == 1:  # three pieces with rings
        rings = tuple(bar((x, y - 0.05), (x, y + 0.05), 0.035, IVORY) for x in (0.14, 0.38, 0.62))
        return (
            bar((-0.08, y), (0.66, y), 0.085, paint.main),
            *rings,
            disc(0.06, y, 0.025, DARK, 8),
        )
    holes = tuple(disc(0.22 + 0.08 * i, y, 0.020, DARK, 8) for i in range(5))
    return (  # a wooden pipe that widens
        bar((-0.04, y), (0.66, y), 0.055, paint.main, 0.125),
        bar((0.62, y), (0.68, y), 0.13, paint.dark),
        disc(0.06, y, 0.02, DARK, 8),
        *holes,
    )
