"""What is behind a person, and their clothes."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from sensorium.seeds import generator
from sensorium.worlds.portraits.canvas import Canvas, Pixels, shaded
from sensorium.worlds.portraits.people import Identity


@lru_cache(maxsize=32)
def backdrop(who: Identity, size: int) -> Pixels:
    """The wall: a square of ``size`` pixels, out of focus."""
    rng = generator(who.seed, "backdrop")
    first, second = (np.array(c, np.float64) for c in who.setting.colours)
    ramp = np.linspace(1.1, 0.75, size)[:, None, None]
    wall = np.broadcast_to(first * ramp, (size, size, 3))
    pixels = np.clip(np.rint(wall), 0, 255).astype(np.uint8)
    colour = tuple(int(c) for c in second)
    kind = who.setting.backdrop
    if kind == "window":
        left, top = rng.uniform(-0.1, 0.7), rng.uniform(-0.1, 0.2)
        a = (int(left * size), int(top * size))
        b = (int((left + 0.4) * size), int((top + 0.6) * size))
        cv2.rectangle(pixels, a, b, shaded(colour, 1.5), -1)
        cv2.rectangle(pixels, a, b, shaded(colour, 0.6), max(1, size // 40))
    elif kind == "stripes":
        step = max(2, int(rng.uniform(0.08, 0.2) * size))
        for x in range(0, size, 2 * step):
            cv2.rectangle(pixels, (x, 0), (x + step, size), colour, -1)
    elif kind == "spots":
        for _ in range(14):
            at = int(rng.uniform() * size), int(rng.uniform() * size)
            radius = int(rng.uniform(0.03, 0.09) * size)
            cv2.circle(pixels, at, radius, shaded(colour, float(rng.uniform(0.8, 1.3))), -1)
    elif kind == "shelves":
        for row in range(4):
            y = int((0.2 + 0.25 * row) * size)
            x = 0
            while x < size:
                wide = int(rng.uniform(0.03, 0.08) * size) + 1
                tall = int(rng.uniform(0.10, 0.18) * size)
                tone = shaded(colour, float(rng.uniform(0.5, 1.4)))
                cv2.rectangle(pixels, (x, y - tall), (x + wide, y), tone, -1)
                x += wide + 1
            cv2.rectangle(pixels, (0, y), (size, y + max(1, size // 50)), shaded(colour, 0.5), -1)
    blur = 2 * (size // 40) + 3
    soft = cv2.GaussianBlur(pixels, (blur, blur), 0)
    soft.flags.writeable = False
    return soft


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
