"""Pictures of blocks: analytic ray casting with CLEVR's camera and lamps.

CLEVR renders meshes with a path tracer (arXiv:1612.06890, appendix A); ours meets spheres, cubes
and cylinders by formula, follows one mirror bounce off metal, and takes soft shadows from points
of the square lamps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int8, UInt8

from sensorium.seeds import derive, generator
from sensorium.worlds.blocks.camera import Camera, Lamp, camera_that_saw, lamps_of
from sensorium.worlds.blocks.scenes import Block, Scene
from sensorium.worlds.blocks.vocabulary import MOST, RADIUS, SHAPES

COLOR_VALUES: dict[str, tuple[int, int, int]] = {
    "gray": (87, 87, 87),
    "red": (173, 35, 35),
    "blue": (42, 75, 215),
    "green": (29, 105, 20),
    "brown": (129, 74, 25),
    "purple": (129, 38, 192),
    "cyan": (41, 208, 208),
    "yellow": (255, 238, 51),
}
"""CLEVR's colours out of 255."""

_EXPOSURES = (0.92, 1.08)
_NOISE = np.float32(1.5)
_ALL = 3
_SCALE = 0.62
_DEPTH = 1.5  # of light to colour value: 1 looks pale, 2.2 would look too dark
_BOUND = {"cube": math.sqrt(3.0), "sphere": 1.0, "cylinder": math.sqrt(2.0)}


@dataclass(frozen=True)
class Picture:
    """What the camera sees.

    Attributes:
        pixels: ``uint8 [H, W, 3]`` RGB.
        ids: ``int8 [H, W]``: the number of the block in a pixel's middle, plus 1; 0 for the ground.
        count: blocks of the scene, seen or not.
    """

    pixels: UInt8[np.ndarray, "H W 3"]
    ids: Int8[np.ndarray, "H W"]
    count: int

    def masks(self) -> Bool[np.ndarray, "N H W"]:
        """What is visible of each block."""
        masks: Bool[np.ndarray, "N H W"] = self.ids == np.arange(1, self.count + 1)[:, None, None]
        return masks


def render(scene: Scene, height: int = 320, width: int = 480) -> Picture:
    """Draws a scene: the same bytes for the same scene on every machine.

    Camera, lamps, exposure and noise are jittered by the scene's seed. A scene without one, read
    from CLEVR's files, is seen by the camera that the depths in it imply, under the nominal lamps.

    Raises:
        ValueError: when a side has no pixel, or there are more than ten blocks.
    """
    if len(scene.blocks) > MOST:
        raise ValueError(f"a scene can hold {MOST} blocks, got {len(scene.blocks)}; leave some out")
    from sensorium.worlds.blocks import developing, kernels

    camera = camera_that_saw(scene, height, width)
    exposure, noise_seed = 1.0, 0
    if scene.seed is not None:
        exposure = float(generator(scene.seed, "blocks", "exposure").uniform(*_EXPOSURES))
        noise_seed = derive(scene.seed, "blocks", "noise") & 0xFFFFFFFF
    world = world_of(scene.blocks, camera, lamps_of(scene.seed), exposure)
    ids = _cast(world, height, width)
    light = np.empty((height, width, 3), np.float32)
    keys = np.empty((height, width), np.int32)
    kernels.paint(world, ids, light, keys, _ALL)
    kernels.refine(world, light, keys, _ALL)
    pixels = np.empty((height, width, 3), np.uint8)
    developing.develop(light, developing.curve(), np.uint32(noise_seed), _NOISE, pixels)
    return Picture(pixels, ids, len(scene.blocks))


def outline(blocks: tuple[Block, ...], camera: Camera) -> Int8[np.ndarray, "H W"]:
    """`Picture.ids` alone, without drawing."""
    return _cast(world_of(blocks, camera, ()), camera.height, camera.width)


def world_of(
    blocks: tuple[Block, ...], camera: Camera, lamps: tuple[Lamp, ...], exposure: float = 1.0
) -> Float32[np.ndarray, "R 16"]:
    """What `kernels` take: the camera, the lamps, and the blocks with their bounds."""
    world = np.zeros((7 + len(blocks), 16), np.float32)
    world[:4, :3] = _view(camera)
    world[4 : 4 + len(lamps)] = _lamp_table(lamps, exposure)
    world[7:, :12] = table_of(blocks)
    world[7:, 12:] = boxes_of(blocks, camera)
    return world


def _cast(world: Float32[np.ndarray, "R 16"], height: int, width: int) -> Int8[np.ndarray, "H W"]:
    from sensorium.worlds.blocks import kernels, shapes

    ids = np.zeros((height, width), np.int8)
    depth = np.empty((height, width), np.float32)
    depth.fill(shapes.FAR)
    kernels.cast(world, ids, depth)
    return ids


def table_of(blocks: tuple[Block, ...]) -> Float32[np.ndarray, "N 12"]:
    """Blocks as the kernels take them; a rotation in CLEVR's files counts as radians."""
    rows = [
        (
            float(SHAPES.index(b.shape)),
            *b.coords,
            RADIUS[b.size],
            math.cos(b.rotation),
            math.sin(b.rotation),
            RADIUS[b.size] * _BOUND[b.shape],
            *((c / 255) ** _DEPTH for c in COLOR_VALUES[b.color]),
            float(b.material == "metal"),
        )
        for b in blocks
    ]
    return np.asarray(rows, np.float32).reshape(-1, 12)


def boxes_of(blocks: tuple[Block, ...], camera: Camera) -> Float32[np.ndarray, "N 4"]:
    """Bounds in the picture: ``(x0, y0, x1, y1)`` in pixels, around a sphere about each block."""
    rows = []
    for block in blocks:
        x, y, depth = camera.project(block.coords)
        reach = RADIUS[block.size] * _BOUND[block.shape]
        if depth <= reach * 1.5:
            rows.append((-1.0, -1.0, camera.width + 1.0, camera.height + 1.0))
            continue
        off = math.hypot(x - camera.width / 2, y - camera.height / 2) / camera.focal
        radius = camera.focal * reach / (depth - reach) * (1 + off * off) ** 0.5 + 1
        rows.append((x - radius, y - radius, x + radius, y + radius))
    return np.asarray(rows, np.float32).reshape(-1, 4)


def _view(camera: Camera) -> Float32[np.ndarray, "4 3"]:
    """Position, the ray through the upper left corner, and its change per column and row."""
    right = np.asarray(camera.right) / camera.focal
    down = -np.asarray(camera.up) / camera.focal
    corner = np.asarray(camera.forward) - right * camera.width / 2 - down * camera.height / 2
    return np.asarray([camera.position, corner, right, down], np.float32)


def _lamp_table(lamps: tuple[Lamp, ...], exposure: float) -> Float32[np.ndarray, "L 16"]:
    """Position, light, two half sides, their reach, and the axis."""
    rows = []
    for lamp in lamps:
        x, y, z = lamp.position
        length = math.sqrt(x * x + y * y + z * z)
        flat = math.sqrt(x * x + y * y) or 1.0
        axis = (-x / length, -y / length, -z / length)
        half = lamp.side / 2
        u = (-y / flat * half, x / flat * half, 0.0)
        v = (
            (axis[1] * u[2] - axis[2] * u[1]),
            (axis[2] * u[0] - axis[0] * u[2]),
            (axis[0] * u[1] - axis[1] * u[0]),
        )
        light = tuple(c * lamp.power * exposure * _SCALE for c in lamp.color)
        rows.append((*lamp.position, *light, *u, *v, half * math.sqrt(2.0), *axis))
    return np.asarray(rows, np.float32).reshape(-1, 16)
