"""Struck bars: two mallets fly over a row of bars, low notes on the left, high on the right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from sensorium.worlds.stage.looks import gestures
from sensorium.worlds.stage.looks.figure import arm
from sensorium.worlds.stage.looks.gestures import Curve
from sensorium.worlds.stage.looks.paint import (
    DARK,
    STEEL,
    WOOD,
    Paint,
    Shape,
    bar,
    box,
    disc,
    polygon,
    shade,
)
from sensorium.worlds.stage.script import Note

BARS = 9


def motion(notes: Sequence[Note], times: Curve) -> dict[str, Curve]:
    """Channels ``left`` and ``right`` (height of the mallets) and where each is along the bars."""
    left, right = ([n for n in notes if n.stroke == hand] for hand in (-1, 1))
    return {
        "left": gestures.strike(notes, times, -1),
        "right": gestures.strike(notes, times, 1),
        "left_at": gestures.reach_onsets(left, times),
        "right_at": gestures.reach_onsets(right, times),
    }


def draw(paint: Paint, design: int, pose: dict[str, float]) -> list[Shape]:
    """The bars before the player, two mallets with thick heads above them."""
    shapes = list(_instrument(paint, design))
    for side, lift, at in (
        (-1, pose["left"], pose["left_at"]),
        (1, pose["right"], pose["right_at"]),
    ):
        x = 0.12 * side + 0.52 * (at - 0.5)
        tip = (x, 0.09 - 0.28 * lift)
        hand = (0.55 * x + 0.16 * side, 0.0 - 0.08 * lift)
        shapes += [*arm(paint, side, hand), bar(hand, tip, 0.026, WOOD)]
        shapes.append(disc(tip[0], tip[1], 0.052, paint.fan[0], 10))
    return shapes


@lru_cache(maxsize=256)
def _instrument(paint: Paint, design: int) -> tuple[Shape, ...]:
    edges = np.linspace(-0.46, 0.46, BARS + 1)
    shapes: list[Shape] = []
    legs = DARK if design == 2 else WOOD
    shapes += [bar((x, 0.15), (x, 0.5), 0.04, legs) for x in (-0.38, 0.38)]
    for i in range(BARS):
        left, right = float(edges[i]) + 0.008, float(edges[i + 1]) - 0.008
        half = 0.125 - 0.008 * i
        colour = paint.main if i % 2 == 0 else shade(paint.main, 1.25)
        if design == 1:  # with resonator pipes below
            shapes.append(box(left + 0.015, 0.15, right - 0.015, 0.47 - 0.026 * i, STEEL))
        top = 0.14 - half
        shapes.append(
            polygon(
                [(left, top), (right, top + 0.008), (right, 0.15 + half), (left, 0.15 + half)],
                colour,
            )
        )
    if design == 2:  # in a frame
        shapes += [
            bar((-0.49, 0.28), (0.49, 0.23), 0.045, DARK),
            bar((-0.49, 0.02), (0.49, 0.07), 0.03, DARK),
        ]
    else:
        shapes.append(bar((-0.47, 0.15), (0.47, 0.15), 0.015, DARK))
    return tuple(shapes)
