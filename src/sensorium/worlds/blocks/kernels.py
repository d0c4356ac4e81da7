"""The ray caster's inner loops, compiled by Numba. `rendering` says what they draw.

All that is known of a scene is one array: four rows for the camera (its place, the ray through the
upper left corner, its change per column and per row), one for each lamp, one for each block. A
set of blocks is a number whose bits are their places in the scene.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int8, Int32

from sensorium.worlds.blocks.shapes import (
    ACROSS,
    BLOCKS,
    BOUND,
    BOX,
    CENTER,
    COLOR,
    CORNER,
    DOWN,
    EYE,
    FAR,
    KIND,
    LAMPS,
    METAL,
    NEAR,
    RADIUS,
    interval,
    normal,
    reach,
    turned,
)
from sensorium.worlds.blocks.vectors import (
    ONE,
    ZERO,
    F,
    Real,
    Three,
    World,
    clip,
    compiled,
    dot,
    each,
    minus,
    more,
    three,
    times,
    unit,
)

PLACE, LIGHT, HALF_U, HALF_V, SPREAD, AXIS = 0, 3, 6, 9, 12, 13
"""Columns of a lamp's row."""
TWO, HALF = F(2), F(0.5)
UP = (ZERO, ZERO, ONE)
SKY, FLOOR = F(0.16), F(0.22)
"""Light from above and from below."""
GROUND, RIM = F(0.64), F(0.42)
"""How much light the backdrop returns, and what it fades into."""
RUBBER, BODY, SHINE = F(0.05), F(0.25), F(1.5)
"""Gloss of rubber; scattered light and gloss of metal, beside what it mirrors."""
SOFT = F(12)
"""Added to squared distances from lamps: their pools of light are flatter than CLEVR's."""
PLACES = (F(0.25), F(0.75))
TILE = 8
BUILT_ON = (
    "c65f070d"  # shapes.py and vectors.py (test_kernels): a new line here renews Numba's cache
)
EVERY, LIT = (1 << 40) - 1, (1 << 30) - 1
SELF = 1 | 1 << 10 | 1 << 20 | 1 << 30

SHADOWS, MIRRORS = 1, 2
"""What `paint` can leave out, to see what it costs."""


@compiled
def near_lamp(w: World, k: int, p: Three, extent: Real, among: int) -> int:
    """Bits of the blocks that may stand between lamp ``k`` and points within ``extent`` of p."""
    light = minus(three(w, LAMPS + k, PLACE), p)
    inverse = ONE / dot(light, light)
    bits = 0
    if among == 0:
        return bits
    for j in range(BLOCKS, w.shape[0]):
        if among >> (j - BLOCKS) & 1:
            way = minus(three(w, j, CENTER), p)
            share = min(max(dot(way, light) * inverse, ZERO), ONE)
            off = more(way, -share, light)
            width = w[j, BOUND] + share * w[LAMPS + k, SPREAD] + extent
            if dot(off, off) < width * width:
                bits |= 1 << (j - BLOCKS)
    return bits


@compiled
def relevant(w: World, p: Three, extent: Real, among: int) -> int:
    """Which blocks of ``among`` can change the light at points within ``extent`` of p.

    Ten bits for each lamp: who may hide it; then ten: whom `hidden` can feel.
    """
    last, bits = 10 * (BLOCKS - LAMPS), 0
    for j in range(BLOCKS, w.shape[0]):
        way = minus(three(w, j, CENTER), p)
        width = F(4.6) * w[j, RADIUS] + extent
        if among >> (last + j - BLOCKS) & 1 and dot(way, way) < width * width:
            bits |= 1 << (last + j - BLOCKS)
    for k in range(BLOCKS - LAMPS):
        bits |= near_lamp(w, k, p, extent, among >> 10 * k & 1023) << 10 * k
    return bits


@compiled
def hidden(w: World, bits: int, p: Three, n: Three) -> Real:
    """The share of the surroundings that blocks hide from a point (each taken as a sphere)."""
    total = ZERO
    if bits == 0:
        return total
    for j in range(BLOCKS, w.shape[0]):
        if bits >> (j - BLOCKS) & 1:
            way = minus(three(w, j, CENTER), p)
            square, height = dot(way, way), dot(way, n)
            part = F(1.3) * w[j, RADIUS] * w[j, RADIUS] / square - F(0.0625)
            if height > ZERO and part > ZERO:
                total += part * height / np.sqrt(square)
    return min(total, F(0.85))


@compiled
def blocked(w: World, k: int, bits: int, p: Three, side: int, span: int) -> int:
    """How many of ``side`` x ``side`` points of lamp ``k`` are hidden from a point.

    ``span``: ``side`` puts them in the middles of as many squares, ``side - 1`` up to the border.
    """
    count, done = 0, 0
    for j in range(BLOCKS, w.shape[0]):
        if not bits >> (j - BLOCKS) & 1:
            continue
        o = turned(w, j, minus(p, three(w, j, CENTER)))
        way = turned(w, j, minus(three(w, LAMPS + k, PLACE), p))
        half_u = turned(w, j, three(w, LAMPS + k, HALF_U))
        half_v = turned(w, j, three(w, LAMPS + k, HALF_V))
        for a in range(side):
            line = more(way, F(2 * a + 1 - side) / F(span), half_u)
            for b in range(side):
                bit = 1 << (side * a + b)
                if not done & bit:
                    d = more(line, F(2 * b + 1 - side) / F(span), half_v)
                    enter, leave = interval(int(w[j, KIND]), o, d)
                    if enter < leave and NEAR < enter < ONE:
                        count, done = count + 1, done | bit
    return count


@compiled
def passing(w: World, k: int, bits: int, p: Three) -> Real:
    """The share of lamp ``k`` that a point sees past the blocks of ``bits``."""
    if bits == 0:
        return ONE
    count = blocked(w, k, bits, p, 2, 1)
    if count == 0 or count == 4:
        return ONE - F(count) / F(4)
    return ONE - F(blocked(w, k, bits, p, 4, 4)) / F(16)


@compiled
def lit(w: World, bits: int, p: Three, n: Three, r: Three, tight: int) -> tuple[Three, Three]:
    """Light that falls on a point, and the lamps' gloss about the mirrored direction ``r``.

    ``bits``: of `relevant`.
    """
    here = bits >> 10 * (BLOCKS - LAMPS)
    sky = SKY * (HALF + HALF * n[2]) + FLOOR * (HALF - HALF * n[2])
    sky *= ONE - hidden(w, here, p, n)
    light, gloss = (sky, sky, sky), (ZERO, ZERO, ZERO)
    for k in range(BLOCKS - LAMPS):
        way = minus(three(w, LAMPS + k, PLACE), p)
        square = dot(way, way)
        way = times(way, ONE / np.sqrt(square))
        facing, aim = dot(n, way), -dot(way, three(w, LAMPS + k, AXIS))
        if facing <= ZERO or aim <= ZERO:
            continue
        falls = passing(w, k, bits >> 10 * k & 1023, p) * aim / (square + SOFT)
        light = more(light, falls * facing, three(w, LAMPS + k, LIGHT))
        if tight > 0:
            shine = max(dot(r, way), ZERO)
            for _ in range(tight):
                shine = shine * shine
            gloss = more(gloss, falls * shine, three(w, LAMPS + k, LIGHT))
    return light, gloss


@compiled
def studio(p: Three, r: Three) -> tuple[Real, int]:
    """Metal mirrors a bright rim, a dark dome and light panels; and a number that tells edges."""
    rise, rim = max(r[2], ZERO), ONE - max(r[2], ZERO)
    far = (F(8) - p[2]) / max(rise, F(0.02))
    x, y = p[0] + far * r[0], p[1] + far * r[1]
    u, v = (x * F(0.8) + y * F(0.6)) * F(0.15), (y * F(0.8) - x * F(0.6)) * F(0.10)
    u, v = abs(u - np.floor(u) - HALF), abs(v - np.floor(v) - HALF)
    panel = clip((F(0.26) - u) * F(9)) * clip((F(0.40) - v) * F(9))
    panel *= clip((rise - F(0.10)) * F(5))
    return F(0.08) + F(0.47) * rim * rim * rim + panel * F(0.9), 1 if panel > HALF else 0


@compiled
def ground(w: World, bits: int, p: Three) -> Three:
    """The backdrop at a point of the plane; far off it fades into its rim."""
    light, _ = lit(w, bits, p, UP, UP, 0)
    away = clip((np.sqrt(dot(p, p)) - F(6)) / F(30))
    return more(times(light, (ONE - away) * GROUND), away, (RIM, RIM, RIM))


@compiled
def mirrored(w: World, me: int, p: Three, r: Three) -> tuple[Three, int]:
    """What a ray that leaves block ``me`` meets: its colour, and a number that tells edges."""
    best, who = FAR, -1
    for j in range(BLOCKS, w.shape[0]):
        if j != me:
            t = reach(w, j, p, r)
            if t < best:
                best, who = t, j
    if who >= 0:
        p = more(p, best, r)
        light, _ = lit(w, 0, p, normal(w, who, p), r, 0)
        return each(three(w, who, COLOR), light), who - BLOCKS + 1
    if r[2] < F(-0.02):
        p = more(p, -p[2] / r[2], r)
        return ground(w, relevant(w, p, ZERO, EVERY), p), 0
    value, panel = studio(p, r)
    return (value, value, value), 11 + panel


@compiled
def block(w: World, i: int, p: Three, d: Three, parts: int) -> tuple[Three, int]:
    """The colour of block ``i`` seen along ``d`` at its point p, and a number that tells edges."""
    n, d = normal(w, i, p), unit(d)
    r = more(d, -TWO * dot(d, n), n)
    bits = relevant(w, p, ZERO, EVERY ^ SELF << (i - BLOCKS)) if parts & SHADOWS else 0
    color, metal = three(w, i, COLOR), w[i, METAL] > HALF
    light, gloss = lit(w, bits, p, n, r, 6 if metal else 3)
    if not metal:
        return more(each(color, light), RUBBER, gloss), 16 * (i - BLOCKS + 1)
    seen, edge = (ZERO, ZERO, ZERO), 0
    if parts & MIRRORS:
        seen, edge = mirrored(w, i, p, r)
    return each(color, more(more(seen, BODY, light), SHINE, gloss)), 16 * (i - BLOCKS + 1) + edge


@compiled
def ray(w: World, x: Real, y: Real) -> Three:
    """The direction through a point of the picture, 1 long along the camera's axis."""
    return more(more(three(w, CORNER, 0), x, three(w, ACROSS, 0)), y, three(w, DOWN, 0))


@compiled
def floor(w: World, x: Real, y: Real) -> tuple[Three, bool]:
    """The point of the ground behind a point of the picture, and whether there is one."""
    eye, d = three(w, EYE, 0), ray(w, x, y)
    return more(eye, -eye[2] / min(d[2], -NEAR), d), bool(d[2] < F(-0.01))


@compiled
def backdrop(w: World, x: Real, y: Real, among: int) -> Three:
    """The ground's colour at a point of the picture."""
    p, below = floor(w, x, y)
    if not below:
        return RIM, RIM, RIM
    return ground(w, relevant(w, p, ZERO, among), p)


@compiled
def first(w: World, x: Real, y: Real) -> int:
    """The block that is seen at a point of the picture, or -1."""
    best, who = FAR, -1
    for j in range(BLOCKS, w.shape[0]):
        if w[j, BOX] <= x <= w[j, BOX + 2] and w[j, BOX + 1] <= y <= w[j, BOX + 3]:
            t = reach(w, j, three(w, EYE, 0), ray(w, x, y))
            if t < best:
                best, who = t, j
    return who


@compiled
def seen(w: World, x: Real, y: Real, who: int, parts: int) -> tuple[Three, int]:
    """The colour of block ``who`` at a point of the picture, and a number that tells edges."""
    eye, d = three(w, EYE, 0), ray(w, x, y)
    t = reach(w, who, eye, d)
    return block(w, who, more(eye, t, d), d, parts)


@compiled
def cast(w: World, ids: Int8[np.ndarray, "H W"], depth: Float32[np.ndarray, "H W"]) -> None:
    """Writes the block (number + 1; 0: none) in the middle of each pixel, and how far it is."""
    height, width = ids.shape
    eye = three(w, EYE, 0)
    for j in range(BLOCKS, w.shape[0]):
        for row in range(max(int(w[j, BOX + 1]), 0), min(int(w[j, BOX + 3]) + 1, height)):
            for column in range(max(int(w[j, BOX]), 0), min(int(w[j, BOX + 2]) + 1, width)):
                t = reach(w, j, eye, ray(w, F(column) + HALF, F(row) + HALF))
                if t < depth[row, column]:
                    depth[row, column] = t
                    ids[row, column] = j - BLOCKS + 1


@compiled
def tile_bits(w: World, left: int, top: int) -> int:
    """The bits of `relevant` for all the ground behind a tile."""
    middle, below = floor(w, F(left + TILE // 2), F(top + TILE // 2))
    extent = ZERO
    for x, y in ((left, top), (left + TILE, top), (left, top + TILE), (left + TILE, top + TILE)):
        corner, also = floor(w, F(x), F(y))
        below = below and also
        away = minus(corner, middle)
        extent = max(extent, dot(away, away))
    if not below:
        return EVERY
    return relevant(w, middle, np.sqrt(extent) + NEAR, EVERY)


@compiled
def smooth(w: World, left: int, top: int, bits: int, light: Float32[np.ndarray, "H W 3"]) -> bool:
    """Blends a tile of ground between its corners; ``False`` where that misses its middle."""
    right, bottom, half = left + TILE, top + TILE, TILE // 2
    a, b = backdrop(w, F(left), F(top), bits), backdrop(w, F(right), F(top), bits)
    c, d = backdrop(w, F(left), F(bottom), bits), backdrop(w, F(right), F(bottom), bits)
    middle = backdrop(w, F(left + half), F(top + half), bits)
    for k in range(3):
        if abs(F(0.25) * (a[k] + b[k] + c[k] + d[k]) - middle[k]) > F(0.004) * middle[k]:
            return False
    for row in range(top, min(bottom, light.shape[0])):
        v = (F(row - top) + HALF) / F(TILE)
        p, q = more(a, v, minus(c, a)), more(b, v, minus(d, b))
        for column in range(left, min(right, light.shape[1])):
            put(light, row, column, more(p, (F(column - left) + HALF) / F(TILE), minus(q, p)))
    return True


@compiled
def put(light: Float32[np.ndarray, "H W 3"], row: int, column: int, color: Three) -> None:
    """Writes a pixel; what is brighter than the picture can show is cut first."""
    for k in range(3):
        light[row, column, k] = min(color[k], TWO)


@compiled
def paint(
    w: World,
    ids: Int8[np.ndarray, "H W"],
    light: Float32[np.ndarray, "H W 3"],
    keys: Int32[np.ndarray, "H W"],
    parts: int,
) -> None:
    """Writes linear light, and numbers that differ across visible edges."""
    height, width = ids.shape
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            bits = tile_bits(w, left, top) if parts & SHADOWS else 0
            plain = not ids[top : top + TILE, left : left + TILE].any()
            if plain and bits & LIT == 0 and smooth(w, left, top, bits, light):
                keys[top : top + TILE, left : left + TILE] = 0
                continue
            for row in range(top, min(top + TILE, height)):
                for column in range(left, min(left + TILE, width)):
                    x, y, who = F(column) + HALF, F(row) + HALF, ids[row, column] - 1 + BLOCKS
                    if who < BLOCKS:
                        put(light, row, column, backdrop(w, x, y, bits))
                        keys[row, column] = 0
                    else:
                        color, keys[row, column] = seen(w, x, y, who, parts)
                        put(light, row, column, color)


@compiled
def refine(
    w: World, light: Float32[np.ndarray, "H W 3"], keys: Int32[np.ndarray, "H W"], parts: int
) -> None:
    """Makes pixels on an edge the mean of four points."""
    height, width = keys.shape
    for row in range(height):
        for column in range(width):
            key = keys[row, column]
            edge = row > 0 and keys[row - 1, column] != key
            edge |= row + 1 < height and keys[row + 1, column] != key
            edge |= column > 0 and keys[row, column - 1] != key
            edge |= column + 1 < width and keys[row, column + 1] != key
            if edge:
                total = (ZERO, ZERO, ZERO)
                for k in range(4):
                    x, y = F(column) + PLACES[k % 2], F(row) + PLACES[k // 2]
                    who = first(w, x, y)
                    if who < BLOCKS:
                        color = backdrop(w, x, y, EVERY)
                    else:
                        color, _ = seen(w, x, y, who, parts)
                    for_sum = (min(color[0], TWO), min(color[1], TWO), min(color[2], TWO))
                    total = more(total, F(0.25), for_sum)
                put(light, row, column, total)
