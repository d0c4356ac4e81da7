"""What blocks can be, and which functions a program is made of: CLEVR's words in CLEVR's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Attribute = Literal["size", "color", "material", "shape"]
Direction = Literal["left", "right", "front", "behind"]
Kind = Literal["set", "object", "integer", "boolean", "size", "color", "material", "shape"]
"""What flows between the functions of a program."""

ATTRIBUTES: tuple[Attribute, ...] = ("size", "color", "material", "shape")
"""In the order in which CLEVR's programs filter."""

SIZES = ("large", "small")
COLORS = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")
MATERIALS = ("rubber", "metal")
SHAPES = ("cube", "sphere", "cylinder")
DIRECTIONS: tuple[Direction, ...] = ("left", "right", "front", "behind")

VALUES: dict[Attribute, tuple[str, ...]] = {
    "size": SIZES,
    "color": COLORS,
    "material": MATERIALS,
    "shape": SHAPES,
}

RADIUS = {"large": 0.7, "small": 0.35}
"""Half the height of a block, in the world's units."""

MOST = 10
"""Blocks that a scene holds at most."""

ANSWERS = (
    *("yes", "no"),
    *(str(n) for n in range(MOST + 1)),
    *COLORS,
    *SHAPES,
    *SIZES,
    *MATERIALS,
)
"""All 28 answers; as in CLEVR's files they are strings."""


@dataclass(frozen=True)
class Function:
    """A function of CLEVR's catalogue.

    Attributes:
        takes: kinds of its inputs.
        gives: kind of its output.
        values: the values that it can be given; none when it takes no value.
    """

    takes: tuple[Kind, ...]
    gives: Kind
    values: tuple[str, ...] = ()


FUNCTIONS: dict[str, Function] = {
    "scene": Function((), "set"),
    **{f"filter_{a}": Function(("set",), "set", VALUES[a]) for a in ATTRIBUTES},
    "unique": Function(("set",), "object"),
    "relate": Function(("object",), "set", DIRECTIONS),
    **{f"same_{a}": Function(("object",), "set") for a in ATTRIBUTES},
    "union": Function(("set", "set"), "set"),
    "intersect": Function(("set", "set"), "set"),
    "count": Function(("set",), "integer"),
    "exist": Function(("set",), "boolean"),
    **{f"query_{a}": Function(("object",), a) for a in ATTRIBUTES},
    **{f"equal_{a}": Function((a, a), "boolean") for a in ATTRIBUTES},
    "equal_integer": Function(("integer", "integer"), "boolean"),
    "greater_than": Function(("integer", "integer"), "boolean"),
    "less_than": Function(("integer", "integer"), "boolean"),
}
"""CLEVR's functions (arXiv:1612.06890, appendix B) by the names of its published files."""
