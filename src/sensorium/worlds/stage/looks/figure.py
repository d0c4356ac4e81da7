"""What every performer has apart from the instrument: body, head, fan, waving flag and halo."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sensorium.worlds.stage.looks.paint import (
    COLOURS,
    DARK,
    WOOD,
    Paint,
    Shape,
    bar,
    box,
    disc,
    oval,
    polygon,
    shade,
)

Point = tuple[float, float]

FAN_BLADES = 7
FAN_RADIUS = 0.68


@lru_cache(maxsize=256)
def body(paint: Paint) -> tuple[Shape, ...]:
    """Legs, trunk and head."""
    legs = shade(paint.costume, 0.7)
    shapes: list[Shape] = [
        bar((-0.065, 0.2), (-0.075, 0.48), 0.085, legs),
        bar((0.065, 0.2), (0.075, 0.48), 0.085, legs),
        oval(-0.06, 0.485, 0.065, 0.025, DARK),
        oval(0.10, 0.485, 0.065, 0.025, DARK),
        polygon(
            [
                (-0.13, -0.19),
                (0.13, -0.19),
                (0.16, -0.1),
                (0.13, 0.24),
                (-0.13, 0.24),
                (-0.16, -0.1),
            ],
            paint.costume,
        ),
        polygon([(-0.04, -0.2), (0.04, -0.2), (0.0, -0.06)], (240, 240, 236)),
        *_head(paint),
    ]
    return tuple(shapes)


def _head(paint: Paint) -> list[Shape]:
    face = disc(0.0, -0.32, 0.115, paint.skin, 16)
    eyes = [disc(0.035, -0.335, 0.017, DARK, 8), disc(0.085, -0.335, 0.017, DARK, 8)]
    hair = paint.hair
    if paint.head == 0:  # bald
        return [face, *eyes]
    if paint.head == 1:  # a full head of hair
        return [
            disc(-0.03, -0.345, 0.13, hair, 16),
            disc(0.025, -0.305, 0.1, paint.skin, 16),
            *eyes,
        ]
    if paint.head == 2:  # cap
        cap = polygon(
            [(-0.12, -0.36), (-0.1, -0.43), (0.0, -0.455), (0.1, -0.42), (0.12, -0.36)], hair
        )
        return [face, cap, bar((0.08, -0.37), (0.21, -0.355), 0.03, hair), *eyes]
    if paint.head == 3:  # top hat
        hat = box(-0.08, -0.56, 0.08, -0.4, hair)
        return [face, hat, box(-0.14, -0.415, 0.14, -0.385, hair), *eyes]
    bun = disc(-0.09, -0.43, 0.06, hair, 12)
    fringe = polygon([(-0.115, -0.3), (-0.1, -0.4), (0.0, -0.445), (0.1, -0.4), (0.0, -0.38)], hair)
    return [bun, face, fringe, *eyes]


def arm(paint: Paint, shoulder: int, hand: Point) -> list[Shape]:
    """An arm from a shoulder (+1 front, -1 back) to a hand, with the elbow hanging a little."""
    start = (0.12 * shoulder, -0.13)
    sleeve = shade(paint.costume, 1.18)
    dx, dy = hand[0] - start[0], hand[1] - start[1]
    slack = max(0.0, 0.09 - 0.25 * (dx * dx + dy * dy) ** 0.5)
    elbow = (start[0] + 0.5 * dx + shoulder * slack, start[1] + 0.5 * dy + 0.04 + slack)
    return [
        bar(start, elbow, 0.075, sleeve, 0.062),
        bar(elbow, hand, 0.062, sleeve, 0.05),
        disc(hand[0], hand[1], 0.038, paint.skin, 10),
    ]


def fan(paint: Paint, spread: float) -> list[Shape]:
    """A peacock's fan behind the back: a thin bundle when closed, a great wheel when open."""
    half = 0.05 + 1.35 * spread
    edges = np.linspace(-half, half, FAN_BLADES + 1)
    tip_x, tip_y = FAN_RADIUS * np.sin(edges), -FAN_RADIUS * np.cos(edges)
    shapes: list[Shape] = []
    for i in range(FAN_BLADES):
        middle = 0.5 * (edges[i] + edges[i + 1])
        bulge = 1.05 * FAN_RADIUS
        blade = np.array(
            [
                (0.0, 0.0),
                (tip_x[i], tip_y[i]),
                (bulge * np.sin(middle), -bulge * np.cos(middle)),
                (tip_x[i + 1], tip_y[i + 1]),
            ]
        )
        shapes.append((blade, paint.fan[i % 2]))
    return shapes


def flag(paint: Paint, raised: float, swing: float) -> list[Shape]:
    """An arm with a flag: hidden behind the back when lowered, waved at the side when raised."""
    if raised <= 0.02:
        return []
    angle = 2.9 - 2.15 * raised + 0.6 * swing  # from straight up towards the back
    along = (-float(np.sin(angle)), -float(np.cos(angle)))
    across = (-along[1], along[0])

    def at(far: float, aside: float) -> Point:
        return (
            -0.1 + far * along[0] + aside * across[0],
            -0.1 + far * along[1] + aside * across[1],
        )

    cloth = shade(paint.flag, 0.85 + 0.3 * (0.5 + 0.5 * swing))
    return [
        bar(at(0.0, 0.0), at(0.24, 0.0), 0.075, shade(paint.costume, 1.18), 0.055),
        bar(at(0.22, 0.0), at(0.58, 0.0), 0.025, WOOD),
        polygon([at(0.58, 0.0), at(0.58, 0.26), at(0.34, 0.26), at(0.34, 0.0)], cloth),
        polygon([at(0.50, 0.0), at(0.50, 0.26), at(0.42, 0.26), at(0.42, 0.0)], (250, 250, 250)),
        disc(*at(0.24, 0.0), 0.042, paint.skin, 10),
    ]


@lru_cache(maxsize=8)
def _rays(count: int) -> np.ndarray:
    angle = np.arange(2 * count) * (np.pi / count)
    radius = np.where(np.arange(2 * count) % 2 == 0, 1.0, 0.62)
    return np.stack([radius * np.sin(angle), -radius * np.cos(angle)], 1)


def halo(flash: float) -> list[Shape]:
    """A burst of light behind the performer."""
    if flash <= 0.02:
        return []
    glow = (255, 250, 200)
    return [
        (_rays(11) * (0.25 + 0.5 * flash), glow),
        (_rays(11) * (0.15 + 0.36 * flash), COLOURS["yellow"]),
    ]
