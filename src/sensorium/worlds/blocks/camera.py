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

_STEPS = 12
_PULL = 1e-8  # towards the nominal place, where depths say nothing
_FARTHEST = 5.0  # from there; farther off the depths are not of such a camera


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
    """The camera of a scene: from its seed, or else from the depths that a file gives.

    CLEVR's files do not hold the camera, and their directions are those of the nominal one (the
    published generator moves the camera and then reads its old axes). But a camera at c that looks
    at the origin sees a block at p in the depth |c| − p · c / |c|. Three blocks or more give c, by
    Gauss and Newton's method from the nominal place; with fewer the nominal one is taken.
    """
    if scene.seed is not None:
        return camera_of(scene.seed, height, width)
    place = CAMERA
    if len(scene.blocks) >= 3 and all(b.pixel[2] > 0 for b in scene.blocks):
        for _ in range(_STEPS):
            place = _nearer(place, scene)
    return look(place if math.dist(place, CAMERA) < _FARTHEST else CAMERA, height, width)


def _nearer(place: Vector, scene: Scene) -> Vector:
    """One step towards the camera that sees the blocks of a scene in their depths."""
    distance = math.sqrt(_dot(place, place))
    axis = _unit(place)
    normal = [_times(unit, _PULL) for unit in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))]
    wanted = _times(_minus(CAMERA, place), _PULL)
    for block in scene.blocks:
        off = _minus(block.coords, _times(axis, _dot(block.coords, axis)))
        slope = _minus(axis, _times(off, 1 / distance))  # of the depth, by the camera's place
        miss = block.pixel[2] - distance + _dot(block.coords, axis)
        normal = [_plus(row, _times(slope, part)) for row, part in zip(normal, slope, strict=True)]
        wanted = _plus(wanted, _times(slope, miss))
    one, two, three = normal
    scale = 1 / _dot(one, _cross(two, three))
    step = (
        _dot(wanted, _cross(two, three)) * scale,
        _dot(one, _cross(wanted, three)) * scale,
        _dot(one, _cross(two, wanted)) * scale,
    )
    return _plus(place, step)


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


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _minus(a: Vector, b: Vector) -> Vector:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def _plus(a: Vector, b: Vector) -> Vector:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


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
