"""What stands behind, before and above the performers: scenery, foreground things, light.

Everything is drawn once per episode and size on a canvas larger than the picture, out of which
the camera then cuts each frame.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from sensorium.seeds import generator
from sensorium.worlds.stage.looks.paint import (
    DARK,
    STEEL,
    Colour,
    Shape,
    bar,
    box,
    disc,
    oval,
    polygon,
    shade,
)
from sensorium.worlds.stage.script import Backdrop

Picture = NDArray[np.uint8]  # [H, W, 3]

MARGIN = 0.25
"""How far the canvas goes beyond the picture on each side, in widths and heights."""

WALLS: dict[str, Colour] = {
    "slate": (92, 104, 118),
    "umber": (120, 92, 70),
    "sand": (206, 188, 152),
    "sky": (150, 190, 224),
    "moss": (104, 124, 84),
    "plum": (96, 62, 92),
    "night": (30, 34, 58),
    "rose": (206, 156, 158),
    "mint": (164, 208, 186),
    "brick": (150, 78, 60),
    "ash": (168, 168, 164),
    "ink": (44, 44, 48),
}
"""Colours of walls and floors."""


def _plain(canvas: Picture, colours: tuple[Colour, Colour], rng: np.random.Generator) -> None:
    ramp = np.linspace(float(rng.uniform(0.7, 1.0)), float(rng.uniform(0.9, 1.2)), len(canvas))
    canvas[:] = np.clip(ramp[:, None, None] * np.array(colours[0]), 0, 255).astype(np.uint8)


def _stripes(canvas: Picture, colours: tuple[Colour, Colour], rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    canvas[:] = colours[0]
    period = float(rng.uniform(0.06, 0.25)) * min(height, width)
    slope = float(rng.uniform(-1.0, 1.0)) * height
    for i in range(-int(height / period) - 1, int((width + height) / period) + 2):
        x = i * period
        corners = [
            (x, 0),
            (x + 0.5 * period, 0),
            (x + 0.5 * period + slope, height),
            (x + slope, height),
        ]
        cv2.fillConvexPoly(canvas, np.array(corners, np.int32), colours[1], cv2.LINE_AA)


def _checks(canvas: Picture, colours: tuple[Colour, Colour], rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    side = max(2, int(rng.uniform(0.08, 0.2) * min(height, width)))
    odd = (np.arange(height)[:, None] // side + np.arange(width)[None] // side) % 2
    canvas[:] = np.where(odd[..., None] == 1, colours[1], colours[0]).astype(np.uint8)


def _curtain(canvas: Picture, colours: tuple[Colour, Colour], rng: np.random.Generator) -> None:
    width = canvas.shape[1]
    folds = float(rng.uniform(5, 14))
    phase = np.linspace(0, 2 * np.pi * folds, width) + float(rng.uniform(0, 6))
    depth = 0.78 + 0.22 * np.sin(phase + 0.6 * np.sin(0.31 * phase))
    canvas[:] = (depth[None, :, None] * np.array(colours[0])).astype(np.uint8)


def _bricks(canvas: Picture, colours: tuple[Colour, Colour], rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    tall = max(3, int(rng.uniform(0.05, 0.1) * min(height, width)))
    canvas[:] = colours[1]
    for row in range(height // tall + 1):
        shift = (row % 2) * tall
        for left in range(-shift, width, 2 * tall):
            tone = shade(colours[0], float(rng.uniform(0.85, 1.1)))
            top = row * tall
            cv2.rectangle(canvas, (left, top), (left + 2 * tall - 2, top + tall - 2), tone, -1)


def _dots(canvas: Picture, colours: tuple[Colour, Colour], rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    canvas[:] = colours[0]
    for _ in range(int(rng.integers(12, 45))):
        at = (int(rng.integers(width)), int(rng.integers(height)))
        radius = max(1, int(rng.uniform(0.01, 0.06) * min(height, width)))
        tone = shade(colours[1], float(rng.uniform(0.8, 1.3)))
        cv2.circle(canvas, at, radius, tone, -1, cv2.LINE_AA)


def _skyline(canvas: Picture, colours: tuple[Colour, Colour], rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    _plain(canvas, colours, rng)
    x = 0
    while x < width:
        wide, tall = int(rng.uniform(0.05, 0.16) * width) + 1, int(rng.uniform(0.2, 0.6) * height)
        tone = shade(colours[1], float(rng.uniform(0.7, 1.1)))
        cv2.rectangle(canvas, (x, height - tall), (x + wide, height), tone, -1)
        x += wide


def _hills(canvas: Picture, colours: tuple[Colour, Colour], rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    _plain(canvas, colours, rng)
    for i in range(3):
        x = np.linspace(0, 1, 24)
        line = (
            0.35 + 0.13 * i + 0.07 * np.sin(2 * np.pi * (x * rng.uniform(0.6, 2.2) + rng.uniform()))
        )
        outline = np.stack([x * width, line * height], 1)
        outline = np.concatenate([outline, [(width, height), (0, height)]]).astype(np.int32)
        cv2.fillPoly(canvas, [outline], shade(colours[1], 1.15 - 0.2 * i), cv2.LINE_AA)


PATTERNS: dict[str, Callable[[Picture, tuple[Colour, Colour], np.random.Generator], None]] = {
    "plain": _plain,
    "stripes": _stripes,
    "checks": _checks,
    "curtain": _curtain,
    "bricks": _bricks,
    "dots": _dots,
    "skyline": _skyline,
    "hills": _hills,
}
"""What the wall looks like."""


def canvas_size(height: int, width: int) -> tuple[int, int]:
    """Height and width in pixels of the canvas for a picture."""
    return height + 2 * round(MARGIN * height), width + 2 * round(MARGIN * width)


def scenery(backdrop: Backdrop, height: int, width: int) -> Picture:
    """The canvas: wall, floor and grain."""
    rng = generator(backdrop.seed, "scenery")
    tall, wide = canvas_size(height, width)
    canvas = np.empty((tall, wide, 3), np.uint8)
    wall, second, ground = (WALLS[name] for name in backdrop.hues)
    PATTERNS[backdrop.pattern](canvas, (wall, second), rng)
    edge = int(float(rng.uniform(0.66, 0.86)) * tall)
    ramp = np.linspace(0.8, 1.15, tall - edge)[:, None, None] * np.array(ground)
    canvas[edge:] = np.clip(ramp, 0, 255).astype(np.uint8)
    if rng.uniform() < 0.5:  # boards
        for x in np.linspace(-0.5, 1.5, 24):
            foot = int((0.5 + (x - 0.5) * 2.0) * wide)
            cv2.line(
                canvas, (int(x * wide), edge), (foot, tall), shade(ground, 0.75), 1, cv2.LINE_AA
            )
    return _grained(canvas, backdrop.grain, rng)


def _grained(canvas: Picture, amount: float, rng: np.random.Generator) -> Picture:
    """The canvas with fine and coarse noise on it."""
    tall, wide = canvas.shape[:2]
    share = round(128 * amount)
    noise = np.full((tall, wide), 128 * 256, np.int32)
    for cell in (2, 9):
        small = rng.integers(0, 256, (tall // cell + 2, wide // cell + 2), np.uint8)
        layer = cv2.resize(small, (wide, tall), interpolation=cv2.INTER_LINEAR_EXACT)
        noise += share * (layer.astype(np.int32) - 128)
    factor = np.clip(noise >> 8, 0, 255).astype(np.uint8)
    grained: Picture = cv2.multiply(canvas, cv2.merge([factor, factor, factor]), scale=1.0 / 128.0)
    return grained


def light(backdrop: Backdrop, height: int, width: int) -> Picture:
    """A factor per pixel and colour, 128 is neutral; fixed to the picture."""
    gain = backdrop.light * (1.0 + 0.12 * backdrop.warmth * np.array([1.0, 0.1, -1.0]))
    field = np.ones((height, width), np.float64)
    if backdrop.spot is not None:
        x = (np.arange(width) + 0.5) / width - 0.5 - backdrop.spot
        y = (np.arange(height) + 0.5) / height - 0.5
        field = 0.72 + 0.5 * np.exp(-(x[None] ** 2 / 0.10 + y[:, None] ** 2 / 0.5))
    return np.clip(128.0 * field[..., None] * gain, 0, 255).astype(np.uint8)


def _speaker(rng: np.random.Generator) -> list[Shape]:
    return [
        box(-0.3, 0.0, 0.3, 1.0, (46, 46, 50)),
        disc(0.0, 0.3, 0.15, (84, 84, 90)),
        disc(0.0, 0.68, 0.24, (84, 84, 90)),
        disc(0.0, 0.68, 0.1, (30, 30, 32)),
    ]


def _plant(rng: np.random.Generator) -> list[Shape]:
    shapes: list[Shape] = []
    for angle in rng.uniform(-1.1, 1.1, 7):
        tip = (0.6 * float(np.sin(angle)), 0.62 - 0.6 * float(np.cos(angle)))
        green = (30, int(rng.integers(90, 150)), 50)
        shapes.append(bar((0.0, 0.65), tip, 0.14, green, 0.02))
    return [*shapes, polygon([(-0.2, 0.62), (0.2, 0.62), (0.14, 1.0), (-0.14, 1.0)], (158, 88, 58))]


def _stand(rng: np.random.Generator) -> list[Shape]:
    return [
        bar((0.0, 0.1), (0.0, 1.0), 0.05, STEEL),
        bar((0.0, 0.15), (0.22, 0.02), 0.05, STEEL),
        oval(0.25, 0.0, 0.08, 0.06, DARK),
        oval(0.0, 1.0, 0.25, 0.04, DARK),
    ]


def _listener(rng: np.random.Generator) -> list[Shape]:
    tone = shade((60, 52, 58), float(rng.uniform(0.4, 1.2)))
    return [disc(0.0, 0.3, 0.2, tone, 16), oval(0.0, 0.95, 0.42, 0.5, tone, 18)]


def _balloon(rng: np.random.Generator) -> list[Shape]:
    tone: Colour = tuple(int(c) for c in rng.integers(80, 240, 3))  # type: ignore[assignment]
    return [
        bar((0.0, 0.4), (0.05, 1.0), 0.02, STEEL),
        oval(0.0, 0.2, 0.2, 0.25, tone, 18),
        oval(-0.06, 0.12, 0.04, 0.06, shade(tone, 1.6), 8),
    ]


PROPS: dict[str, Callable[[np.random.Generator], list[Shape]]] = {
    "speaker": _speaker,
    "plant": _plant,
    "stand": _stand,
    "listener": _listener,
    "balloon": _balloon,
}
"""Things in the foreground: from y = 0 (top) to y = 1 (foot), x = 0 is the middle."""
