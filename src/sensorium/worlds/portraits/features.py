"""Eyes, brows, nose and mouth, drawn through their landmarks."""

from __future__ import annotations

import numpy as np

from sensorium.worlds.portraits.actions import Actions
from sensorium.worlds.portraits.canvas import Canvas, between, shaded, smooth
from sensorium.worlds.portraits.people import Colour, Identity
from sensorium.worlds.portraits.shape import Points

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
    p = who.proportions
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
        with canvas.within(gape):
            canvas.fill(gape, SCLERA)
            shadow = np.concatenate([upper, (upper + (0.0, 0.009))[::-1]])
            canvas.fill(shadow, shaded(SCLERA, 0.72))
            _iris(canvas, who, does, side)
    lash = between(DARK, who.brows, 0.2)
    canvas.stroke(upper, 0.0085 + 0.004 * who.lashes, lash, 0.75)
    rim = shaded(who.skin, 0.55 if blink < 0.98 else 0.8)
    canvas.stroke(lower, 0.0045, rim, 0.8)
    if who.lashes > 0.5:
        outer = upper[0] if side < 0 else upper[-1]
        tip = outer + (side * 0.012, -0.008)
        canvas.stroke(np.stack([outer - (side * 0.012, 0.004), outer, tip]), 0.008, lash)
    del p


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
                wing + (-side * 0.004, -0.030),
                wing + (side * 0.003, -0.014),
                wing + (0.0, 0.001),
                hole + (side * 0.004, 0.002),
            ]
        )
        canvas.stroke(smooth(curve, 4), 0.0075, dark)
        flare = 1.0 + 0.35 * max(0.0, does.flare)
        canvas.oval(hole[0] + side * 0.001, hole[1] - 0.004, 0.0115 * flare, 0.0058 * flare, darker)
    canvas.stroke(smooth(at[32:35] + (0.0, 0.001), 4), 0.006, dark)
    lit = between(who.skin, (255, 255, 255), 0.28)
    x = 0.008 if who.setting.light > 0 else -0.008
    canvas.oval(x, at[30, 1] - 0.002, 0.009, 0.007, lit)


def mouth(canvas: Canvas, who: Identity, does: Actions, at: Points) -> None:
    """Lips, what is between them, and the line where they meet."""
    outer, inner = at[48:60], at[60:68]
    left, right = at[48], at[54]
    upper_inner = np.concatenate([left[None], inner[:5], right[None]])
    lower_inner = np.concatenate([left[None], inner[[0, 7, 6, 5, 4]], right[None]])
    up, low = smooth(upper_inner, 4), smooth(lower_inner, 4)
    top, bottom = smooth(outer[:7], 4), smooth(outer[[0, 11, 10, 9, 8, 7, 6]], 4)
    upper = np.concatenate([top, up[::-1]])
    lower = np.concatenate([low, bottom[::-1]])
    canvas.fill(lower, between(who.lips, (255, 225, 225), 0.06))
    canvas.fill(upper, shaded(who.lips, 0.82))
    gape = np.concatenate([up, low[::-1]])
    wide = float((low[:, 1] - up[:, 1]).max())
    if wide > 0.004:
        with canvas.within(gape):
            _inside(canvas, does, up, low, gape)
    line = between(shaded(who.lips, 0.36), DARK, 0.4)
    canvas.stroke(up, 0.0065, line, 0.55)
    if wide > 0.004:
        canvas.stroke(low, 0.004, shaded(who.lips, 0.6))
    canvas.stroke(smooth(bottom[5:-5:4], 3), 0.004, shaded(who.skin, 0.66))
    shine = 0.5 * (low[len(low) // 2] + bottom[len(bottom) // 2])
    thick = float(bottom[len(bottom) // 2, 1] - low[len(low) // 2, 1])
    if thick > 0.012:
        canvas.oval(
            shine[0], shine[1], 0.022, 0.16 * thick, between(who.lips, (255, 240, 240), 0.35)
        )


def _inside(canvas: Canvas, does: Actions, up: Points, low: Points, gape: Points) -> None:
    canvas.fill(gape, THROAT)
    wide = float((low[:, 1] - up[:, 1]).max())
    if wide > 0.05:
        bed = low[len(low) // 2]
        canvas.oval(bed[0], bed[1] + 0.006, 0.05, 0.030, TONGUE)
    bite = 0.030 if does.jaw_drop < 0.6 else 0.018
    rows = np.concatenate([up, (up + (0.0, bite))[::-1]])
    canvas.fill(rows, TEETH)
    if does.lower_lip_down > 0.3:
        show = 0.016 * does.lower_lip_down
        canvas.fill(np.concatenate([low, (low - (0.0, show))[::-1]]), shaded(TEETH, 0.93))
    middle = up[len(up) // 2]
    for k in range(-4, 5):
        x = middle[0] + 0.017 * (k + 0.5)
        y = float(np.interp(x, up[:, 0], up[:, 1]))
        gap = np.array(
            [(x - 0.0007, y), (x + 0.0007, y), (x + 0.0007, y + bite), (x - 0.0007, y + bite)]
        )
        canvas.fill(gap, shaded(TEETH, 0.8))
