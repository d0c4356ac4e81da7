"""Sets of blocks as bits: bit i stands for block i, so a scene of ten is a number below 1,024.

What every question about a scene needs is worked out once: which blocks each description fits,
which stand where, which are alike. A search over questions is then a handful of ``&`` each.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

from sensorium.worlds.blocks.scenes import Scene
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, DIRECTIONS, VALUES

Description = tuple[str | None, str | None, str | None, str | None]
"""Size, color, material and shape; ``None`` where a description is silent."""

ANYTHING: Description = (None, None, None, None)
_SILENCES = tuple(product((False, True), repeat=4))
_SINGLES = frozenset(1 << i for i in range(64))


class Filling(NamedTuple):
    """One way to fill the slots of a node.

    Attributes:
        values: for each slot; ``None`` leaves it empty.
        found: the set of blocks that the node then gives, as bits.
        anywhere: the set that it would give without its relation.
    """

    values: tuple[str | None, ...]
    found: int
    anywhere: int


def is_single(blocks: int) -> bool:
    """Whether the set has exactly one block."""
    return blocks in _SINGLES


class SceneSets:
    """A scene's sets of blocks.

    Attributes:
        everything: all blocks, as bits.
        values: of each block, by attribute.
        described: the set that a description fits, for every description that fits a block.
        related: by direction, the set that stands there, for each block as the anchor (by its bit).
        alike: by attribute, the other blocks that share its value, for each block (by its bit).
    """

    def __init__(self, scene: Scene) -> None:
        blocks = scene.blocks
        self.everything = (1 << len(blocks)) - 1
        self.values: dict[str, tuple[str, ...]] = {
            a: tuple(str(getattr(b, a)) for b in blocks) for a in ATTRIBUTES
        }
        self.described: dict[Description, int] = {}
        for i, block in enumerate(zip(*(self.values[a] for a in ATTRIBUTES), strict=True)):
            size, color, material, shape = block
            for z, c, m, s in _SILENCES:
                key = (
                    None if z else size,
                    None if c else color,
                    None if m else material,
                    None if s else shape,
                )
                self.described[key] = self.described.get(key, 0) | 1 << i
        related = scene.related()
        self.related: dict[str, dict[int, int]] = {
            d: {1 << i: _bits(row) for i, row in enumerate(related[d].tolist())} for d in DIRECTIONS
        }
        self.alike = {
            a: {
                1 << i: _bits([v == own and j != i for j, v in enumerate(values)])
                for i, own in enumerate(values)
            }
            for a, values in self.values.items()
        }
        self._valued: dict[tuple[str, str], int] = {
            (a, value): _bits([v == value for v in self.values[a]])
            for a in ATTRIBUTES
            for value in VALUES[a]
        }
        self._silent: dict[frozenset[int], list[tuple[Description, int]]] = {}
        self._kept: dict[tuple[object, ...], tuple[list[Filling], list[Filling]]] = {}

    def value(self, attribute: str, block: int) -> str:
        """The attribute's value of the only block in the set."""
        return self.values[attribute][block.bit_length() - 1]

    def with_value(self, attribute: str, value: str) -> int:
        """The set of blocks whose attribute has that value."""
        return self._valued[attribute, value]

    def silent(self, attributes: frozenset[int]) -> list[tuple[Description, int]]:
        """The descriptions that say nothing about these attributes (numbers), with their sets."""
        if attributes not in self._silent:
            self._silent[attributes] = [
                (key, found)
                for key, found in self.described.items()
                if all(key[a] is None for a in attributes)
            ]
        return self._silent[attributes]

    def filtered(
        self, source: int, attributes: frozenset[int], fits: Callable[[int], bool]
    ) -> list[Filling]:
        """What descriptions leave of the set ``source``, where ``fits`` takes what is left."""
        name = (source, attributes, fits)
        if name not in self._kept:
            kept = [
                Filling(key, source & found, source & found)
                for key, found in self.silent(attributes)
                if fits(source & found)
            ]
            self._kept[name] = (kept, [])
        return self._kept[name][0]

    def reached(
        self, anchor: int, attributes: frozenset[int], fits: Callable[[int], bool]
    ) -> tuple[list[Filling], list[Filling]]:
        """What relations to ``anchor`` and descriptions leave, where ``fits`` takes it.

        Returns:
            Those where the relation matters, and those where the description alone gives the same.
        """
        name = (anchor, attributes, fits, "reached")
        if name not in self._kept:
            telling: list[Filling] = []
            idle: list[Filling] = []
            for direction in DIRECTIONS:
                there = self.related[direction][anchor]
                for key, found in self.silent(attributes):
                    left = there & found
                    if fits(left):
                        filling = Filling((direction, *key), left, found)
                        (idle if left == found else telling).append(filling)
            self._kept[name] = (telling, idle)
        return self._kept[name]


def absent(
    sets: SceneSets, attributes: frozenset[int], draw: Callable[[], float]
) -> Description | None:
    """A description that fits no block of the scene, silent about ``attributes``; drawn.

    Returns:
        ``None`` when a few dozen draws found none.
    """
    for _ in range(32):
        size, color, material, shape = (
            None if i in attributes else (*VALUES[a], None)[int(draw() * (len(VALUES[a]) + 1))]
            for i, a in enumerate(ATTRIBUTES)
        )
        if (size, color, material, shape) not in sets.described:
            return size, color, material, shape
    return None


def _bits(members: list[bool]) -> int:
    """The set whose blocks are marked, as bits."""
    return sum(1 << i for i, member in enumerate(members) if member)
