"""Drum: each stroke brings one stick down."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from sensorium.worlds.stage.looks import gestures
from sensorium.worlds.stage.looks.figure import arm
from sensorium.worlds.stage.looks.gestures import Curve
from sensorium.worlds.stage.looks.paint import (
    IVORY,
    STEEL,
    WOOD,
    Paint,
    Shape,
    bar,
    box,
    disc,
    oval,
    polygon,
)
from sensorium.worlds.stage.script import Note

SKIN_Y = (0.08, 0.04, 0.06)


def motion(notes: Sequence[Note], times: Curve) -> dict[str, Curve]:
    """Channels ``left`` and ``right``: height of the sticks, 0 on the skin."""
    return {
        "left": gestures.strike(notes, times, -1),
        "right": gestures.strike(notes, times, 1),
    }


def draw(paint: Paint, design: int, pose: dict[str, float]) -> list[Shape]:
    """The drum before the player, two sticks above it."""
    shapes = list(_instrument(paint, design))
    top = SKIN_Y[design]
    for side, lift in ((-1, pose["left"]), (1, pose["right"])):
        tip = ((0.08 + 0.10 * lift) * side, top - 0.36 * lift)
        hand = (0.29 * side, top - 0.08 - 0.12 * lift)
        shapes += [*arm(paint, side, hand), bar(hand, tip, 0.035, WOOD, 0.03)]
        shapes.append(disc(tip[0], tip[1], 0.032, IVORY, 8))
    return shapes


@lru_cache(maxsize=256)
def _instrument(paint: Paint, design: int) -> tuple[Shape, ...]:
    if design == 0:  # snare on a stand
        return (
            bar((0.0, 0.28), (-0.2, 0.5), 0.03, STEEL),
            bar((0.0, 0.28), (0.2, 0.5), 0.03, STEEL),
            box(-0.27, 0.09, 0.27, 0.30, paint.main),
            oval(0.0, 0.30, 0.27, 0.06, paint.main),
            box(-0.27, 0.26, 0.27, 0.30, STEEL),
            oval(0.0, 0.09, 0.28, 0.075, STEEL, 20),
            oval(0.0, 0.085, 0.25, 0.06, IVORY, 20),
        )
    if design == 1:  # marching drum with ropes
        zigzag = [(-0.26 + 0.13 * i, 0.08 if i % 2 else 0.42) for i in range(5)]
        ropes = [bar(a, b, 0.02, IVORY) for a, b in pairwise(zigzag)]
        return (
            box(-0.26, 0.05, 0.26, 0.42, paint.main),
            oval(0.0, 0.42, 0.26, 0.06, paint.dark),
            *ropes,
            oval(0.0, 0.05, 0.28, 0.075, paint.dark, 20),
            oval(0.0, 0.045, 0.24, 0.055, IVORY, 20),
        )
    barrels: list[Shape] = []  # a pair of congas
    for x in (-0.15, 0.15):
        outline = [
            (x - 0.13, 0.07), (x - 0.155, 0.2), (x - 0.09, 0.48), (x + 0.09, 0.48),
            (x + 0.155, 0.2), (x + 0.13, 0.07),
        ]  # fmt: skip
        barrels += [
            polygon(outline, paint.main),
            bar((x, 0.1), (x, 0.47), 0.05, paint.light, 0.03),
            box(x - 0.15, 0.15, x + 0.15, 0.18, STEEL),
            oval(x, 0.07, 0.135, 0.045, IVORY),
        ]
    return tuple(barrels)
