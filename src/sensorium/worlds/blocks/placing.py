"""Where blocks stand: CLEVR's placement, with its margins and its rule that all be visible.

Johnson et al., arXiv:1612.06890, appendix A, and the constants of its published generator.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sensorium.seeds import generator
from sensorium.worlds.blocks.camera import Camera, Vector, camera_of
from sensorium.worlds.blocks.rendering import outline
from sensorium.worlds.blocks.scenes import Block, Scene
from sensorium.worlds.blocks.vocabulary import COLORS, MATERIALS, MOST, RADIUS, SHAPES, SIZES

COGENT_A: dict[str, tuple[str, ...]] = {
    "cube": ("gray", "blue", "brown", "yellow"),
    "sphere": COLORS,
    "cylinder": ("red", "green", "purple", "cyan"),
}
"""CLEVR-CoGenT's condition A: which colours each shape may have."""

COGENT_B: dict[str, tuple[str, ...]] = {
    "cube": COGENT_A["cylinder"],
    "sphere": COLORS,
    "cylinder": COGENT_A["cube"],
}
"""Condition B: cubes and cylinders change places."""

FEWEST = 3
SPREAD = 3.0
TRIES = 50
GAP = 0.25
"""Between the surfaces of two blocks (as spheres), at least, in the world's units."""

BESIDE = 0.4
"""Along each direction two blocks are at least so far apart."""

VISIBLE = 200
"""Pixels of each block in a picture 320 wide."""

_WIDTH = 320
_RESTARTS = 2000


def place(
    seed: int,
    *,
    colors: Mapping[str, tuple[str, ...]] | None = None,
    height: int = 320,
    width: int = 480,
) -> Scene:
    """The scene of a seed: three to ten blocks that keep CLEVR's distances and can all be seen.

    Only the ratio of ``height`` to ``width`` changes what is placed: visibility is always measured
    in a picture whose longer side has 320 pixels.

    Args:
        seed: the same seed gives the same scene.
        colors: by shape, the colours that it may have (`COGENT_A`, `COGENT_B`); default all.
        height: of the picture to come, in pixels.
        width: likewise.

    Raises:
        ValueError: when no scene fits into a picture of that shape, or ``colors`` has no shape.
    """
    allowed = dict.fromkeys(SHAPES, COLORS) if colors is None else dict(colors)
    if not allowed or not all(allowed.values()) or not set(allowed) <= set(SHAPES):
        raise ValueError(
            f"colors must name colours for some of {', '.join(SHAPES)}, got {dict(allowed)}"
        )
    camera = camera_of(seed, height, width)
    small = camera_of(seed, *_reduced(height, width))
    random = generator(seed, "blocks", "placing")
    count = int(random.integers(FEWEST, MOST + 1))
    for _ in range(_RESTARTS):
        blocks = _try(random, count, camera, allowed)
        ids = outline(blocks, small)
        if np.bincount(ids.ravel(), minlength=count + 1)[1:].min() >= VISIBLE:
            return Scene(blocks, camera.directions, seed=seed)
    raise ValueError(
        f"{count} blocks do not fit into a picture of {height}x{width} so that each can be seen; "
        "take a less narrow one"
    )


def _reduced(height: int, width: int) -> tuple[int, int]:
    longer = max(height, width)
    return max(round(height * _WIDTH / longer), 1), max(round(width * _WIDTH / longer), 1)


def _try(
    random: np.random.Generator,
    count: int,
    camera: Camera,
    allowed: Mapping[str, tuple[str, ...]],
) -> tuple[Block, ...]:
    """Blocks that keep their distances; starts anew whenever one finds no place."""
    right, front = camera.directions["right"], camera.directions["front"]
    while True:
        blocks: list[Block] = []
        while len(blocks) < count:
            size = _pick(random, SIZES)
            spot = _spot(random, RADIUS[size], blocks, right, front)
            if spot is None:
                break
            shape = _pick(random, tuple(allowed))
            color = _pick(random, allowed[shape])
            rotation = 360.0 * random.random()
            coords = (*spot, RADIUS[size])
            material = _pick(random, MATERIALS)
            blocks.append(
                Block(size, color, material, shape, coords, rotation, camera.project(coords))
            )
        else:
            return tuple(blocks)


def _spot(
    random: np.random.Generator, radius: float, blocks: list[Block], right: Vector, front: Vector
) -> tuple[float, float] | None:
    """A free place for one more block; ``None`` when fifty tries found none."""
    for _ in range(TRIES):
        x, y = (2 * SPREAD * random.random() - SPREAD for _ in range(2))
        for other in blocks:
            dx, dy = x - other.coords[0], y - other.coords[1]
            if math.sqrt(dx * dx + dy * dy) - radius - RADIUS[other.size] < GAP:
                break
            across, along = dx * right[0] + dy * right[1], dx * front[0] + dy * front[1]
            if abs(across) < BESIDE or abs(along) < BESIDE:
                break
        else:
            return x, y
    return None


def _pick(random: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(random.integers(len(choices)))]
