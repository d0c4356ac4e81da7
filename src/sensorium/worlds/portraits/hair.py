"""Hair, beards and glasses."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sensorium.seeds import generator
from sensorium.worlds.portraits.canvas import Canvas, between, circle, moved, shaded, smooth
from sensorium.worlds.portraits.people import Identity, Proportions
from sensorium.worlds.portraits.shape import EARS_AT, Points, Shape

RISES = {
    "crop": 0.022,
    "parted": 0.045,
    "fringe": 0.045,
    "long": 0.04,
    "curls": 0.05,
    "bun": 0.028,
    "receding": 0.014,
}
"""How far the hair stands off the skull."""


@lru_cache(maxsize=128)
def _arc(p: Proportions, rise: float, low: float) -> Points:
    """Over the head from beside one ear to the other, ``rise`` off the skull."""
    t = np.linspace(0.0, np.pi, 25)
    x = -(p.width + 0.7 * rise) * np.cos(t)
    y = EARS_AT + (p.crown - rise - EARS_AT) * np.sin(t) ** 0.9
    arc = np.stack([x, y], 1)
    ends = np.array([(-p.width - 0.5 * rise, low)]), np.array([(p.width + 0.5 * rise, low)])
    return np.concatenate([ends[0], arc, ends[1]])


def behind(canvas: Canvas, who: Identity) -> None:
    """What hangs down or stands up behind the head."""
    p, colour = who.proportions, shaded(who.hair, 0.72)
    if who.hair_style == "long":
        end = 0.25 + 0.3 * who.hair_length
        wide = p.width + 0.05
        sides = np.array(
            [
                (-wide - 0.02, 0.1),
                (-wide - 0.01, end),
                (-wide + 0.12, end + 0.02),
                (wide - 0.12, end + 0.02),
                (wide + 0.01, end),
                (wide + 0.02, 0.1),
            ]
        )
        canvas.fill(np.concatenate([_arc(p, 0.045, 0.0)[::-1], sides]), colour)
    elif who.hair_style == "bun":
        canvas.disc(0.0, p.crown - 0.03, 0.085, who.hair)
        canvas.disc(0.0, p.crown - 0.045, 0.06, shaded(who.hair, 1.1))
    elif who.hair_style == "curls":
        for x, y, r in _curls(who)[::2]:
            canvas.fill(circle(12) * (r * 1.15) + (x * 1.05, y * 1.02 + 0.02), colour)


@lru_cache(maxsize=64)
def _curls(who: Identity) -> tuple[tuple[float, float, float], ...]:
    rng = generator(who.seed, "curls")
    low = 0.02 + 0.22 * who.hair_length
    arc = _arc(who.proportions, 0.02, low)
    ends = [arc[0] + (arc[1] - arc[0]) * share for share in (0.33, 0.66)]
    arc = np.concatenate([arc, ends, np.array(ends) * (-1, 1)])
    return tuple(
        (
            float(x + rng.uniform(-0.012, 0.012)),
            float(y + rng.uniform(-0.012, 0.012)),
            float(rng.uniform(0.036, 0.056)),
        )
        for x, y in arc
    )


def hairline(who: Identity) -> Points:
    """The hair's lower edge from right to left."""
    p = who.proportions
    w, up = p.width, -0.255 + 0.03 * (who.hair_length - 0.5)
    side = np.array([(w * 1.01, -0.02), (w * 0.93, -0.13)])
    rows: dict[str, list[tuple[float, float]]] = {
        "crop": [
            (w * 0.80, up + 0.02),
            (w * 0.45, up - 0.03),
            (0.0, up - 0.04),
            (-w * 0.45, up - 0.03),
            (-w * 0.80, up + 0.02),
        ],
        "parted": [
            (w * 0.84, up + 0.05),
            (w * 0.50, up - 0.02),
            (w * 0.30, up - 0.07),
            (-w * 0.2, up - 0.01),
            (-w * 0.84, up + 0.06),
        ],
        "fringe": [
            (w * 0.86, up + 0.05),
            (w * 0.5, up + 0.03),
            (0.0, up + 0.02),
            (-w * 0.5, up + 0.03),
            (-w * 0.86, up + 0.05),
        ],
        "long": [
            (w * 0.90, up + 0.09),
            (w * 0.52, up - 0.03),
            (0.0, up - 0.09),
            (-w * 0.52, up - 0.03),
            (-w * 0.90, up + 0.09),
        ],
        "curls": [
            (w * 0.86, up + 0.03),
            (w * 0.45, up - 0.02),
            (0.0, up - 0.03),
            (-w * 0.45, up - 0.02),
            (-w * 0.86, up + 0.03),
        ],
        "bun": [
            (w * 0.88, up + 0.05),
            (w * 0.5, up - 0.03),
            (0.0, up - 0.06),
            (-w * 0.5, up - 0.03),
            (-w * 0.88, up + 0.05),
        ],
        "receding": [
            (w * 0.90, -0.17),
            (w * 0.66, up - 0.03),
            (w * 0.42, up - 0.09),
            (0.0, up - 0.07),
            (-w * 0.42, up - 0.09),
            (-w * 0.66, up - 0.03),
            (-w * 0.90, -0.17),
        ],
    }
    return smooth(np.concatenate([side, rows[who.hair_style], side[::-1] * (-1, 1)]), 4)


def above(canvas: Canvas, who: Identity) -> None:
    """What grows on top and falls over the forehead."""
    if who.hair_style == "bald":
        return
    p, rise = who.proportions, RISES[who.hair_style]
    low = -0.02 if who.hair_style != "long" else 0.05
    cap = _arc(p, rise, low)
    canvas.fill(np.concatenate([cap, hairline(who)]), who.hair)
    light = 0.25 * who.setting.light
    edge = hairline(who)[::-1]
    for k in range(6):
        start, end = cap[4 + 3 * k], edge[(2 * k + 2) * len(edge) // 15]
        bend = moved(0.5 * (start + end), 0.02, -0.01)
        end = end + 0.12 * (start - end)
        tone = shaded(who.hair, 1.0 + 0.12 * (1 + light) if k % 2 else 0.84)
        canvas.stroke(smooth(np.stack([start + 0.12 * (end - start), bend, end]), 4), 0.016, tone)
    if who.hair_style == "curls":
        for k, (x, y, r) in enumerate(_curls(who)):
            canvas.fill(circle(12) * r + (x, y), shaded(who.hair, 1.08 if k % 3 == 0 else 0.94))
    if who.hair_style == "long":
        for side in (-1, 1):
            lock = np.array(
                [
                    (side * p.width * 0.98, -0.2),
                    (side * p.width * 1.08, -0.02),
                    (side * p.width * 1.06, 0.16),
                    (side * p.width * 1.12, 0.3),
                ]
            )
            canvas.stroke(smooth(lock, 4), 0.07, who.hair, 0.5)


def beard(canvas: Canvas, who: Identity, lines: Shape) -> None:
    """What grows on jaw and lip, before the mouth is drawn; stubble is in the skin's shade."""
    if who.beard in ("none", "stubble"):
        return
    at = lines.landmarks
    p = who.proportions
    if who.beard == "full":
        jaw = at[1:16].copy()
        sides = np.array(
            [
                (p.width * 0.78, 0.10),
                (p.width * 0.55, 0.16),
                (0.05, 0.155),
                (-0.05, 0.155),
                (-p.width * 0.55, 0.16),
                (-p.width * 0.78, 0.10),
            ]
        )
        jaw[3:12, 1] += 0.02
        canvas.fill(
            np.concatenate([smooth(jaw, 3), smooth(sides, 3)]), between(who.skin, who.hair, 0.92)
        )
    if who.beard == "goatee":
        y = at[57, 1]
        drop = lines.chin
        patch = np.array(
            [
                (-0.05, y + 0.03),
                (0.0, y + 0.012),
                (0.05, y + 0.03),
                (0.055, p.chin + drop - 0.01),
                (0.0, p.chin + drop + 0.02),
                (-0.055, p.chin + drop - 0.01),
            ]
        )
        canvas.fill(smooth(patch, 4, closed=True), who.hair)
    if who.beard in ("moustache", "goatee", "full"):
        base = at[33, 1] + 0.012
        lip = at[48:55]
        left, right = lip[0] + (-0.004, 0.006), lip[6] + (0.004, 0.006)
        edge = np.stack(
            [
                left,
                0.5 * (lip[1] + lip[0]) + (0, -0.012),
                (-0.04, base + 0.010),
                (0.0, base + 0.004),
                (0.04, base + 0.010),
                0.5 * (lip[5] + lip[6]) + (0, -0.012),
                right,
            ]
        )
        canvas.fill(
            np.concatenate([smooth(edge, 4), smooth(moved(lip[::-1], 0, 0.002), 4)]),
            shaded(who.hair, 0.92),
        )


def glasses(canvas: Canvas, who: Identity) -> None:
    """Frames before the eyes."""
    if who.glasses == "none":
        return
    p = who.proportions
    power = 2.0 if who.glasses == "round" else 4.0
    ring = circle(28)
    ring = np.sign(ring) * np.abs(ring) ** (2.0 / power)
    y = p.eye_height + 0.012
    for side in (-1, 1):
        rim = ring * (0.094, 0.074 if who.glasses == "round" else 0.064) + (
            side * p.eye_distance,
            y,
        )
        closed = np.concatenate([rim, rim[:2]])
        canvas.stroke(closed, 0.011, who.frames, 0.0)
        edge = side * (p.eye_distance + 0.094)
        bar = np.array([(edge, y - 0.016), (side * p.width * 1.01, y - 0.022)])
        canvas.stroke(bar, 0.011, who.frames, 0.0)
    half = p.eye_distance - 0.094
    bridge = np.array([(-half, y - 0.008), (0.0, y - 0.020), (half, y - 0.008)])
    canvas.stroke(smooth(bridge, 4), 0.011, who.frames, 0.0)
