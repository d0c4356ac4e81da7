"""The ray caster's inner loops, compiled by Numba.

All in one file: Numba's cache notices a change of the file that holds a function, not of the
functions that it calls. Single precision without ``fastmath``: additions, products, divisions and
square roots are then the same on every processor, and nothing else is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from jaxtyping import Float32, Int8, Int32, UInt8

F = np.float32
ZERO, ONE, TWO, HALF = F(0), F(1), F(2), F(0.5)
FAR = F(1e9)
TINY = F(1e-6)
NEAR = F(1e-4)
BEVEL = F(0.10)
PILLOW = F(0.22)
SKY_UP, SKY_DOWN = F(0.16), F(0.22)
GROUND, RIM = F(0.62), F(0.32)
RUBBER, BODY, SHINE = F(0.05), F(0.25), F(1.5)

# Columns of the table of blocks.
KIND, CX, CY, CZ, RADIUS, COS, SIN, BOUND, RED, GREEN, BLUE, METAL = range(12)
CUBE, SPHERE, CYLINDER = 0, 1, 2


def compiled(function: Callable[..., Any]) -> Any:
    """Compiles at the first call; keeps the result on disk where that can be written."""
    options = {"nogil": True, "error_model": "numpy", "boundscheck": False}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache
        return numba.njit(**options)(function)


@compiled
def interval(kind, ox, oy, oz, dx, dy, dz):
    """Where a ray enters and leaves a block of radius 1 at the origin; (FAR, -FAR) when it misses."""
    if kind == SPHERE:
        a = dx * dx + dy * dy + dz * dz
        b = ox * dx + oy * dy + oz * dz
        c = ox * ox + oy * oy + oz * oz - ONE
        q = b * b - a * c
        if q <= ZERO:
            return FAR, -FAR
        root = np.sqrt(q)
        return (-b - root) / a, (-b + root) / a
    if abs(dz) < TINY:
        dz = TINY
    iz = ONE / dz
    t0, t1 = (-ONE - oz) * iz, (ONE - oz) * iz
    enter, leave = min(t0, t1), max(t0, t1)
    if kind == CUBE:
        if abs(dx) < TINY:
            dx = TINY
        if abs(dy) < TINY:
            dy = TINY
        ix, iy = ONE / dx, ONE / dy
        t0, t1 = (-ONE - ox) * ix, (ONE - ox) * ix
        enter, leave = max(enter, min(t0, t1)), min(leave, max(t0, t1))
        t0, t1 = (-ONE - oy) * iy, (ONE - oy) * iy
        return max(enter, min(t0, t1)), min(leave, max(t0, t1))
    a = max(dx * dx + dy * dy, TINY * TINY)
    b = ox * dx + oy * dy
    q = b * b - a * (ox * ox + oy * oy - ONE)
    if q <= ZERO:
        return FAR, -FAR
    root = np.sqrt(q)
    return max(enter, (-b - root) / a), min(leave, (-b + root) / a)


@compiled
def reach(table, i, ox, oy, oz, dx, dy, dz):
    """How far along a ray block ``i`` is met, in lengths of the direction; FAR when it is not."""
    scale = ONE / table[i, RADIUS]
    c, s = table[i, COS] * scale, table[i, SIN] * scale
    wx, wy, wz = ox - table[i, CX], oy - table[i, CY], oz - table[i, CZ]
    lx, ly = c * wx + s * wy, c * wy - s * wx
    ex, ey = c * dx + s * dy, c * dy - s * dx
    enter, leave = interval(int(table[i, KIND]), lx, ly, wz * scale, ex, ey, dz * scale)
    if enter < leave and enter > NEAR:
        return enter
    return FAR


@compiled
def unit(x, y, z):
    """A vector at length 1."""
    scale = ONE / np.sqrt(x * x + y * y + z * z)
    return x * scale, y * scale, z * scale


@compiled
def beyond(x):
    """How far ``x`` reaches into the bevel of its side: -1..1."""
    return max(abs(x) - (ONE - BEVEL), ZERO) / BEVEL * (ONE if x > ZERO else -ONE)


@compiled
def normal(table, i, px, py, pz):
    """The outward normal of block ``i``; edges are round, faces of metal swell a little."""
    scale = ONE / table[i, RADIUS]
    wx, wy, wz = (
        (px - table[i, CX]) * scale,
        (py - table[i, CY]) * scale,
        (pz - table[i, CZ]) * scale,
    )
    if table[i, KIND] == SPHERE:
        return unit(wx, wy, wz)
    c, s = table[i, COS], table[i, SIN]
    lx, ly = c * wx + s * wy, c * wy - s * wx
    swell = PILLOW * table[i, METAL]
    if table[i, KIND] == CUBE:
        nx, ny = beyond(lx) + swell * lx, beyond(ly) + swell * ly
    else:
        radius = np.sqrt(lx * lx + ly * ly) + TINY
        out = (beyond(radius) + swell * radius) / radius
        nx, ny = lx * out, ly * out
    nz = beyond(wz) + swell * wz
    return unit(c * nx - s * ny, s * nx + c * ny, nz)


@compiled
def passing(table, lamps, k, me, px, py, pz):
    """The share of lamp ``k`` that a point of block ``me`` (-1: the ground) sees."""
    lx, ly, lz = lamps[k, 0] - px, lamps[k, 1] - py, lamps[k, 2] - pz
    length = lx * lx + ly * ly + lz * lz
    candidates = 0
    for j in range(table.shape[0]):
        wx, wy, wz = table[j, CX] - px, table[j, CY] - py, table[j, CZ] - pz
        along = max((wx * lx + wy * ly + wz * lz) / length, ZERO)
        ax, ay, az = wx - along * lx, wy - along * ly, wz - along * lz
        reachable = table[j, BOUND] + along * lamps[k, 12]
        if j != me and ax * ax + ay * ay + az * az < reachable * reachable:
            candidates |= 1 << j
    if candidates == 0:
        return ONE
    blocked = sampled(table, lamps, k, candidates, px, py, pz, 2)
    if blocked == 0:
        return ONE
    if blocked == 4:
        return ZERO
    return ONE - F(sampled(table, lamps, k, candidates, px, py, pz, 4)) / F(16)


@compiled
def sampled(table, lamps, k, candidates, px, py, pz, side):
    """How many of ``side`` x ``side`` points of a lamp are hidden."""
    blocked = 0
    for a in range(side):
        for b in range(side):
            u = (F(a) + HALF) * TWO / F(side) - ONE
            v = (F(b) + HALF) * TWO / F(side) - ONE
            lx = lamps[k, 0] + u * lamps[k, 6] + v * lamps[k, 9] - px
            ly = lamps[k, 1] + u * lamps[k, 7] + v * lamps[k, 10] - py
            lz = lamps[k, 2] + u * lamps[k, 8] + v * lamps[k, 11] - pz
            for j in range(table.shape[0]):
                if candidates >> j & 1 and reach(table, j, px, py, pz, lx, ly, lz) < ONE:
                    blocked += 1
                    break
    return blocked


@compiled
def hidden(table, me, px, py, pz, nx, ny, nz):
    """The share of the surroundings that other blocks hide from a point (as spheres)."""
    total = ZERO
    for j in range(table.shape[0]):
        wx, wy, wz = table[j, CX] - px, table[j, CY] - py, table[j, CZ] - pz
        square = wx * wx + wy * wy + wz * wz
        up = wx * nx + wy * ny + wz * nz
        r2 = table[j, RADIUS] * table[j, RADIUS] * F(1.3)
        if j != me and up > ZERO and square < F(16) * r2:
            total += up / np.sqrt(square) * max(r2 / square - F(0.0625), ZERO)
    return min(total, ONE)


@compiled
def power(x, doublings):
    """``x`` to the power of 2 to the ``doublings``; 0 for a negative one."""
    x = max(x, ZERO)
    for _ in range(doublings):
        x = x * x
    return x


@compiled
def lit(table, lamps, me, px, py, pz, nx, ny, nz, rx, ry, rz, tight, shadows):
    """Light that falls on a point, and the lamps' gloss about the mirror direction ``r``."""
    hide = hidden(table, me, px, py, pz, nx, ny, nz)
    open_sky = (ONE - hide) * (SKY_UP * (HALF + HALF * nz) + SKY_DOWN * (HALF - HALF * nz))
    dr = dg = db = open_sky
    sr = sg = sb = ZERO
    for k in range(lamps.shape[0]):
        lx, ly, lz = lamps[k, 0] - px, lamps[k, 1] - py, lamps[k, 2] - pz
        square = lx * lx + ly * ly + lz * lz
        scale = ONE / np.sqrt(square)
        lx, ly, lz = lx * scale, ly * scale, lz * scale
        facing = nx * lx + ny * ly + nz * lz
        if facing <= ZERO:
            continue
        seen = passing(table, lamps, k, me, px, py, pz) if shadows else ONE
        if seen == ZERO:
            continue
        aim = -(lx * lamps[k, 13] + ly * lamps[k, 14] + lz * lamps[k, 15])
        fall = seen * max(aim, ZERO) / square
        gloss = fall * power(rx * lx + ry * ly + rz * lz, tight)
        fall *= facing
        dr += fall * lamps[k, 3]
        dg += fall * lamps[k, 4]
        db += fall * lamps[k, 5]
        sr += gloss * lamps[k, 3]
        sg += gloss * lamps[k, 4]
        sb += gloss * lamps[k, 5]
    return dr, dg, db, sr, sg, sb


@compiled
def surroundings(px, py, pz, rx, ry, rz):
    """The studio above the ground: a bright rim, a dark dome and rows of light panels."""
    rim = ONE - rz
    value = F(0.10) + F(0.50) * rim * rim * rim
    far = (F(8) - pz) / max(rz, F(0.02))
    x, y = px + far * rx, py + far * ry
    u, v = (x * F(0.8) + y * F(0.6)) * F(0.28), (y * F(0.8) - x * F(0.6)) * F(0.16)
    u, v = abs(u - np.floor(u) - HALF), abs(v - np.floor(v) - HALF)
    panel = clip((F(0.24) - u) * F(14)) * clip((F(0.40) - v) * F(14))
    return value + panel * F(1.1) * clip((rz - F(0.12)) * F(4))


@compiled
def clip(x):
    """0..1."""
    return min(max(x, ZERO), ONE)


@compiled
def ground(table, lamps, px, py, shadows):
    """The backdrop's colour at a point of the ground."""
    r, g, b, _, _, _ = lit(
        table, lamps, -1, px, py, ZERO, ZERO, ZERO, ONE, ZERO, ZERO, ONE, 1, shadows
    )
    away = clip((np.sqrt(px * px + py * py) - F(6)) / F(30))
    keep = (ONE - away) * GROUND
    return r * keep + away * RIM, g * keep + away * RIM, b * keep + away * RIM


@compiled
def mirrored(table, lamps, me, px, py, pz, rx, ry, rz):
    """What a ray that leaves block ``me`` meets: its colour, and the block's number (-1: none)."""
    near, who = FAR, -1
    for j in range(table.shape[0]):
        if j != me:
            t = reach(table, j, px, py, pz, rx, ry, rz)
            if t < near:
                near, who = t, j
    if who >= 0:
        px, py, pz = px + near * rx, py + near * ry, pz + near * rz
        nx, ny, nz = normal(table, who, px, py, pz)
        r, g, b, _, _, _ = lit(table, lamps, who, px, py, pz, nx, ny, nz, ZERO, ZERO, ONE, 1, False)
        return table[who, RED] * r, table[who, GREEN] * g, table[who, BLUE] * b, who
    if rz < F(-0.02):
        t = -pz / rz
        r, g, b = ground(table, lamps, px + t * rx, py + t * ry, True)
        return r, g, b, -1
    value = surroundings(px, py, pz, rx, ry, max(rz, ZERO))
    return value, value, value, -2


@compiled
def seen(table, lamps, camera, x, y, boxes, known):
    """The colour at a point of the picture, and a number that differs across visible edges.

    ``known``: the block that is there when that has been found out, -2 otherwise.
    """
    dx, dy, dz = ray(camera, x, y)
    ox, oy, oz = camera[0, 0], camera[0, 1], camera[0, 2]
    near, who = FAR, -1
    for j in range(table.shape[0]):
        if known == j or (known == -2 and inside(boxes, j, x, y)):
            t = reach(table, j, ox, oy, oz, dx, dy, dz)
            if t < near:
                near, who = t, j
    if who < 0:
        if dz > F(-1e-3):
            return RIM, RIM, RIM, 0
        t = -oz / dz
        r, g, b = ground(table, lamps, ox + t * dx, oy + t * dy, True)
        return r, g, b, 0
    px, py, pz = ox + near * dx, oy + near * dy, oz + near * dz
    nx, ny, nz = normal(table, who, px, py, pz)
    dx, dy, dz = unit(dx, dy, dz)
    turn = TWO * (dx * nx + dy * ny + dz * nz)
    rx, ry, rz = dx - turn * nx, dy - turn * ny, dz - turn * nz
    metal = table[who, METAL] > HALF
    r, g, b, sr, sg, sb = lit(
        table, lamps, who, px, py, pz, nx, ny, nz, rx, ry, rz, 6 if metal else 3, True
    )
    key = 16 * (who + 1)
    cr, cg, cb = table[who, RED], table[who, GREEN], table[who, BLUE]
    if not metal:
        return cr * r + RUBBER * sr, cg * g + RUBBER * sg, cb * b + RUBBER * sb, key
    mr, mg, mb, other = mirrored(table, lamps, who, px, py, pz, rx, ry, rz)
    r, g, b = r * BODY + sr * SHINE + mr, g * BODY + sg * SHINE + mg, b * BODY + sb * SHINE + mb
    return cr * r, cg * g, cb * b, key + other + 3


@compiled
def ray(camera, x, y):
    """The direction through a point of the picture, 1 long along the camera's axis."""
    return (
        camera[1, 0] + x * camera[2, 0] + y * camera[3, 0],
        camera[1, 1] + x * camera[2, 1] + y * camera[3, 1],
        camera[1, 2] + x * camera[2, 2] + y * camera[3, 2],
    )


@compiled
def inside(boxes, j, x, y):
    """Whether a point of the picture lies within a block's bounds."""
    return boxes[j, 0] <= x <= boxes[j, 2] and boxes[j, 1] <= y <= boxes[j, 3]


@compiled
def cast(table, camera, boxes, ids, depth):
    """Writes which block (number + 1, 0: none) is in the middle of each pixel, and how far."""
    height, width = ids.shape
    for j in range(table.shape[0]):
        for row in range(max(int(boxes[j, 1]), 0), min(int(boxes[j, 3]) + 1, height)):
            for column in range(max(int(boxes[j, 0]), 0), min(int(boxes[j, 2]) + 1, width)):
                dx, dy, dz = ray(camera, F(column) + HALF, F(row) + HALF)
                t = reach(table, j, camera[0, 0], camera[0, 1], camera[0, 2], dx, dy, dz)
                if t < depth[row, column]:
                    depth[row, column] = t
                    ids[row, column] = j + 1


@compiled
def paint(table, lamps, camera, boxes, ids, light, keys):
    """Writes linear light [H, W, 3]; pixels on an edge are the mean of four points."""
    height, width = ids.shape
    for row in range(height):
        for column in range(width):
            r, g, b, key = seen(
                table, lamps, camera, F(column) + HALF, F(row) + HALF, boxes, ids[row, column] - 1
            )
            light[row, column, 0], light[row, column, 1], light[row, column, 2] = r, g, b
            keys[row, column] = key
    for row in range(height):
        for column in range(width):
            key = keys[row, column]
            edge = False
            for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                y, x = row + dy, column + dx
                if 0 <= y < height and 0 <= x < width and keys[y, x] != key:
                    edge = True
            if edge:
                r = g = b = ZERO
                for dy, dx in (
                    (F(0.25), F(0.25)),
                    (F(0.25), F(0.75)),
                    (F(0.75), F(0.25)),
                    (F(0.75), F(0.75)),
                ):
                    pr, pg, pb, _ = seen(
                        table, lamps, camera, F(column) + dx, F(row) + dy, boxes, -2
                    )
                    r, g, b = r + min(pr, TWO), g + min(pg, TWO), b + min(pb, TWO)
                quarter = F(0.25)
                light[row, column, 0], light[row, column, 1], light[row, column, 2] = (
                    r * quarter,
                    g * quarter,
                    b * quarter,
                )


@compiled
def develop(light, table, seed, noise, pixels):
    """Linear light to 8 bits by a table over the square root of light, with a little noise."""
    state = np.uint32(seed)
    last = F(table.shape[0] - 1)
    for row in range(light.shape[0]):
        for column in range(light.shape[1]):
            for k in range(3):
                state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
                a = F(state >> np.uint32(16)) / F(65536)
                state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
                b = F(state >> np.uint32(16)) / F(65536)
                index = int(np.sqrt(min(light[row, column, k] * HALF, ONE)) * last)
                value = table[index] + noise * (a - b) + HALF
                pixels[row, column, k] = np.uint8(min(max(value, ZERO), F(255)))
