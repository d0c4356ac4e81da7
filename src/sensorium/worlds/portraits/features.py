"""Eyes, brows, nose and mouth, drawn through their landmarks."""

from __future__ import annotations

import numpy as np

from sensorium.worlds.portraits.actions import Actions
from sensorium.worlds.portraits.canvas import Canvas, between, moved, shaded, smooth
from sensorium.worlds.portraits.people import Colour, Identity
from sensorium.worlds.portraits.shape import Lips, Points

DARK: Colour = (38, 24, 24)
SCLERA: Colour = (240, 238, 234)
TEETH: Colour = (242, 238, 226)
THROAT: Colour = (58, 18, 22)
TONGUE: Colour = (176, 82, 84)


def lid_curves(eye: Points) -> tuple[Points, Points]:
    """The upper and the lower lid from the left corner to the right one."""
    return smooth(eye[:4], 5), smooth(eye[[0, 5, 4, 3]], 5)


def eyes(canvas: Canvas, who: Identity, does: Actions, at: Points, blink: float) -> None:
    """Both eyes with their lids."""
    for side, eye in ((-1, at[36:42]), (1, at[42:48])):
        _eye(canvas, who, does, eye, side, blink)


def _eye(
    canvas: Canvas, who: Identity, does: Actions, eye: Points, side: int, blink: float
) -> None:
    upper, lower = lid_curves(eye)
    fold = shaded(who.skin, 0.62)
    lid = between(shaded(who.skin, 0.9), (150, 90, 90), 0.10)
    hidden = does.droop * 0.6 + blink + 0.25 * does.cheek_raise
    if hidden > 0.02:  # the lid's skin above the eye
        crease = upper - (0.0, 0.012 + 0.006 * min(1.0, hidden))
        canvas.fill(np.concatenate([upper, crease[::-1]]), lid)
    else:
        crease = upper - (0.0, 0.013 - 0.005 * max(0.0, does.lid_raise))
    canvas.stroke(crease, 0.0065, fold)
    if blink < 0.98:
        gape = np.concatenate([upper, lower[::-1]])
        with canvas.within(gape) as inside:
            inside.fill(gape, SCLERA)
            shadow = np.concatenate([upper, (moved(upper, 0.0, 0.009))[::-1]])
            inside.fill(shadow, shaded(SCLERA, 0.72))
            _iris(inside, who, does, side)
    lash = between(DARK, who.brows, 0.2)
    canvas.stroke(upper, 0.0085 + 0.004 * who.lashes, lash, 0.75)
    rim = shaded(who.skin, 0.55 if blink < 0.98 else 0.8)
    canvas.stroke(lower, 0.0045, rim, 0.8)
    if who.lashes > 0.5:
        outer = upper[0] if side < 0 else upper[-1]
        tip = moved(outer, side * 0.012, -0.008)
        canvas.stroke(np.stack([outer - (side * 0.012, 0.004), outer, tip]), 0.008, lash)


def _iris(canvas: Canvas, who: Identity, does: Actions, side: int) -> None:
    p = who.proportions
    x = side * p.eye_distance + 0.020 * does.look_right
    y = p.eye_height - 0.001 + 0.012 * does.look_down
    r = 0.0265
    canvas.disc(x, y, r, shaded(who.iris, 0.55))
    canvas.disc(x, y, 0.84 * r, who.iris)
    canvas.oval(x, y + 0.4 * r, 0.6 * r, 0.36 * r, shaded(who.iris, 1.25))
    canvas.disc(x, y, 0.46 * r, (16, 14, 16))
    glint = 0.34 * r if who.setting.light > 0 else -0.34 * r
    canvas.disc(x + glint, y - 0.36 * r, 0.22 * r, (250, 250, 250))


def brows(canvas: Canvas, who: Identity, at: Points) -> None:
    """Both brows."""
    thick = who.proportions.brow_thickness
    widths = np.array([0.85, 1.0, 0.95, 0.75, 0.2])
    for inner_first in (at[17:22][::-1], at[22:27]):
        middle = smooth(inner_first, 4)
        half = 0.5 * thick * np.interp(np.linspace(0, 4, len(middle)), np.arange(5), widths)
        outline = np.concatenate(
            [middle - np.stack([0 * half, half], 1), (middle + np.stack([0 * half, half], 1))[::-1]]
        )
        canvas.fill(outline, between(who.brows, who.skin, 0.25))
        inner = np.concatenate(
            [
                middle - np.stack([0 * half, 0.6 * half], 1),
                (middle + np.stack([0 * half, 0.7 * half], 1))[::-1],
            ]
        )
        canvas.fill(inner, who.brows)


def nose(canvas: Canvas, who: Identity, does: Actions, at: Points) -> None:
    """Wings, nostrils and the tip's light."""
    dark, darker = shaded(who.skin, 0.60), between(shaded(who.skin, 0.28), (50, 16, 16), 0.4)
    for side, wing, hole in ((-1, at[31], at[32]), (1, at[35], at[34])):
        curve = np.stack(
            [
                moved(wing, -side * 0.004, -0.030),
                moved(wing, side * 0.003, -0.014),
                moved(wing, 0.0, 0.001),
                moved(hole, side * 0.004, 0.002),
            ]
        )
        canvas.stroke(smooth(curve, 4), 0.0075, dark)
        flare = 1.0 + 0.35 * max(0.0, does.flare)
        canvas.oval(hole[0] + side * 0.001, hole[1] - 0.004, 0.0115 * flare, 0.0058 * flare, darker)
    canvas.stroke(smooth(moved(at[32:35], 0.0, 0.001), 4), 0.006, dark)
    lit = between(who.skin, (255, 255, 255), 0.28)
    x = 0.008 if who.setting.light > 0 else -0.008
    canvas.oval(x, at[30, 1] - 0.002, 0.009, 0.007, lit)


def mouth(canvas: Canvas, who: Identity, does: Actions, lips: Lips) -> None:
    """Lips, what is between them, and the line where they meet."""
    canvas.fill(
        np.concatenate([lips.low, lips.bottom[::-1]]), between(who.lips, (255, 225, 225), 0.06)
    )
    canvas.fill(np.concatenate([lips.top, lips.up[::-1]]), shaded(who.lips, 0.82))
    wide = float((lips.low[:, 1] - lips.up[:, 1]).max())
    if wide > 0.004:
        gape = np.concatenate([lips.up, lips.low[::-1]])
        with canvas.within(gape) as inside:
            _inside(inside, who, does, lips, gape)
        canvas.stroke(lips.low, 0.004, shaded(who.lips, 0.6))
    canvas.stroke(lips.up, 0.0065, between(shaded(who.lips, 0.36), DARK, 0.4), 0.55)
    canvas.stroke(lips.bottom[9:-9:2], 0.004, shaded(who.skin, 0.66))
    middle = len(lips.low) // 2
    shine, edge = lips.low[middle], lips.bottom[middle]
    thick = float(edge[1] - shine[1])
    if thick > 0.012:
        light = between(who.lips, (255, 240, 240), 0.35)
        canvas.oval(shine[0], 0.5 * (shine[1] + edge[1]), 0.022, 0.16 * thick, light)


_TOOTH = 0.017
_ROW = np.linspace(-1.0, 1.0, 9)
_GAP = np.array([(-0.0007, -0.04), (0.0007, -0.04), (0.0007, 0.0), (-0.0007, 0.0)])
_GAPS = np.arange(-4, 4) + 0.5


def _inside(canvas: Canvas, who: Identity, does: Actions, lips: Lips, gape: Points) -> None:
    """Throat, tongue and teeth; the upper ones do not move, the lower ones go with the lip."""
    canvas.fill(gape, THROAT)
    up, low = lips.up, lips.low
    bed = low[len(low) // 2, 1]
    if bed - up[len(up) // 2, 1] > 0.05:
        canvas.oval(0.0, bed + 0.006, 0.05, 0.030, TONGUE)
    edge = who.proportions.mouth_height + 0.013
    wide = 0.135
    row = np.stack([_ROW * wide, edge - 0.030 * _ROW * _ROW], 1)
    canvas.fill(np.concatenate([row, moved(row, 0.0, -0.08)[::-1]]), TEETH)
    for x in _GAPS * _TOOTH:
        y = edge - 0.030 * (x / wide) ** 2
        canvas.fill(moved(_GAP, x, y), shaded(TEETH, 0.8))
    if does.lower_lip_down > 0.05:
        show = 0.018 * min(1.0, does.lower_lip_down) * (1.0 - (low[:, 0] / low[-1, 0]) ** 4)
        rim = low - np.stack([0.0 * show, show], 1)
        canvas.fill(np.concatenate([low, rim[::-1]]), shaded(TEETH, 0.93))
