"""A scene of blocks: what stands where, and how a viewer would list it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from sensorium.worlds.blocks.vocabulary import DIRECTIONS, Attribute, Direction

MARGIN = 0.2
"""How far apart two blocks must be along a direction to stand in that relation (CLEVR)."""


@dataclass(frozen=True)
class Item:
    """A block as a viewer would list it: true or parsed from a picture.

    Attributes:
        size, color, material, shape: values of `vocabulary.VALUES`.
        position: along the viewer's right, along the viewer's front (towards the viewer) and up,
            in the world's units. Independent of the camera's place (NS-VQA's three coordinates).
    """

    size: str
    color: str
    material: str
    shape: str
    position: tuple[float, float, float]

    def value(self, attribute: Attribute) -> str:
        """Its size, color, material or shape."""
        return str(getattr(self, attribute))


@dataclass(frozen=True)
class Block:
    """A block in the world.

    Attributes:
        size, color, material, shape: values of `vocabulary.VALUES`.
        coords: centre ``(x, y, z)`` in the world's units; z is half its height.
        rotation: about the vertical. As in CLEVR it is drawn from 0 to 360, and then taken for
            radians when the block is turned.
        pixel: where its centre is in the picture: ``(x, y, depth)``, x and y in pixels.
    """

    size: str
    color: str
    material: str
    shape: str
    coords: tuple[float, float, float]
    rotation: float = 0.0
    pixel: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Scene:
    """Blocks, the viewer's directions, and where it came from.

    Attributes:
        blocks: at most ten.
        directions: unit vectors in the ground plane by name (``left`` ... ``behind``), of the
            camera that looks at it.
        index: number in its data set.
        split: of its data set.
        filename: of its picture.
        seed: from which `rendering` makes camera, lights and noise; ``None`` for a scene read from
            a file that does not say.
    """

    blocks: tuple[Block, ...]
    directions: dict[Direction, tuple[float, float, float]] = field(hash=False)
    index: int = 0
    split: str = ""
    filename: str = ""
    seed: int | None = None

    @property
    def items(self) -> tuple[Item, ...]:
        """What a viewer with perfect eyes would list, in the order of the blocks."""
        right, front = (np.asarray(self.directions[d]) for d in ("right", "front"))
        return tuple(
            Item(
                b.size,
                b.color,
                b.material,
                b.shape,
                (
                    float(np.dot(b.coords, right)),
                    float(np.dot(b.coords, front)),
                    float(b.coords[2]),
                ),
            )
            for b in self.blocks
        )

    def related(self) -> dict[Direction, Bool[np.ndarray, "N N"]]:
        """``[i, j]``: whether block j stands in that direction of block i, by the margin of 0.2."""
        coords = np.asarray([b.coords for b in self.blocks], np.float64).reshape(-1, 3)
        gaps = coords[None] - coords[:, None]  # [i, j]: from i to j
        out: dict[Direction, NDArray[np.bool_]] = {}
        for name in DIRECTIONS:
            out[name] = gaps @ np.asarray(self.directions[name]) > MARGIN
        return out
