"""Brass: the bell rises to play, the slide goes out for low notes, the valves go down."""

from __future__ import annotations

from collections.abc import Sequence

from sensorium.worlds.stage.looks import gestures
from sensorium.worlds.stage.looks.figure import arm
from sensorium.worlds.stage.looks.gestures import Curve
from sensorium.worlds.stage.looks.paint import (
    IVORY,
    STEEL,
    Paint,
    Shape,
    bar,
    disc,
    polygon,
    turned,
)
from sensorium.worlds.stage.script import Note

MOUTH = (0.10, -0.26)
LENGTHS = (0.42, 0.34, 0.36)
BELLS = (0.12, 0.15, 0.19)


def motion(notes: Sequence[Note], times: Curve) -> dict[str, Curve]:
    """Channels ``blow`` (0 lowered .. 1 raised) and ``slide`` (0 in .. 1 out)."""
    return {"blow": gestures.sounding(notes, times), "slide": 1.0 - gestures.reach(notes, times)}


def draw(paint: Paint, design: int, pose: dict[str, float]) -> list[Shape]:
    """Mouthpiece, loop, valves, bell and slide; both hands hold it."""
    x, y = MOUTH
    end, wide = x + LENGTHS[design], BELLS[design]
    slide = x + 0.26 + 0.22 * pose["slide"]
    valve = 0.035 * pose["blow"]
    horn: list[Shape] = [
        bar((x, y + 0.10), (slide, y + 0.10), 0.035, paint.dark),
        bar((slide, y + 0.02), (slide, y + 0.12), 0.045, paint.dark),
        disc(slide, y + 0.11, 0.035, IVORY, 8),
        bar((x, y), (end, y), 0.045, paint.main),
        bar((x + 0.05, y), (x + 0.05, y + 0.10), 0.035, paint.dark),
        bar((x - 0.03, y), (x + 0.03, y), 0.06, STEEL, 0.03),
    ]
    for i in range(3):
        at = x + 0.13 + 0.06 * i
        down = valve if i != 1 else 0.035 - valve
        horn += [
            bar((at, y - 0.03), (at, y + 0.09), 0.045, paint.light),
            bar((at, y - 0.075 + down), (at, y - 0.03), 0.03, STEEL),
        ]
    bell = [
        (end - 0.10, y - 0.022), (end + 0.06, y - 0.06), (end + 0.16, y - wide),
        (end + 0.16, y + wide), (end + 0.06, y + 0.06), (end - 0.10, y + 0.022),
    ]  # fmt: skip
    horn += [
        polygon(bell, paint.main),
        bar((end + 0.16, y - wide), (end + 0.16, y + wide), 0.03, paint.light),
    ]
    if design == 1:  # a second loop
        horn.insert(0, disc(x + 0.24, y + 0.08, 0.12, paint.dark, 14))
        horn.insert(1, disc(x + 0.24, y + 0.08, 0.075, paint.light, 12))
    angle = 0.55 - 0.70 * pose["blow"]
    hands = turned([polygon([(x + 0.19, y - 0.05), (slide, y + 0.12)], paint.skin)], angle, *MOUTH)[
        0
    ][0]
    front, back = (float(hands[1][0]), float(hands[1][1])), (float(hands[0][0]), float(hands[0][1]))
    return [*arm(paint, 1, front), *turned(horn, angle, *MOUTH), *arm(paint, -1, back)]
