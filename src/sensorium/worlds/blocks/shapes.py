"""Spheres, cubes and cylinders by formula: where rays meet them, and their normals.

After a change here, `kernels.BUILT_ON` must change too (see `vectors`).
"""

from __future__ import annotations

import numpy as np

from sensorium.worlds.blocks.vectors import (
    ONE,
    ZERO,
    F,
    Real,
    Three,
    World,
    compiled,
    minus,
    three,
    unit,
)

EYE, CORNER, ACROSS, DOWN, LAMPS, BLOCKS = 0, 1, 2, 3, 4, 7
"""Rows of the world; the last two are the first of several."""
KIND, CENTER, RADIUS, COS, SIN, BOUND, COLOR, METAL, BOX = 0, 1, 4, 5, 6, 7, 8, 11, 12
"""Columns of a block's row."""
CUBE, SPHERE = 0, 1

FAR, TINY, NEAR = F(1e9), F(1e-6), F(1e-4)
BEVEL = F(0.10)
"""How much of a half edge is rounded."""
SWELL = F(0.22)
"""How far flat faces of metal lean outwards at their borders, so that they mirror more."""


@compiled
def slab(o: Real, d: Real) -> tuple[Real, Real]:
    """Between -1 and 1 along one axis: where a ray enters and leaves."""
    inverse = ONE / (d if abs(d) > TINY else TINY)
    a, b = (-ONE - o) * inverse, (ONE - o) * inverse
    return min(a, b), max(a, b)


@compiled
def interval(kind: int, o: Three, d: Three) -> tuple[Real, Real]:
    """Where a ray enters and leaves a block of radius 1 at the origin; enters last: a miss."""
    a, b, c = d[0] * d[0] + d[1] * d[1], o[0] * d[0] + o[1] * d[1], o[0] * o[0] + o[1] * o[1] - ONE
    if kind == SPHERE:
        a, b, c = a + d[2] * d[2], b + o[2] * d[2], c + o[2] * o[2]
        q = b * b - a * c
        if q <= ZERO:
            return FAR, -FAR
        root = np.sqrt(q)
        return (-b - root) / a, (root - b) / a
    enter, leave = slab(o[2], d[2])
    if kind == CUBE:
        x, y = slab(o[0], d[0]), slab(o[1], d[1])
        return max(enter, max(x[0], y[0])), min(leave, min(x[1], y[1]))
    a = max(a, TINY * TINY)
    q = b * b - a * c
    if q <= ZERO:
        return FAR, -FAR
    root = np.sqrt(q)
    return max(enter, (-b - root) / a), min(leave, (root - b) / a)


@compiled
def turned(w: World, i: int, v: Three) -> Three:
    """A direction in the frame of block ``i``, where its radius is 1."""
    scale = ONE / w[i, RADIUS]
    c, s = w[i, COS] * scale, w[i, SIN] * scale
    return c * v[0] + s * v[1], c * v[1] - s * v[0], v[2] * scale


@compiled
def reach(w: World, i: int, o: Three, d: Three) -> Real:
    """How far along a ray block ``i`` is met, in lengths of ``d``; FAR when it is not."""
    local = turned(w, i, minus(o, three(w, i, CENTER)))
    enter, leave = interval(int(w[i, KIND]), local, turned(w, i, d))
    return enter if enter < leave and enter > NEAR else FAR


@compiled
def bevel(x: Real) -> Real:
    """How far ``x`` has come into the round edge of its side: -1..1."""
    past = max(abs(x) - (ONE - BEVEL), ZERO) / BEVEL
    return past if x > ZERO else -past


@compiled
def normal(w: World, i: int, p: Three) -> Three:
    """The outward normal of block ``i``: edges are round, and flat metal swells a little."""
    away = minus(p, three(w, i, CENTER))
    if int(w[i, KIND]) == SPHERE:
        return unit(away)
    x, y, z = turned(w, i, away)
    swell = SWELL * w[i, METAL]
    if int(w[i, KIND]) == CUBE:
        nx, ny = bevel(x) + swell * x, bevel(y) + swell * y
    else:
        radius = np.sqrt(x * x + y * y) + TINY
        out = bevel(radius) / radius + swell
        nx, ny = x * out, y * out
    c, s = w[i, COS], w[i, SIN]
    return unit((c * nx - s * ny, s * nx + c * ny, bevel(z) + swell * z))
