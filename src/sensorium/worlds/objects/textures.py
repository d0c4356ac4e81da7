"""Textures as maps of 0..1 between two tones of one colour, and backgrounds likewise.

Coordinates are in periods of the texture: one unit is one stripe and one gap.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sensorium.worlds.objects.shapes import Map

_TURN = np.float32(2 * np.pi)
_SHARP = np.float32(2.5)
"""How fast a texture goes from one tone to the other; larger is sharper."""

Lattice = NDArray[np.float32]
"""``float32 [N, L, L]``: random numbers 0..1 per picture."""


def _step(wave: Map) -> Map:
    """-1..1 to 0..1, smoothly but steeply, so that 32 pixels do not alias."""
    tone: Map = np.clip(np.float32(0.5) + _SHARP * wave * np.float32(0.5), 0, 1)
    return tone


def _plain(u: Map, v: Map, lattice: Lattice) -> Map:
    return np.zeros_like(u)


def _stripes(u: Map, v: Map, lattice: Lattice) -> Map:
    return _step(np.sin(_TURN * u))


def _checks(u: Map, v: Map, lattice: Lattice) -> Map:
    return _step(2 * np.sin(_TURN * np.float32(0.6) * u) * np.sin(_TURN * np.float32(0.6) * v))


def _dots(u: Map, v: Map, lattice: Lattice) -> Map:
    return _step(np.cos(_TURN * u) + np.cos(_TURN * v) - np.float32(0.6))


def _grid(u: Map, v: Map, lattice: Lattice) -> Map:
    lines = np.maximum(np.cos(_TURN * u * np.float32(0.8)), np.cos(_TURN * v * np.float32(0.8)))
    return _step(2 * (lines - np.float32(0.7)))


def _speckles(u: Map, v: Map, lattice: Lattice) -> Map:
    """Blots at random places: each cell of half a period is dark or light."""
    count, side, _ = lattice.shape
    row = np.floor(2 * v).astype(np.int64) % side
    column = np.floor(2 * u).astype(np.int64) % side
    number = np.arange(count)[:, None, None]
    light: Map = (lattice[number, row, column] > np.float32(0.6)).astype(np.float32)
    return light


def _rings(u: Map, v: Map, lattice: Lattice) -> Map:
    return _step(np.sin(_TURN * np.hypot(u, v)))


def _waves(u: Map, v: Map, lattice: Lattice) -> Map:
    bend = np.abs((np.float32(0.5) * v) % 1 - np.float32(0.5)) * 2
    return _step(np.sin(_TURN * (u + bend)))


TEXTURE_MAPS: dict[str, Callable[[Map, Map, Lattice], Map]] = {
    "plain": _plain,
    "stripes": _stripes,
    "checks": _checks,
    "dots": _dots,
    "grid": _grid,
    "speckles": _speckles,
    "rings": _rings,
    "waves": _waves,
}
"""By the names of `vocabulary.TEXTURES`."""


def _smooth(x: Map, y: Map, lattice: Lattice) -> Map:
    """Clouds: the lattice of each picture, cosine-interpolated over -1..1."""
    side = lattice.shape[1]
    number = np.arange(len(lattice))[:, None, None]
    total = np.zeros_like(x)
    column, row = ((np.clip(c, -1, 1) + 1) * np.float32((side - 1) / 2.001) for c in (x, y))
    left, top = column.astype(np.int64), row.astype(np.int64)
    right_share = (1 - np.cos(np.float32(np.pi) * (column - left))) / 2
    low_share = (1 - np.cos(np.float32(np.pi) * (row - top))) / 2
    for i, across in ((0, 1 - right_share), (1, right_share)):
        for j, down in ((0, 1 - low_share), (1, low_share)):
            total += across * down * lattice[number, top + j, left + i]
    return total


BACKGROUND_MAPS: dict[str, Callable[[Map, Map, Lattice], Map]] = {
    "flat": lambda x, y, lattice: np.zeros_like(x),
    "gradient": lambda x, y, lattice: np.clip((x + 1) / 2, 0, 1),
    "clouds": _smooth,
    "split": lambda x, y, lattice: np.clip(8 * x + np.float32(0.5), 0, 1),
}
"""By the names of `vocabulary.BACKGROUNDS`; coordinates go over -1..1, turned by any angle."""
