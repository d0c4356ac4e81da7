"""`draw`: pictures of one object each, a batch at a time, with all that is true of every pixel.

Shape, texture, colour, place, size, angle, light and background are independent of each other, so
that only the cue tells the class. Every picture depends on its own seed alone, never on the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensorium.seeds import derive, split_seed
from sensorium.worlds.objects.shapes import DISTANCES, Map
from sensorium.worlds.objects.textures import BACKGROUND_MAPS, TEXTURE_MAPS
from sensorium.worlds.objects.vocabulary import (
    BACKGROUNDS,
    COLOURS,
    CONCEPTS,
    SHAPES,
    TEXTURES,
    Cue,
    classes,
)

_LATTICE = 8
_CHUNK = 1 << 19
"""Pixels that are drawn at a time, to bound memory."""

_NOISE = 0.02
_EDGE = 1.5 / 16
"""Half the width of the edge band, in units of half the picture: 1.5 pixels of 32."""

# light and dark tone of each colour, RGB 0..1
_TONES = np.array(
    [
        [[0.92, 0.22, 0.20], [0.50, 0.05, 0.07]],
        [[1.00, 0.60, 0.22], [0.62, 0.30, 0.04]],
        [[0.98, 0.92, 0.30], [0.62, 0.56, 0.06]],
        [[0.30, 0.80, 0.30], [0.06, 0.40, 0.10]],
        [[0.35, 0.88, 0.88], [0.05, 0.48, 0.52]],
        [[0.30, 0.45, 0.95], [0.06, 0.12, 0.52]],
        [[0.80, 0.42, 0.90], [0.42, 0.08, 0.50]],
        [[0.88, 0.88, 0.88], [0.38, 0.38, 0.38]],
    ],
    np.float32,
)

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Objects:
    """Pictures and what is true of them.

    Attributes:
        pixels: ``uint8 [N, 3, S, S]`` RGB.
        label: ``int64 [N]``, the class under the cue (an index into ``classes(cue)``).
        shape: ``int64 [N]`` into ``SHAPES``.
        texture: ``int64 [N]`` into ``TEXTURES``.
        colour: ``int64 [N]`` into ``COLOURS``, the object's.
        background: ``int64 [N]`` into ``COLOURS``, the background's; never the object's.
        distance: ``float32 [N, S, S]``, signed distance of each pixel's centre to the outline in
            pixels, negative inside.
    """

    pixels: NDArray[np.uint8]
    label: Numbers
    shape: Numbers
    texture: Numbers
    colour: Numbers
    background: Numbers
    distance: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.label)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """``bool [N, S, S]``: pixels whose centre lies on the object."""
        return self.distance < 0

    def edges(self) -> NDArray[np.bool_]:
        """``bool [N, S, S]``: pixels within 1.5/32 of the picture from the outline, both sides."""
        width = _EDGE * self.distance.shape[-1] / 2
        near: NDArray[np.bool_] = np.abs(self.distance) < width
        return near

    def concepts(self) -> NDArray[np.bool_]:
        """``bool [N, C, S, S]``: which pixels belong to which of ``CONCEPTS``.

        An object's pixels carry its shape, texture and colour; the others are ``background`` and
        carry the background's colour; ``edges`` lies on both.
        """
        mask, rows = self.mask, np.arange(len(self))
        out = np.zeros((len(self), len(CONCEPTS), *mask.shape[1:]), bool)
        out[rows, self.shape] = mask
        out[rows, len(SHAPES) + self.texture] = mask
        first = len(SHAPES) + len(TEXTURES)
        out[rows, first + self.colour] |= mask
        out[rows, first + self.background] |= ~mask
        out[:, -2], out[:, -1] = self.edges(), ~mask
        return out


def split_seeds(split: str, count: int, first: int = 0) -> list[int]:
    """Seeds of examples ``first`` .. ``first + count - 1`` of a split; splits share none."""
    return [split_seed(split, i) for i in range(first, first + count)]


def draw(seeds: Sequence[int], cue: Cue = "shape", size: int = 32) -> Objects:
    """One picture per seed.

    Args:
        seeds: as `split_seeds` gives them.
        cue: what tells the class.
        size: height and width in pixels, at least 8.

    Raises:
        ValueError: for an unknown cue, no seeds, or a size that shows no shape.
    """
    classes(cue)
    if size < 8:
        raise ValueError(f"objects need at least 8 pixels to show a shape, got size={size}")
    if not len(seeds):
        raise ValueError("got no seeds to draw, expected at least one")
    step = max(1, _CHUNK // size**2)
    parts = [_draw(seeds[i : i + step], cue, size) for i in range(0, len(seeds), step)]
    fields = Objects.__dataclass_fields__
    return Objects(**{f: np.concatenate([getattr(p, f) for p in parts]) for f in fields})


@dataclass(frozen=True)
class _Drawn:
    """Random numbers 0..1 of each picture: ``[N, 24]``, two lattices ``[N, 8, 8]``, noise."""

    plain: NDArray[np.float32]
    lattice: NDArray[np.float32]
    clouds: NDArray[np.float32]
    noise: NDArray[np.float32]


def _random(seeds: Sequence[int], size: int) -> _Drawn:
    plain = np.empty((len(seeds), 24), np.float32)
    lattices = np.empty((2, len(seeds), _LATTICE, _LATTICE), np.float32)
    noise = np.empty((len(seeds), 3, size, size), np.float32)
    for i, seed in enumerate(seeds):
        rng = np.random.Generator(np.random.SFC64(derive(seed, "objects")))
        rng.random(dtype=np.float32, out=plain[i])
        rng.random(dtype=np.float32, out=lattices[0, i])
        rng.random(dtype=np.float32, out=lattices[1, i])
        rng.standard_normal(dtype=np.float32, out=noise[i])
    return _Drawn(plain, lattices[0], lattices[1], noise)


def _choice(uniform: NDArray[np.float32], count: int) -> Numbers:
    return np.minimum((uniform * count).astype(np.int64), count - 1)


def _kinds(random: NDArray[np.float32], cue: Cue) -> tuple[Numbers, Numbers]:
    """Shape and texture of each picture."""
    shape, texture = _choice(random[:, 0], len(SHAPES)), _choice(random[:, 1], len(TEXTURES))
    if cue == "both":
        return shape, shape
    if cue == "conflict":
        return shape, (shape + 1 + _choice(random[:, 1], len(TEXTURES) - 1)) % len(TEXTURES)
    return shape, texture


def _turned(x: Map, y: Map, turns: NDArray[np.float32]) -> tuple[Map, Map]:
    """Coordinates turned by a fraction of a full turn per picture."""
    angle = np.float32(2 * np.pi) * turns[:, None, None]
    c, s = np.cos(angle), np.sin(angle)
    return c * x - s * y, s * x + c * y


def _draw(seeds: Sequence[int], cue: Cue, size: int) -> Objects:
    drawn = _random(seeds, size)
    r = drawn.plain
    shape, texture = _kinds(r, cue)
    colour = _choice(r[:, 2], len(COLOURS))
    background = (colour + 1 + _choice(r[:, 3], len(COLOURS) - 1)) % len(COLOURS)

    axis = ((np.arange(size) + np.float32(0.5)) / size * 2 - 1).astype(np.float32)
    x, y = np.meshgrid(axis, -axis)  # y points up
    radius = (0.56 + 0.3 * r[:, 4]).astype(np.float32)
    room = 1 - np.float32(0.92) * radius
    dx = x[None] - (room * (2 * r[:, 5] - 1))[:, None, None]
    dy = y[None] - (room * (2 * r[:, 6] - 1))[:, None, None]
    distance = _distance(shape, dx, dy, radius, r[:, 7])
    light = _surface(texture, dx, dy, drawn)
    behind = _behind(x, y, drawn)

    half = np.float32(size / 2)
    cover = np.clip(np.float32(0.5) - distance * half, 0, 1)[:, None]
    front, back = _painted(colour, light, r[:, 12:15]), _painted(background, behind, r[:, 15:18])
    picture = back + cover * (front - back)
    picture = picture * (np.float32(0.8) + np.float32(0.3) * r[:, 18])[:, None, None, None]
    picture = picture + np.float32(_NOISE) * drawn.noise
    pixels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    label = texture if cue == "texture" else shape
    return Objects(pixels, label, shape, texture, colour, background, distance * half)


def _distance(
    shape: Numbers, dx: Map, dy: Map, radius: NDArray[np.float32], turns: NDArray[np.float32]
) -> Map:
    """Signed distance to each object's outline, in halves of the picture."""
    scale = radius[:, None, None]
    u, v = _turned(dx / scale, dy / scale, turns)
    out = np.empty_like(u)
    for number, name in enumerate(SHAPES):
        of = shape == number
        if of.any():
            out[of] = DISTANCES[name](u[of], v[of])
    return out * scale


def _surface(texture: Numbers, dx: Map, dy: Map, drawn: _Drawn) -> Map:
    """The object's texture: 0 its main tone, 1 the other one."""
    r = drawn.plain
    per_half = (2.6 + 1.2 * r[:, 8])[:, None, None]  # 5.2 to 7.6 periods over the picture
    u, v = _turned(dx * per_half, dy * per_half, r[:, 9])
    shift = (texture != TEXTURES.index("rings"))[:, None, None]
    u, v = u + shift * r[:, 10, None, None], v + shift * r[:, 11, None, None]
    out: Map = np.empty_like(dx)
    for number, name in enumerate(TEXTURES):
        of = texture == number
        if of.any():
            out[of] = TEXTURE_MAPS[name](u[of], v[of], drawn.lattice[of])
    return out


def _behind(x: Map, y: Map, drawn: _Drawn) -> Map:
    """The background: 0 its main tone, 1 the other one."""
    r = drawn.plain
    kind = _choice(r[:, 19], len(BACKGROUNDS))
    u, v = _turned(x[None], y[None], r[:, 20])
    u = u + (r[:, 21, None, None] - np.float32(0.5))
    out = np.empty_like(u)
    for number, name in enumerate(BACKGROUNDS):
        of = kind == number
        if of.any():
            out[of] = BACKGROUND_MAPS[name](u[of], v[of], drawn.clouds[of])
    return out


def _painted(colour: Numbers, light: Map, r: NDArray[np.float32]) -> NDArray[np.float32]:
    """A map of tones as RGB ``[N, 3, S, S]``: which tone is the main one is drawn as well."""
    tones = _TONES[colour]  # [N, 2, 3]
    swap = (r[:, 0] < 0.5)[:, None, None]
    tones = np.where(swap, tones[:, ::-1], tones)
    main, other = tones[:, 0, :, None, None], tones[:, 1, :, None, None]
    contrast = (np.float32(0.75) + np.float32(0.25) * r[:, 1])[:, None, None, None]
    return main + contrast * light[:, None] * (other - main)
