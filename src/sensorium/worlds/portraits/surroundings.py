"""What is behind a person, and their clothes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from sensorium.seeds import generator
from sensorium.worlds.portraits.canvas import Canvas, Pixels, shaded
from sensorium.worlds.portraits.people import Colour, Identity

WALL = 96
"""Pixels of the wall before it is enlarged, which puts it out of focus."""


@lru_cache(maxsize=64)
def backdrop(who: Identity, size: int) -> Pixels:
    """The wall: a square of ``size`` pixels; not to be written to."""
    rng = generator(who.seed, "backdrop")
    first, second = who.setting.colours
    ramp = np.linspace(1.1, 0.75, WALL)[:, None, None] * np.array(first, np.float64)
    pixels = np.empty((WALL, WALL, 3), np.uint8)
    pixels[:] = np.clip(np.rint(ramp), 0, 255)
    PATTERNS[who.setting.backdrop](pixels, second, rng)
    pixels = cv2.GaussianBlur(pixels, (5, 5), 1.2)
    wall: Pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_LINEAR)
    wall.flags.writeable = False
    return wall


def _plain(pixels: Pixels, colour: Colour, rng: np.random.Generator) -> None:
    """Nothing on it."""


def _window(pixels: Pixels, colour: Colour, rng: np.random.Generator) -> None:
    left, top = int(rng.uniform(-0.1, 0.7) * WALL), int(rng.uniform(-0.1, 0.2) * WALL)
    corner = (left + int(0.4 * WALL), top + int(0.6 * WALL))
    cv2.rectangle(pixels, (left, top), corner, shaded(colour, 1.5), -1)
    cv2.rectangle(pixels, (left, top), corner, shaded(colour, 0.6), 2)


def _stripes(pixels: Pixels, colour: Colour, rng: np.random.Generator) -> None:
    step = int(rng.uniform(0.08, 0.2) * WALL)
    for x in range(0, WALL, 2 * step):
        cv2.rectangle(pixels, (x, 0), (x + step - 1, WALL), colour, -1)


def _spots(pixels: Pixels, colour: Colour, rng: np.random.Generator) -> None:
    for _ in range(14):
        at = int(rng.uniform() * WALL), int(rng.uniform() * WALL)
        radius = int(rng.uniform(0.03, 0.09) * WALL)
        cv2.circle(pixels, at, radius, shaded(colour, float(rng.uniform(0.8, 1.3))), -1)


def _shelves(pixels: Pixels, colour: Colour, rng: np.random.Generator) -> None:
    for row in range(4):
        y, x = int((0.2 + 0.25 * row) * WALL), 0
        while x < WALL:
            wide, tall = int(rng.uniform(0.03, 0.08) * WALL), int(rng.uniform(0.10, 0.18) * WALL)
            tone = shaded(colour, float(rng.uniform(0.5, 1.4)))
            cv2.rectangle(pixels, (x, y - tall), (x + wide, y), tone, -1)
            x += wide + 2
        cv2.rectangle(pixels, (0, y), (WALL, y + 2), shaded(colour, 0.5), -1)


PATTERNS: dict[str, Callable[[Pixels, Colour, np.random.Generator], None]] = {
    "plain": _plain,
    "window": _window,
    "stripes": _stripes,
    "spots": _spots,
    "shelves": _shelves,
}
"""What is on the wall."""

NECK = np.array(
    [(-0.175, 0.12), (0.175, 0.12), (0.165, 0.36), (0.215, 0.62), (-0.215, 0.62), (-0.165, 0.36)]
)


def shirt(canvas: Canvas, who: Identity) -> None:
    """Shoulders and collar; below the frame where a head fills it."""
    colour = who.setting.shirt
    body = np.array(
        [
            (-0.20, 0.405),
            (-0.42, 0.455),
            (-0.62, 0.56),
            (-0.62, 0.9),
            (0.62, 0.9),
            (0.62, 0.56),
            (0.42, 0.455),
            (0.20, 0.405),
            (0.09, 0.47),
            (-0.09, 0.47),
        ]
    )
    canvas.fill(body, colour)
    if who.setting.collar:
        for side in (-1, 1):
            flap = np.array([(0.215, 0.395), (0.07, 0.475), (0.14, 0.53), (0.27, 0.44)])
            canvas.fill(flap * (side, 1), shaded(colour, 1.3))
