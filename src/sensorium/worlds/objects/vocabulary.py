"""What an object can be: its shape, its texture, its colour, and what stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cue = Literal["shape", "texture", "both", "conflict"]
"""Which cue tells the class.

``shape``: the shape; the texture is drawn independently. ``texture``: the texture; the shape is
drawn independently. ``both``: shape and texture have the same number, which is the class.
``conflict``: the shape is the class, and the texture is always another class's (as ``both`` has
them).
"""
CUES: tuple[Cue, ...] = ("shape", "texture", "both", "conflict")

SHAPES = ("disc", "square", "triangle", "cross", "ring", "star", "crescent", "arrow")
TEXTURES = ("plain", "stripes", "checks", "dots", "grid", "speckles", "rings", "waves")
COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "grey")
BACKGROUNDS = ("flat", "gradient", "clouds", "split")

Category = Literal["shape", "texture", "colour", "part"]


@dataclass(frozen=True)
class Concept:
    """Something that a pixel can belong to.

    Attributes:
        name: unique among all concepts.
        category: concepts of one category that are of the same object exclude each other.
    """

    name: str
    category: Category


CONCEPTS: tuple[Concept, ...] = (
    *(Concept(f"{name} shape", "shape") for name in SHAPES),
    *(Concept(f"{name} texture", "texture") for name in TEXTURES),
    *(Concept(name, "colour") for name in COLOURS),
    Concept("edges", "part"),
    Concept("background", "part"),
)
"""All 26, in the order of `Objects.concepts`. A colour is annotated on object and background."""


def classes(cue: Cue = "shape") -> tuple[str, ...]:
    """The class names under a cue.

    Raises:
        ValueError: for an unknown cue.
    """
    if cue not in CUES:
        raise ValueError(f"cue must be one of {', '.join(CUES)}, got {cue!r}")
    return TEXTURES if cue == "texture" else SHAPES
