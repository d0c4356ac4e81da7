"""What a face does: facial action units (FACS), and the seven expressions as sets of them.

An expression of degree 1 moves each of its action units by the amount in `RECIPES`; a degree
in between moves them by that share, and several expressions at once add up. Each person moves
each unit a little more or less than others (`people.Identity.style`), so that two people never
smile alike. Left and right are those of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from numpy.typing import NDArray

EXPRESSIONS = (
    "happy",
    "sad",
    "surprised",
    "angry",
    "disgusted",
    "afraid",
    "contemptuous",
)
"""The expressions, in the order of every vector of degrees."""


@dataclass(frozen=True)
class Actions:
    """How far each action unit (AU) is engaged: 0 is rest, 1 is strong."""

    inner_brow: float = 0.0  # AU 1
    outer_brow_left: float = 0.0  # AU 2
    outer_brow_right: float = 0.0
    brow_lower: float = 0.0  # AU 4
    lid_raise: float = 0.0  # AU 5
    cheek_raise: float = 0.0  # AU 6
    lid_tighten: float = 0.0  # AU 7
    nose_wrinkle: float = 0.0  # AU 9
    lip_raise: float = 0.0  # AU 10
    smile_left: float = 0.0  # AU 12
    smile_right: float = 0.0
    dimple_left: float = 0.0  # AU 14
    dimple_right: float = 0.0
    corner_down: float = 0.0  # AU 15
    lower_lip_down: float = 0.0  # AU 16
    chin_raise: float = 0.0  # AU 17
    pucker: float = 0.0  # AU 18
    stretch: float = 0.0  # AU 20
    tighten: float = 0.0  # AU 23
    press: float = 0.0  # AU 24
    part: float = 0.0  # AU 25
    jaw_drop: float = 0.0  # AU 26
    flare: float = 0.0  # AU 38
    droop: float = 0.0  # AU 43, lids that hang
    look_down: float = 0.0  # AU 64
    look_right: float = 0.0  # AU 62


UNITS = tuple(field.name for field in fields(Actions))
"""The names of the action units, in order."""

RECIPES: dict[str, dict[str, float]] = {
    "happy": {
        "smile_left": 1.0,
        "smile_right": 1.0,
        "cheek_raise": 0.9,
        "lid_tighten": 0.15,
        "part": 0.8,
        "lip_raise": 0.12,
        "jaw_drop": 0.16,
        "inner_brow": 0.1,
        "outer_brow_left": 0.12,
        "outer_brow_right": 0.12,
    },
    "sad": {
        "inner_brow": 1.15,
        "brow_lower": 0.3,
        "corner_down": 1.05,
        "chin_raise": 0.75,
        "droop": 0.5,
        "look_down": 0.45,
    },
    "surprised": {
        "inner_brow": 1.1,
        "outer_brow_left": 0.85,
        "outer_brow_right": 0.85,
        "lid_raise": 1.0,
        "part": 0.7,
        "jaw_drop": 1.0,
        "pucker": 0.75,
    },
    "angry": {
        "brow_lower": 1.25,
        "lid_raise": 0.35,
        "lid_tighten": 0.55,
        "tighten": 0.6,
        "press": 0.9,
        "chin_raise": 0.35,
        "corner_down": 0.3,
        "outer_brow_left": 0.25,
        "outer_brow_right": 0.25,
        "flare": 1.0,
    },
    "disgusted": {
        "nose_wrinkle": 1.1,
        "lip_raise": 1.1,
        "lower_lip_down": 0.3,
        "brow_lower": 0.55,
        "cheek_raise": 0.6,
        "lid_tighten": 0.85,
        "corner_down": 0.55,
        "chin_raise": 0.3,
        "part": 0.25,
        "flare": 0.5,
    },
    "afraid": {
        "inner_brow": 1.1,
        "outer_brow_left": 0.35,
        "outer_brow_right": 0.35,
        "brow_lower": 0.55,
        "lid_raise": 1.1,
        "lid_tighten": 0.1,
        "stretch": 1.0,
        "lip_raise": 0.22,
        "part": 0.55,
        "jaw_drop": 0.28,
        "lower_lip_down": 0.7,
        "corner_down": 0.25,
    },
    "contemptuous": {
        "smile_right": 0.85,
        "dimple_right": 1.0,
        "droop": 0.5,
        "outer_brow_right": 0.6,
        "press": 0.3,
        "look_right": 0.5,
    },
}
"""The amount of each action unit at degree 1, after Ekman's prototypes."""


@cache
def amounts() -> NDArray[np.float64]:
    """`RECIPES` as a table ``[7, units]``, the smirk on the right."""
    table = np.zeros((len(EXPRESSIONS), len(UNITS)))
    for row, name in enumerate(EXPRESSIONS):
        for unit, amount in RECIPES[name].items():
            table[row, UNITS.index(unit)] = amount
    return table


@cache
def swapped() -> NDArray[np.float64]:
    """The same table with the smirk on the left."""
    table = amounts().copy()
    for name in ("outer_brow", "smile", "dimple"):
        left, right = UNITS.index(f"{name}_left"), UNITS.index(f"{name}_right")
        table[:, [left, right]] = table[:, [right, left]]
    table[:, UNITS.index("look_right")] *= -1
    return table


def actions(
    degrees: tuple[float, ...], style: tuple[float, ...], gain: float, smirk_left: bool
) -> Actions:
    """What a person does at the degrees of the seven expressions.

    Args:
        degrees: one of 0..1 per expression.
        style: a factor per action unit.
        gain: how expressive the person is, a factor on all of them.
        smirk_left: on which side contempt shows.
    """
    table = swapped() if smirk_left else amounts()
    moved = np.zeros(len(UNITS))
    for degree, row in zip(degrees, table, strict=True):  # in order: the same bits everywhere
        if degree:
            moved = moved + degree * row
    moved = np.clip(moved * np.array(style) * gain, -1.3, 1.3)
    return Actions(*moved.tolist())
