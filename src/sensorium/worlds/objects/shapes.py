"""Signed distances to the shapes, so that one formula gives mask, smooth edge and edge band.

Coordinates are the object's own: it points to +y and fits into the circle of radius 1.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
"""``float32 [N, S, S]``: a number per pixel."""

Points = tuple[tuple[float, float], ...]


def _on_circle(*turns: float, radius: float = 1.0) -> Points:
    """Points at fractions of a full turn from +y."""
    return tuple((radius * sin(2 * pi * t), radius * cos(2 * pi * t)) for t in turns)


def _star(points: int, inner: float) -> Points:
    outer = _on_circle(*(k / points for k in range(points)))
    dents = _on_circle(*((k + 0.5) / points for k in range(points)), radius=inner)
    return tuple(p for pair in zip(outer, dents, strict=True) for p in pair)


def _cross(arm: float, half: float) -> Points:
    quarter: Points = ((half, half), (half, arm), (-half, arm))
    turned = [quarter]
    for _ in range(3):
        turned.append(tuple((-y, x) for x, y in turned[-1]))
    return tuple(p for part in turned for p in part)


SQUARE = _on_circle(1 / 8, 3 / 8, 5 / 8, 7 / 8)
TRIANGLE = _on_circle(0, 1 / 3, 2 / 3)
CROSS = _cross(0.93, 0.34)
STAR = _star(5, 0.42)
ARROW: Points = (
    *((0.0, 1.0), (0.78, 0.1), (0.28, 0.1), (0.28, -0.95)),
    *((-0.28, -0.95), (-0.28, 0.1), (-0.78, 0.1)),
)


def polygon(corners: Points, x: Map, y: Map) -> Map:
    """Signed distance to a closed polygon, negative inside (even-odd rule).

    Shape:
        ``[N, S, S]`` to ``[N, S, S]``.
    """
    nearest = np.full_like(x, np.inf)
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0]), strict=True):
        ex, ey = np.float32(bx - ax), np.float32(by - ay)
        px, py = x - np.float32(ax), y - np.float32(ay)
        t = np.clip((px * ex + py * ey) / (ex * ex + ey * ey), 0, 1)
        np.minimum(nearest, (px - t * ex) ** 2 + (py - t * ey) ** 2, out=nearest)
        if ay != by:
            inside ^= ((py < 0) != (y < np.float32(by))) & (px < ex / ey * py)
    return np.where(inside, -np.sqrt(nearest), np.sqrt(nearest))


def _disc(x: Map, y: Map) -> Map:
    return np.hypot(x, y) - np.float32(0.9)


def _ring(x: Map, y: Map) -> Map:
    return np.abs(np.hypot(x, y) - np.float32(0.72)) - np.float32(0.24)


def _crescent(x: Map, y: Map) -> Map:
    bitten = np.hypot(x - np.float32(0.5), y) - np.float32(0.72)
    distance: Map = np.maximum(np.hypot(x, y) - np.float32(0.98), -bitten)
    return distance


DISTANCES: dict[str, Callable[[Map, Map], Map]] = {
    "disc": _disc,
    "square": lambda x, y: polygon(SQUARE, x, y),
    "triangle": lambda x, y: polygon(TRIANGLE, x, y),
    "cross": lambda x, y: polygon(CROSS, x, y),
    "ring": _ring,
    "star": lambda x, y: polygon(STAR, x, y),
    "crescent": _crescent,
    "arrow": lambda x, y: polygon(ARROW, x, y),
}
"""By the names of `vocabulary.SHAPES`; each takes the object's coordinates ``[N, S, S]``."""
