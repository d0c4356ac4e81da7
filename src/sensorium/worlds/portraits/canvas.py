"""Drawing in head coordinates: filled shapes, tapering strokes and smooth curves, with OpenCV.

OpenCV's fixed-point polygons are anti-aliased and the same on every machine; strokes are
polygons too, so that their widths are not whole pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import cos, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from sensorium.worlds.portraits.people import Colour
from sensorium.worlds.portraits.shape import Points, Pose

Pixels = NDArray[np.uint8]  # [H, W, 3]

SHIFT = 4
"""Bits after the point in a vertex: sixteenths of a pixel."""

ZOOM = 1.08
"""How large the head is drawn, so that it fills the frame."""

BASE = 0.02
"""How far below the frame's middle the head's middle is at rest, in widths of the frame."""


@dataclass(frozen=True)
class Place:
    """From head coordinates to the frame, in units of its width: turned, scaled, shifted."""

    a: float
    b: float
    x: float
    y: float

    @classmethod
    def of(cls, pose: Pose) -> Place:
        """Where a pose puts the head."""
        return cls(
            ZOOM * pose.scale * cos(pose.roll),
            ZOOM * pose.scale * sin(pose.roll),
            0.5 + pose.dx,
            0.5 + BASE + pose.dy,
        )

    def __call__(self, points: Points, size: float = 1.0) -> Points:
        """The points in a frame of ``size`` pixels; pixel ``i`` reaches from ``i`` to ``i+1``."""
        turn = np.array([(self.a, self.b), (-self.b, self.a)]) * size
        return points @ turn + np.array((self.x, self.y)) * size


class Canvas:
    """Pixels to draw on.

    Args:
        pixels: ``uint8 [N, N, 3]`` or ``[N, N]``, drawn on in place.
        place: from head coordinates to the frame.
        size: of the frame in these pixels, where they are but a part of it.
    """

    def __init__(self, pixels: Pixels, place: Place, size: int | None = None) -> None:
        self.pixels = pixels
        self.place = place
        self.size = len(pixels) if size is None else size
        fine = float(self.size << SHIFT)
        self._turn = np.array([(place.a, place.b), (-place.b, place.a)]) * fine
        self._shift = np.array((place.x, place.y)) * fine - (1 << (SHIFT - 1))

    def fixed(self, points: Points) -> NDArray[np.int32]:
        """OpenCV's fixed-point vertices; its pixel centres are whole numbers."""
        return np.rint(points @ self._turn + self._shift).astype(np.int32)

    def fill(self, points: Points, colour: Colour) -> None:
        """A filled polygon."""
        cv2.fillPoly(self.pixels, [self.fixed(points)], colour, cv2.LINE_AA, SHIFT)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle."""
        self.fill(circle() * radius + (x, y), colour)

    def oval(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """A filled ellipse, upright with the head."""
        self.fill(circle() * (rx, ry) + (x, y), colour)

    def stroke(self, points: Points, width: float, colour: Colour, taper: float = 1.0) -> None:
        """A line along ``points``, ``width`` wide in the middle, thinner to its ends by taper."""
        self.fill(ribbon(points, width, taper), colour)

    @contextmanager
    def within(self, points: Points) -> Iterator[Canvas]:
        """What is drawn on the yielded canvas shows only inside the polygon ``points``."""
        vertices = self.fixed(points)
        least = np.clip((vertices.min(0) >> SHIFT) - 2, 0, self.size - 1)
        most = np.clip((vertices.max(0) >> SHIFT) + 3, least + 1, self.size)
        box = slice(least[1], most[1]), slice(least[0], most[0])
        patch = Canvas(self.pixels[box].copy(), self.place, self.size)
        patch._shift = self._shift - (least << SHIFT)
        yield patch
        mask = np.zeros(patch.pixels.shape[:2], np.uint8)
        cv2.fillPoly(mask, [vertices - (least << SHIFT)], 255, cv2.LINE_AA, SHIFT)
        self.pixels[box] = blend(self.pixels[box], patch.pixels, mask)


def blend(below: Pixels, above: Pixels, mask: NDArray[np.uint8]) -> Pixels:
    """``above`` where the mask is 255, ``below`` where it is 0, in whole numbers."""
    share = mask[..., None].astype(np.uint16)
    mixed = above * share + below * (255 - share)
    return ((mixed + 127) // 255).astype(np.uint8)


def moved(points: Points, x: float, y: float) -> Points:
    """The points, or the one point, ``x`` to the right and ``y`` down."""
    shifted: Points = points + np.array((x, y))
    return shifted


@lru_cache(maxsize=4)
def circle(corners: int = 20) -> Points:
    """The unit circle as a polygon."""
    angle = np.arange(corners) * (2.0 * np.pi / corners)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


@lru_cache(maxsize=64)
def _basis(count: int, closed: bool, steps: int) -> NDArray[np.float64]:
    """Catmull-Rom weights ``[samples, count]`` of the points."""
    spans = count if closed else count - 1
    t = np.arange(steps) / steps
    weights = 0.5 * np.stack(
        [
            -t + 2 * t**2 - t**3,
            2 - 5 * t**2 + 3 * t**3,
            t + 4 * t**2 - 3 * t**3,
            -(t**2) + t**3,
        ],
        1,
    )
    table = np.zeros((spans * steps + (0 if closed else 1), count))
    for span in range(spans):
        for k in range(4):
            at = span + k - 1
            at = at % count if closed else min(max(at, 0), count - 1)
            table[span * steps : (span + 1) * steps, at] += weights[:, k]
    if not closed:
        table[-1, -1] = 1.0
    return table


def smooth(points: Points, steps: int = 5, closed: bool = False) -> Points:
    """A Catmull-Rom curve through the points."""
    return _basis(len(points), closed, steps) @ points


def ribbon(points: Points, width: float, taper: float = 1.0) -> Points:
    """The outline of a stroke; ``taper`` 1 ends in points, 0 is as wide all along."""
    along = np.empty_like(points)
    along[1:-1] = points[2:] - points[:-2]
    along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
    length = np.sqrt(along[:, 0] ** 2 + along[:, 1] ** 2) + 1e-9
    half = 0.5 * width * _profile(len(points), taper) / length
    across = np.stack([-along[:, 1] * half, along[:, 0] * half], 1)
    return np.concatenate([points + across, (points - across)[::-1]])


@lru_cache(maxsize=64)
def _profile(count: int, taper: float) -> NDArray[np.float64]:
    t = np.linspace(-1.0, 1.0, count)
    return 1.0 - taper * t * t


def shaded(colour: Colour, factor: float) -> Colour:
    """Darker (below 1) or lighter (above 1, towards white)."""
    if factor <= 1.0:
        return (int(colour[0] * factor), int(colour[1] * factor), int(colour[2] * factor))
    share = min(1.0, factor - 1.0)
    return tuple(int(c + (255 - c) * share) for c in colour)  # type: ignore[return-value]


def between(first: Colour, second: Colour, share: float) -> Colour:
    """``share`` of the second colour in the first."""
    share = min(max(share, 0.0), 1.0)
    return tuple(int(a + (b - a) * share) for a, b in zip(first, second, strict=True))  # type: ignore[return-value]
