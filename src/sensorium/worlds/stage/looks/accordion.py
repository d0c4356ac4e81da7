"""Free reeds: the bellows open and close, one way per note."""

from __future__ import annotations

from collections.abc import Sequence

from sensorium.worlds.stage.looks import gestures
from sensorium.worlds.stage.looks.figure import arm
from sensorium.worlds.stage.looks.gestures import Curve
from sensorium.worlds.stage.looks.paint import DARK, IVORY, Paint, Shape, bar, box, disc, polygon
from sensorium.worlds.stage.script import Note

FOLDS = 5


def motion(notes: Sequence[Note], times: Curve) -> dict[str, Curve]:
    """Channels ``bellows`` (-1 shut .. 1 open) and ``key`` (0..1 along the keys)."""
    return {"bellows": gestures.travel(notes, times), "key": gestures.reach(notes, times)}


def draw(paint: Paint, design: int, pose: dict[str, float]) -> list[Shape]:
    """Two boxes before the chest and the bellows between them."""
    half = 0.16 + 0.11 * pose["bellows"]
    top, bottom = (-0.16, 0.22) if design != 1 else (-0.12, 0.18)
    droop = 0.10 * half if design == 0 else 0.0
    shapes: list[Shape] = []
    for i in range(FOLDS):
        left, right = -half + 2 * half * i / FOLDS, -half + 2 * half * (i + 1) / FOLDS
        middle = 0.5 * (left + right)
        sag = droop * (1.0 - (middle / half) ** 2) * 3.0
        fold = [
            (left, top + 0.045 + sag), (middle, top + sag), (right, top + 0.045 + sag),
            (right, bottom - 0.045 + sag), (middle, bottom + sag), (left, bottom - 0.045 + sag),
        ]  # fmt: skip
        shapes += [
            polygon(fold, IVORY),
            bar((middle, top + sag), (middle, bottom + sag), 0.022, DARK),
        ]
    key = top + 0.06 + 0.24 * (1.0 - pose["key"])
    for side in (-1, 1):
        inner, outer = side * half, side * (half + 0.155)
        shapes += _box(paint, design, inner, outer, top, bottom)
        shapes += _keys(side, inner, outer, top, bottom)
        hand = (outer - 0.02 * side, key if side > 0 else 0.03)
        shapes += arm(paint, side, hand)
    return shapes


def _box(
    paint: Paint, design: int, inner: float, outer: float, top: float, bottom: float
) -> list[Shape]:
    left, right = min(inner, outer), max(inner, outer)
    if design == 0:
        return [
            box(left, top - 0.02, right, bottom + 0.02, paint.main),
            box(left, top - 0.02, right, top + 0.02, paint.light),
        ]
    middle = 0.5 * (top + bottom)
    if design == 1:  # a concertina's hexagons, seen from the side
        outline = [
            (inner, top - 0.05),
            (outer, middle - 0.11),
            (outer, middle + 0.11),
            (inner, bottom + 0.05),
        ]
        return [
            polygon(outline, paint.main),
            disc(0.5 * (inner + outer), middle, 0.04, paint.light),
        ]
    slant = [(inner, top - 0.07), (outer, top), (outer, bottom), (inner, bottom + 0.07)]
    grille = [
        bar((inner, y), (outer, y), 0.02, paint.light) for y in (top + 0.08, middle, bottom - 0.08)
    ]
    return [polygon(slant, paint.main), *grille]


def _keys(side: int, inner: float, outer: float, top: float, bottom: float) -> list[Shape]:
    if side < 0:
        spots = [top + 0.07 + 0.075 * i for i in range(4)]
        return [disc(0.5 * (inner + outer), y, 0.02, DARK, 8) for y in spots]
    left, right = outer - 0.07, outer
    shapes: list[Shape] = [box(left, top, right, bottom, IVORY)]
    for i in range(1, 6):
        y = top + (bottom - top) * i / 6
        shapes.append(bar((left, y), (left + 0.045, y), 0.022, DARK))
    return shapes
