"""Bowed string: the bow crosses the strings for as long as a note sounds, up and down in turn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sensorium.worlds.stage.looks import gestures
from sensorium.worlds.stage.looks.figure import arm
from sensorium.worlds.stage.looks.gestures import Curve
from sensorium.worlds.stage.looks.paint import DARK, IVORY, WOOD, Paint, Shape, bar, disc, polygon
from sensorium.worlds.stage.script import Note

CROSSING = (0.24, -0.19)
ALONG = (0.42, -0.907)


def motion(notes: Sequence[Note], times: Curve) -> dict[str, Curve]:
    """Channels ``bow`` (-1..1 along itself) and ``finger`` (0..1 along the neck)."""
    return {"bow": gestures.travel(notes, times), "finger": gestures.reach(notes, times)}


def draw(paint: Paint, design: int, pose: dict[str, float]) -> list[Shape]:
    """The violin at the chin, the left hand at its neck, the bow across."""
    finger = (0.58 - 0.12 * pose["finger"], -0.145)
    shift = 0.26 * pose["bow"]
    middle = (CROSSING[0] + shift * ALONG[0], CROSSING[1] + shift * ALONG[1])
    frog = (middle[0] - 0.40 * ALONG[0], middle[1] - 0.40 * ALONG[1])
    tip = (middle[0] + 0.40 * ALONG[0], middle[1] + 0.40 * ALONG[1])
    stick = (0.034 * ALONG[1], -0.034 * ALONG[0])
    return [
        *arm(paint, 1, finger),
        *_instrument(paint, design),
        bar(
            (frog[0] + stick[0], frog[1] + stick[1]),
            (tip[0] + stick[0], tip[1] + stick[1]),
            0.026,
            WOOD,
        ),
        bar(frog, tip, 0.022, IVORY),
        *arm(paint, -1, frog),
    ]


@lru_cache(maxsize=256)
def _instrument(paint: Paint, design: int) -> tuple[Shape, ...]:
    neck = (
        bar((0.28, -0.19), (0.62, -0.19), 0.04, DARK),
        disc(0.64, -0.20, 0.035, paint.dark, 8),
        bar((0.10, -0.19), (0.6, -0.19), 0.010, IVORY),
    )
    if design == 0:  # classical
        return (
            disc(0.10, -0.19, 0.12, paint.dark, 16),
            disc(0.28, -0.19, 0.10, paint.dark, 16),
            disc(0.10, -0.19, 0.10, paint.main, 16),
            disc(0.28, -0.19, 0.08, paint.main, 16),
            bar((0.14, -0.25), (0.22, -0.24), 0.016, DARK),
            bar((0.14, -0.13), (0.22, -0.14), 0.016, DARK),
            *neck,
        )
    if design == 1:  # with corners
        outline = [
            (-0.02, -0.24), (0.1, -0.31), (0.17, -0.25), (0.22, -0.25), (0.3, -0.29), (0.37, -0.22),
            (0.37, -0.16), (0.3, -0.09), (0.22, -0.13), (0.17, -0.13), (0.1, -0.07), (-0.02, -0.14),
        ]  # fmt: skip
        return (
            polygon(outline, paint.main),
            bar((0.0, -0.19), (0.12, -0.19), 0.035, DARK),
            bar((0.19, -0.23), (0.19, -0.15), 0.02, IVORY),
            *neck,
        )
    frame = [
        (-0.02, -0.27),
        (0.14, -0.30),
        (0.36, -0.23),
        (0.36, -0.15),
        (0.14, -0.08),
        (-0.02, -0.11),
    ]
    hollow = [
        (0.04, -0.23),
        (0.14, -0.25),
        (0.28, -0.21),
        (0.28, -0.17),
        (0.14, -0.13),
        (0.04, -0.15),
    ]
    return (polygon(frame, paint.main), polygon(hollow, paint.light), *neck)  # electric
