"""Where the viewer and the lamps are: CLEVR's base scene, jittered by a scene's seed.

The camera always looks at the world's origin with the vertical up, through a 35 mm lens on a 32 mm
sensor. Plain Python arithmetic, so that every machine finds the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from sensorium.seeds import generator
from sensorium.worlds.blocks.scenes import Scene
from sensorium.worlds.blocks.vocabulary import Direction

Vector = tuple[float, float, float]

CAMERA: Vector = (7.4811, -6.5076, 5.3437)
"""CLEVR's nominal camera, in the world's units."""

CAMERA_JITTER = 0.5
LAMP_JITTER = 1.0
LENS = 35 / 32
"""Focal length as a share of the sensor's longer side."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        position: in the world.
        right, up, forward: unit vectors of the picture's axes (``up`` against its rows).
        focal: in pixels.
        height, width: of the picture, in pixels.
    """

    position: Vector
    right: Vector
    up: Vector
    forward: Vector
    focal: float
    height: int
    width: int

    def project(self, point: Vector) -> Vector:
        """``(x, y, depth)``: x and y in pixels from the upper left corner, depth along `forward`.

        The middle of the first pixel is (0.5, 0.5), and the world's origin is the picture's middle.
        """
        ray = _minus(point, self.position)
        depth = _dot(ray, self.forward)
        scale = self.focal / depth
        return (
            self.width / 2 + _dot(ray, self.right) * scale,
            self.height / 2 - _dot(ray, self.up) * scale,
            depth,
        )

    def rays(
        self, x: Float64[np.ndarray, " P"], y: Float64[np.ndarray, " P"]
    ) -> Float64[np.ndarray, "P 3"]:
        """Directions (not of unit length: 1 along `forward`) through points of the picture."""
        across = (x - self.width / 2)[:, None] / self.focal * np.asarray(self.right)
        down = (y - self.height / 2)[:, None] / self.focal * np.asarray(self.up)
        rays: Float64[np.ndarray, "P 3"] = np.asarray(self.forward) + across - down
        return rays

    @property
    def directions(self) -> dict[Direction, Vector]:
        """``left``, ``right``, ``front``, ``behind`` as unit vectors in the ground plane."""
        behind = _unit((self.forward[0], self.forward[1], 0.0))
        right = _unit((self.right[0], self.right[1], 0.0))
        return {
            "left": (-right[0], -right[1], 0.0),
            "right": right,
            "front": (-behind[0], -behind[1], 0.0),
            "behind": behind,
        }


@dataclass(frozen=True)
class Lamp:
    """A square lamp that faces the origin.

    Attributes:
        position: of its middle.
        side: its length.
        power: emission, as in CLEVR's base scene.
        color: linear RGB.
    """

    position: Vector
    side: float
    power: float
    color: Vector


LAMPS: tuple[Lamp, ...] = (
    Lamp((6.4467, -2.9052, 4.2584), 0.5, 100.0, (1.0, 0.932, 0.817)),
    Lamp((-4.6711, -4.0136, 3.0112), 0.5, 30.0, (0.762, 0.818, 1.0)),
    Lamp((-1.1685, 2.6460, 5.8157), 1.0, 50.0, (1.0, 1.0, 1.0)),
)
"""CLEVR's key, fill and back lamp."""


def look(position: Vector, height: int, width: int) -> Camera:
    """A camera at ``position`` that looks at the origin.

    Raises:
        ValueError: when a side has no pixel.
    """
    if height < 1 or width < 1:
        raise ValueError(f"a picture needs at least 1x1 pixels, got {height}x{width}")
    forward = _unit(_times(position, -1.0))
    right = _unit(_cross(forward, (0.0, 0.0, 1.0)))
    up = _cross(right, forward)
    return Camera(position, right, up, forward, LENS * max(height, width), height, width)


def camera_of(seed: int | None, height: int, width: int) -> Camera:
    """The camera of a scene's seed; the nominal one for ``None``."""
    return look(_jittered(CAMERA, CAMERA_JITTER, seed, "camera"), height, width)


def camera_that_saw(scene: Scene, height: int, width: int) -> Camera:
    """The camera of a scene: from its seed, or else from what a file says of it.

    CLEVR's files do not hold the camera, but its direction over the ground and each block's depth.
    Since it looks at the origin, depth = distance + cos(e) · behind − sin(e) · z for a block that
    stands ``behind`` far behind the origin: a line through the blocks gives distance and
    elevation e. With fewer than three blocks the nominal ones are taken.
    """
    if scene.seed is not None:
        return camera_of(scene.seed, height, width)
    behind = scene.directions["behind"]
    distance = math.sqrt(_dot(CAMERA, CAMERA))
    cosine = math.sqrt(CAMERA[0] ** 2 + CAMERA[1] ** 2) / distance
    back = [_dot(b.coords, behind) for b in scene.blocks]
    if len(back) >= 3 and min(b.pixel[2] for b in scene.blocks) > 0 and max(back) > min(back):
        for _ in range(20):
            sine = math.sqrt(1 - cosine * cosine)
            depths = [b.pixel[2] + sine * b.coords[2] for b in scene.blocks]
            distance, slope = _line(back, depths)
            cosine = min(max(slope, 0.1), 0.999)
    sine = math.sqrt(1 - cosine * cosine)
    ground = _times(_unit((behind[0], behind[1], 0.0)), -cosine * distance)
    return look((ground[0], ground[1], sine * distance), height, width)


def lamps_of(seed: int | None) -> tuple[Lamp, ...]:
    """The lamps of a scene's seed; the nominal ones for ``None``."""
    return tuple(
        Lamp(_jittered(m.position, LAMP_JITTER, seed, f"lamp {k}"), m.side, m.power, m.color)
        for k, m in enumerate(LAMPS)
    )


def _jittered(place: Vector, by: float, seed: int | None, name: str) -> Vector:
    if seed is None:
        return place
    x, y, z = generator(seed, "blocks", name).uniform(-by, by, 3).tolist()
    return (place[0] + x, place[1] + y, place[2] + z)


def _line(x: list[float], y: list[float]) -> tuple[float, float]:
    """Start and slope of the line that fits best."""
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - mean_x) ** 2 for a in x)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread
    return mean_y - slope * mean_x, slope


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _minus(a: Vector, b: Vector) -> Vector:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def _times(a: Vector, by: float) -> Vector:
    return (a[0] * by, a[1] * by, a[2] * by)


def _cross(a: Vector, b: Vector) -> Vector:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def _unit(a: Vector) -> Vector:
    return _times(a, 1.0 / math.sqrt(_dot(a, a)))
