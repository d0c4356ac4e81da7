"""What looks are drawn with: colours with names, and polygons in the performer's own frame.

In that frame the performer is one unit high, its middle is the origin, x points to where it
faces and y points down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sensorium.seeds import generator
from sensorium.worlds.stage.script import Performer

Colour = tuple[int, int, int]
Points = NDArray[np.float64]  # [N, 2]
Shape = tuple[Points, Colour]
"""A filled polygon."""

COLOURS: dict[str, Colour] = {
    "red": (212, 44, 44),
    "orange": (238, 134, 32),
    "yellow": (240, 212, 56),
    "green": (52, 160, 74),
    "blue": (46, 96, 214),
    "purple": (134, 62, 176),
    "pink": (240, 130, 180),
    "white": (236, 236, 232),
}
"""What an instrument can be called in a sentence."""

COSTUMES: dict[str, Colour] = {
    "black": (38, 38, 44),
    "grey": (112, 114, 120),
    "brown": (110, 74, 48),
    "navy": (38, 50, 92),
    "olive": (98, 104, 52),
    "maroon": (104, 34, 46),
    "cream": (222, 208, 176),
    "teal": (34, 112, 116),
}
SKINS: tuple[Colour, ...] = (
    (250, 220, 192),
    (228, 184, 146),
    (196, 144, 104),
    (146, 98, 66),
    (98, 64, 44),
)
HAIRS: tuple[Colour, ...] = (
    (30, 24, 22),
    (92, 58, 30),
    (206, 166, 86),
    (168, 72, 36),
    (190, 190, 190),
)
STEEL: Colour = (176, 182, 190)
DARK: Colour = (34, 30, 32)
IVORY: Colour = (246, 242, 230)
WOOD: Colour = (150, 98, 54)


def shade(colour: Colour, factor: float) -> Colour:
    """Darker (below 1) or lighter (above 1, towards white)."""
    if factor <= 1.0:
        return (int(colour[0] * factor), int(colour[1] * factor), int(colour[2] * factor))
    share = min(1.0, factor - 1.0)
    return tuple(int(c + (255 - c) * share) for c in colour)  # type: ignore[return-value]


@dataclass(frozen=True)
class Paint:
    """The colours and details of one performer.

    Attributes:
        main: the instrument's colour, with the performer's own shade.
        costume: the clothes'.
        skin: of head and hands.
        hair: and of hats.
        head: which head (bald, hair, cap, top hat, bun).
        fan: the two colours of the fan.
        flag: of the flag that is waved.
    """

    main: Colour
    costume: Colour
    skin: Colour
    hair: Colour
    head: int
    fan: tuple[Colour, Colour]
    flag: Colour

    @property
    def dark(self) -> Colour:
        """The instrument's colour in the shade."""
        return shade(self.main, 0.62)

    @property
    def light(self) -> Colour:
        """The instrument's colour in the light."""
        return shade(self.main, 1.35)


def paint(performer: Performer) -> Paint:
    """The colours of one performer: those that it is called by, slightly varied, and free ones."""
    rng = generator(performer.look, "paint")
    bright = float(rng.uniform(0.86, 1.1))
    jitter = rng.integers(-12, 13, 3)
    base = shade(COLOURS[performer.colour], bright)
    main: Colour = tuple(int(np.clip(c + j, 0, 255)) for c, j in zip(base, jitter, strict=True))  # type: ignore[assignment]
    names = list(COLOURS)
    first = COLOURS[names[int(rng.integers(len(names)))]]
    second = COSTUMES["cream"] if rng.uniform() < 0.5 else shade(first, 0.55)
    return Paint(
        main=main,
        costume=shade(COSTUMES[performer.costume], float(rng.uniform(0.85, 1.15))),
        skin=SKINS[int(rng.integers(len(SKINS)))],
        hair=HAIRS[int(rng.integers(len(HAIRS)))],
        head=int(rng.integers(5)),
        fan=(shade(first, 1.1), second),
        flag=COLOURS[names[int(rng.integers(len(names)))]],
    )


@lru_cache(maxsize=64)
def _circle(corners: int) -> Points:
    angle = np.arange(corners) * (2.0 * np.pi / corners)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def disc(x: float, y: float, radius: float, colour: Colour, corners: int = 12) -> Shape:
    """A filled circle."""
    return _circle(corners) * radius + (x, y), colour


def oval(x: float, y: float, rx: float, ry: float, colour: Colour, corners: int = 16) -> Shape:
    """A filled upright ellipse."""
    return _circle(corners) * (rx, ry) + (x, y), colour


def box(left: float, top: float, right: float, bottom: float, colour: Colour) -> Shape:
    """A filled upright rectangle."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)]), colour


def polygon(corners: Sequence[tuple[float, float]], colour: Colour) -> Shape:
    """Any filled polygon."""
    return np.array(corners, np.float64), colour


def bar(
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
    colour: Colour,
    end_width: float | None = None,
) -> Shape:
    """A straight bar between two points, perhaps of another width at its end."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1e-9
    nx, ny = -0.5 * dy / length, 0.5 * dx / length
    last = width if end_width is None else end_width
    return np.array(
        [
            (start[0] + nx * width, start[1] + ny * width),
            (end[0] + nx * last, end[1] + ny * last),
            (end[0] - nx * last, end[1] - ny * last),
            (start[0] - nx * width, start[1] - ny * width),
        ]
    ), colour


def turned(shapes: Sequence[Shape], angle: float, x: float, y: float) -> list[Shape]:
    """The shapes turned by ``angle`` (radians, from x towards y) about the point ``(x, y)``."""
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.array([[c, s], [-s, c]])
    return [((points - (x, y)) @ matrix + (x, y), colour) for points, colour in shapes]
