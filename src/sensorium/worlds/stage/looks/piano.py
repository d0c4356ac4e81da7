"""Keyboard: two hands press keys, to the left for low and to the right for high notes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sensorium.worlds.stage.looks import gestures
from sensorium.worlds.stage.looks.figure import arm
from sensorium.worlds.stage.looks.gestures import Curve
from sensorium.worlds.stage.looks.paint import DARK, IVORY, STEEL, Paint, Shape, bar, box, polygon
from sensorium.worlds.stage.script import Note

KEYS = 14
TOP, BOTTOM = 0.06, 0.20


def motion(notes: Sequence[Note], times: Curve) -> dict[str, Curve]:
    """``left``, ``right``: 0 lifted .. 1 pressed; ``left_at``, ``right_at``: along the keys."""
    left, right = ([n for n in notes if n.stroke == hand] for hand in (-1, 1))
    return {
        "left": gestures.press(notes, times, -1),
        "right": gestures.press(notes, times, 1),
        "left_at": gestures.reach(left, times),
        "right_at": gestures.reach(right, times),
    }


def draw(paint: Paint, design: int, pose: dict[str, float]) -> list[Shape]:
    """The keyboard before the player; a pressed key goes dark under the hand."""
    shapes = list(_instrument(paint, design))
    for side, down, at in (
        (-1, pose["left"], pose["left_at"]),
        (1, pose["right"], pose["right_at"]),
    ):
        x = 0.19 * side + 0.42 * (at - 0.5)
        if down > 0.3:
            shapes.append(box(x - 0.035, TOP, x + 0.035, BOTTOM + 0.035, paint.fan[0]))
        shapes += arm(paint, side, (x, TOP - 0.17 + 0.20 * down))
    return shapes


@lru_cache(maxsize=256)
def _instrument(paint: Paint, design: int) -> tuple[Shape, ...]:
    shapes: list[Shape] = []
    if design == 0:  # upright
        shapes += [
            box(-0.5, 0.02, 0.5, 0.48, paint.dark),
            box(-0.44, 0.24, 0.44, 0.42, paint.main),
            box(-0.5, -0.03, 0.5, 0.06, paint.main),
        ]
    elif design == 1:  # grand, its lid up
        lid = [
            (-0.5, 0.03),
            (0.5, 0.03),
            (0.46, -0.22),
            (0.30, -0.36),
            (0.22, -0.10),
            (-0.2, -0.02),
        ]
        shapes += [
            polygon(lid, paint.dark),
            box(-0.5, 0.0, 0.5, 0.30, paint.main),
            bar((-0.42, 0.3), (-0.42, 0.5), 0.06, paint.dark),
            bar((0.42, 0.3), (0.42, 0.5), 0.06, paint.dark),
        ]
    else:  # electric, on crossed legs
        shapes += [
            bar((-0.36, 0.24), (0.30, 0.5), 0.035, STEEL),
            bar((0.36, 0.24), (-0.30, 0.5), 0.035, STEEL),
            box(-0.5, 0.0, 0.5, 0.26, paint.main),
            box(-0.46, 0.015, -0.3, 0.045, DARK),
            box(0.3, 0.015, 0.46, 0.045, paint.light),
        ]
    shapes.append(box(-0.45, TOP, 0.45, BOTTOM, IVORY))
    for i in range(1, KEYS):
        x = -0.45 + 0.9 * i / KEYS
        wide = 0.034 if i % 7 not in (0, 3) else 0.008
        end = TOP + 0.085 if wide > 0.01 else BOTTOM
        shapes.append(box(x - 0.5 * wide, TOP, x + 0.5 * wide, end, DARK))
    return tuple(shapes)
