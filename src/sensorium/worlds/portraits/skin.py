"""Skin: how light falls on a head, what is rosy and what is shaded, and every line and wrinkle.

Three maps are multiplied onto the skin's colour, each as fine as it must be: `form` is the head
as an egg in the light, `soft` holds sockets, cheeks and the nose's sides, `lines` the wrinkles
that muscles and age make. 128 leaves the colour as it is.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from sensorium.worlds.portraits.actions import Actions
from sensorium.worlds.portraits.canvas import Canvas, Pixels, Place, circle, moved, smooth
from sensorium.worlds.portraits.people import Colour, Identity, Setting
from sensorium.worlds.portraits.shape import Points, Shape

PLAIN: Colour = (128, 128, 128)


def skin(who: Identity, does: Actions, lines: Shape, place: Place, size: int) -> Pixels:
    """A square of ``size`` pixels all over in the skin's colour, shaded where the head is."""
    coarse, middle = max(16, size // 4), max(min(size, 128), size // 2)
    shade = cv2.LUT(cv2.merge([form(who.setting, place, coarse)] * 3), _warm_shade())
    shade = _times(shade, soft(who, does, lines, place, coarse))
    shade = cv2.resize(shade, (middle, middle), interpolation=cv2.INTER_LINEAR)
    shade = _times(shade, wrinkled(who, does, lines, place, middle))
    shade = cv2.resize(shade, (size, size), interpolation=cv2.INTER_LINEAR)
    tinted: Pixels = cv2.LUT(shade, _tinted(who.skin))
    return tinted


def _times(first: Pixels, second: Pixels) -> Pixels:
    product: Pixels = cv2.multiply(first, second, scale=1 / 128)
    return product


@cache
def _warm_shade() -> Pixels:
    """In the shade red fades least."""
    tone = np.arange(256) / 128.0
    dark = np.minimum(tone, 1.0)
    red = tone + 0.22 * dark * (1.0 - dark)
    blue = tone - 0.06 * dark * (1.0 - dark)
    table = np.stack([red, tone, blue], 1) * 128.0
    return np.clip(np.rint(table), 0, 255).astype(np.uint8)[None]


def _tinted(skin_colour: Colour) -> Pixels:
    """From a map's value to the skin's colour in it, per channel; highlights bend to white."""
    tone = np.arange(256)[:, None] / 128.0
    base = np.array(skin_colour, np.float64)
    lit = np.maximum(tone - 1.0, 0.0)
    table = base * np.minimum(tone, 1.0) + (255.0 - base) * 0.55 * lit
    return np.clip(np.rint(table), 0, 255).astype(np.uint8)[None]


def form(setting: Setting, place: Place, size: int) -> Pixels:
    """The head as an egg, lit from one side: ``[size, size]``."""
    at = (np.arange(size, dtype=np.float64) + 0.5) / size
    dx, dy = (at - place.x)[None], (at - place.y)[:, None]
    scale = place.a * place.a + place.b * place.b
    x = (place.a * dx + place.b * dy) / (0.34 * scale)
    y = (place.a * dy - place.b * dx) / (0.47 * scale) + 0.06
    z = np.sqrt(np.maximum(0.04, 1.0 - x * x - y * y))
    light = np.array([0.75 * setting.light, -0.25 - 0.45 * setting.height, 0.75])
    light = light / np.sqrt((light * light).sum())
    falls = x * light[0] + y * light[1] + z * light[2]
    tone = 1.0 + setting.contrast * (0.62 * falls - 0.46)
    shade: Pixels = np.clip(np.rint(128.0 * tone), 30, 200).astype(np.uint8)
    return shade


def soft(who: Identity, does: Actions, lines: Shape, place: Place, size: int) -> Pixels:
    """Sockets, cheeks, the nose's sides, under the lip, the neck."""
    p, drop = who.proportions, lines.chin
    canvas = Canvas(np.full((size, size, 3), 128, np.uint8), place)
    canvas.fill(np.array([(-0.5, 0.2), (0.5, 0.2), (0.5, 0.6), (-0.5, 0.6)]), (98, 94, 96))
    canvas.fill(lines.outline, PLAIN)
    rosy = 5 if who.tone < 5 else 3
    up = 0.02 * does.cheek_raise
    for side in (-1, 1):
        near = side * p.eye_distance
        canvas.oval(near, p.eye_height - 0.022, 0.08, 0.052, (114, 108, 108))
        canvas.oval(near, p.eye_height + 0.035, 0.055, 0.016, (122, 117, 118))
        cheek = (136 + rosy, 126 - rosy // 2, 126 - rosy // 2)
        canvas.oval(side * 0.158, 0.098 - up, 0.066, 0.05, cheek)
        if does.cheek_raise > 0:
            bright = int(10 * min(1.0, does.cheek_raise))
            lit = (140 + bright, 128 + bright, 126 + bright)
            canvas.oval(side * 0.150, 0.075 - up, 0.05, 0.034, lit)
        canvas.oval(side * p.width * 0.96, 0.14, 0.05, 0.12, (116, 112, 112))
        canvas.oval(side * p.width * 0.92, -0.16, 0.05, 0.07, (118, 115, 115))
    canvas.oval(0.0, -0.225, 0.13, 0.05, (136, 135, 134))
    if who.beard == "stubble":
        upper = np.array([(0.8, 0.10), (0.55, 0.16), (0.2, 0.15)]) * (p.width, 1.0)
        edge = np.concatenate([upper, upper[::-1] * (-1, 1)])
        canvas.fill(np.concatenate([lines.landmarks[2:15], edge]), (100, 101, 106))
    away = -1 if who.setting.light > 0 else 1
    top, base, wing = p.eye_height, p.nose_height, p.nose_width
    depth = int(12 + 14 * who.setting.contrast)
    flank = [(0.012, top), (0.05, top - 0.01), (wing * 1.05, base - 0.01), (0.016, base - 0.02)]
    canvas.fill(np.array(flank) * (away, 1), (128 - depth, 124 - depth, 125 - depth))
    flank = [(0.012, top), (0.03, top), (wing * 0.95, base - 0.02), (0.016, base - 0.02)]
    canvas.fill(np.array(flank) * (-away, 1), (124, 121, 121))
    canvas.fill(
        np.array([(-0.009, top), (0.009, top), (0.02, base - 0.03), (-0.02, base - 0.03)]),
        (144, 143, 142),
    )
    canvas.oval(0.0, base + 0.018, 0.045, 0.016, (106, 100, 102))
    under = lines.landmarks[57, 1] + 0.022
    canvas.oval(0.0, under, 0.062, 0.017, (104, 100, 102))
    canvas.oval(0.0, 0.5 * (under + p.chin + drop) + 0.01, 0.05, 0.028, (134, 132, 131))
    kernel = 2 * (size // 16) + 1
    blurred: Pixels = cv2.GaussianBlur(canvas.pixels, (kernel, kernel), size / 28.0)
    return blurred


def wrinkled(who: Identity, does: Actions, lines: Shape, place: Place, size: int) -> Pixels:
    """Wrinkles, folds, freckles."""
    canvas = Canvas(np.full((size, size, 3), 128, np.uint8), place)
    pen = _Pen(canvas, who.age)
    _forehead(pen, who, does, lines.landmarks)
    _around_the_eyes(pen, does, lines.landmarks)
    _around_the_nose(pen, who, does, lines.landmarks)
    _around_the_mouth(pen, who, does, lines)
    pen.line(lines.outline[5:28:2], 0.012, 0.55)
    if who.freckles:
        for x, y in _freckles(who):
            canvas.fill(circle(8) * 0.003 + (x, y), (116, 105, 99))
    if who.mole is not None:
        canvas.oval(*who.mole, 0.007, 0.007, (64, 52, 52))
    blurred: Pixels = cv2.GaussianBlur(canvas.pixels, (3, 3), 0.4 + size / 320.0)
    return blurred


class _Pen:
    """Draws wrinkles whose depth is what muscles and age make of it."""

    def __init__(self, canvas: Canvas, age: float) -> None:
        self.canvas = canvas
        self.age = age

    def line(self, points: Points, width: float, depth: float, age: float = 0.0) -> None:
        """A dark line; nothing below a depth that could be seen."""
        depth = min(1.0, max(0.0, depth)) + age * self.age * self.age
        if depth < 0.04:
            return
        dark = min(0.62, 0.55 * depth)
        tone = (int(128 * (1 - 0.8 * dark)), int(128 * (1 - dark)), int(128 * (1 - 0.95 * dark)))
        self.canvas.stroke(smooth(points, 4), width * (0.7 + 0.3 * min(1.0, depth)), tone)

    def bulge(self, points: Points, width: float, height: float) -> None:
        """A light line: skin that is pushed out."""
        if height < 0.04:
            return
        lit = int(22 * min(1.0, height))
        self.canvas.stroke(smooth(points, 4), width, (128 + lit, 128 + lit, 127 + lit))


def _forehead(pen: _Pen, who: Identity, does: Actions, at: Points) -> None:
    p = who.proportions
    outer = 0.5 * (does.outer_brow_left + does.outer_brow_right)
    raised = max(0.0, 0.55 * does.inner_brow + 0.45 * outer)
    wide = 0.10 + 0.09 * min(1.0, max(0.0, outer)) + 0.05 * who.age
    top = p.eye_height - p.brow_height - 0.048 * max(0.0, does.inner_brow)
    x = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    for row in range(2):
        y = (
            top
            - 0.036
            - 0.040 * row
            - 0.016 * (does.outer_brow_left * (x < 0) + does.outer_brow_right * (x > 0)) * np.abs(x)
        )
        wave = 0.004 * np.array([1.0, -0.4, 0.6, -0.4, 1.0])
        curve = np.stack([x * wide * (1 - 0.14 * row), y + wave], 1)
        pen.line(curve, 0.009, 0.85 * raised, 0.42)
        one = max(does.outer_brow_left, does.outer_brow_right) - outer
        if one > 0.05:
            side = -1.0 if does.outer_brow_left > does.outer_brow_right else 1.0
            arc = np.array([(0.05, 0.008), (0.12, -0.012), (0.19, -0.004)]) * (side, 1.0)
            pen.line(moved(arc, 0.0, top - 0.034 - 0.036 * row - 0.012), 0.009, 1.4 * one)
    frown = max(0.0, does.brow_lower) + 0.45 * max(0.0, does.nose_wrinkle)
    for side, end in ((-1, at[21]), (1, at[22])):
        x0 = 0.6 * end[0]
        lean = 0.35 * max(0.0, does.inner_brow)
        curve = np.array(
            [
                (x0 + side * 0.5 * lean * 0.02, end[1] - 0.018),
                (x0 - side * 0.002, end[1] + 0.012),
                (x0 + side * 0.004, end[1] + 0.042),
            ]
        )
        pen.line(curve, 0.013, 0.95 * frown, 0.3)


def _around_the_eyes(pen: _Pen, does: Actions, at: Points) -> None:
    squeeze = max(0.0, does.cheek_raise)
    for side, corner, eye in ((-1, at[36], at[36:42]), (1, at[45], at[42:48])):
        for k, (rise, long) in enumerate(((-0.022, 0.044), (0.0, 0.05), (0.02, 0.042))):
            start = moved(corner, side * 0.012, 0.3 * rise)
            middle = moved(corner, side * (0.012 + 0.5 * long), 0.75 * rise)
            end = moved(corner, side * (0.012 + long), rise * 1.25 + 0.002 * k)
            pen.line(np.stack([start, middle, end]), 0.0065, 0.6 * squeeze, 0.35)
        low = eye[4] if side > 0 else eye[5], eye[5] if side > 0 else eye[4]
        bag = 0.5 * squeeze + 0.45 * max(0.0, does.lid_tighten)
        inner, outer = (eye[0], eye[3]) if side > 0 else (eye[3], eye[0])
        drop = np.array([0.0, 0.018])
        curve = np.stack([inner + drop, 0.5 * (low[0] + low[1]) + 1.15 * drop, outer + 0.8 * drop])
        pen.line(curve, 0.009, 0.12 + bag, 0.4)
        pen.bulge(curve - 0.4 * drop, 0.010, bag)


def _around_the_nose(pen: _Pen, who: Identity, does: Actions, at: Points) -> None:
    crease = max(0.0, does.nose_wrinkle)
    for side in (-1, 1):
        for k in range(2):
            y = at[27, 1] + 0.012 + 0.024 * k
            curve = np.array([(0.012, y - 0.008), (0.029, y), (0.040, y + 0.015)])
            pen.line(curve * (side, 1.0), 0.009, 0.95 * crease)
    if crease > 0.1:
        y = at[27, 1] - 0.012
        pen.line(np.array([(-0.022, y), (0.0, y + 0.005), (0.022, y)]), 0.010, 0.9 * crease)


def _around_the_mouth(pen: _Pen, who: Identity, does: Actions, lines: Shape) -> None:
    at = lines.landmarks
    sides = (
        (-1, at[31], at[48], does.smile_left, does.dimple_left),
        (1, at[35], at[54], does.smile_right, does.dimple_right),
    )
    for side, wing, corner, smile, dimple in sides:
        pull = max(0.0, smile) + 0.3 * max(0.0, dimple)
        sneer = max(0.0, does.lip_raise) + 0.3 * max(0.0, does.nose_wrinkle)
        start = moved(wing, side * 0.008, -0.016 - 0.008 * sneer)
        out = 0.022 + 0.012 * pull + 0.010 * sneer
        end = moved(corner, side * out, 0.012 + 0.014 * sneer)
        bow = 0.5 * (start + end) + (side * (0.008 + 0.014 * sneer + 0.008 * pull), -0.006)
        fold = np.stack([start, bow, end])
        pen.bulge(moved(fold, side * 0.016, -0.004), 0.02, 0.8 * pull + 0.8 * sneer)
        pen.line(fold, 0.014, 0.10 + 0.75 * pull + 0.8 * sneer, 0.45)
        sunk = max(0.0, does.corner_down)
        curve = np.stack(
            [
                moved(corner, side * 0.008, -0.002),
                moved(corner, side * 0.014, 0.022),
                moved(corner, side * 0.008, 0.050),
            ]
        )
        pen.line(curve, 0.011, 0.6 * sunk, 0.3)
        if dimple > 0:
            pit = moved(corner, side * 0.018, 0.0)
            arc = np.array([(-0.004, -0.026), (0.006, 0.0), (-0.004, 0.026)]) * (side, 1.0)
            pen.line(pit + arc, 0.014, 0.95 * dimple)
        pulled = max(0.0, does.stretch)
        curve = np.stack(
            [
                moved(corner, side * 0.012, -0.03),
                moved(corner, side * 0.022, 0.0),
                moved(corner, side * 0.012, 0.035),
            ]
        )
        pen.line(curve, 0.012, 0.7 * pulled)
    ball = max(0.0, does.chin_raise)
    if ball > 0.05:
        y = who.proportions.chin + lines.chin - 0.055
        curve = np.array([(-0.05, y - 0.006), (0.0, y - 0.024), (0.05, y - 0.006)])
        pen.line(curve, 0.014, 0.6 * ball)
        for x, dy in ((-0.026, 0.006), (0.02, 0.004), (-0.004, 0.016), (0.034, 0.014)):
            pen.line(
                np.array([(x, y + dy), (x + 0.006, y + dy + 0.003), (x + 0.012, y + dy)]),
                0.007,
                0.6 * ball,
            )


@cache
def _dots() -> Points:
    """Places on cheeks and nose, scattered once and for all."""
    x = ((np.arange(1, 61) * 0.61803398875) % 1.0) * 2.0 - 1.0
    y = (np.arange(1, 61) * 0.75487766625) % 1.0
    return np.stack([0.2 * x, 0.03 + 0.10 * y], 1)


def _freckles(who: Identity) -> Points:
    dots = _dots()
    start = who.seed % 20
    return dots[start : start + int(8 + 32 * who.freckles)]
