"""Sheets: many small portraits side by side, people by expressions or by degrees."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium.worlds.portraits.actions import EXPRESSIONS
from sensorium.worlds.portraits.people import Identity
from sensorium.worlds.portraits.portrait import Face, draw

Picture = UInt8[Tensor, "3 H W"]

REST: tuple[float, ...] = (0.0,) * len(EXPRESSIONS)
"""The degrees of a face at rest."""


def degrees_of(expression: str, degree: float = 1.0) -> tuple[float, ...]:
    """The vector of degrees of one expression."""
    return tuple(degree if name == expression else 0.0 for name in EXPRESSIONS)


def expressions_sheet(people: Sequence[Identity], size: int, gap: int = 2) -> Picture:
    """A row per person: at rest, then each expression at degree 1, in the order of `EXPRESSIONS`.

    Args:
        people: who.
        size: of a portrait, in pixels.
        gap: white pixels between two.
    """
    columns = (REST, *(degrees_of(name) for name in EXPRESSIONS))
    return _laid([[Face(who, degrees) for degrees in columns] for who in people], size, gap)


def degrees_sheet(
    people: Sequence[Identity], degrees: Sequence[float], size: int, gap: int = 2
) -> Picture:
    """A row per expression: its degrees from left to right, a person per row in turn."""
    rows = [
        [Face(people[i % len(people)], degrees_of(name, degree)) for degree in degrees]
        for i, name in enumerate(EXPRESSIONS)
    ]
    return _laid(rows, size, gap)


def _laid(rows: Sequence[Sequence[Face]], size: int, gap: int) -> Picture:
    step = size + gap
    sheet = torch.full(
        (3, step * len(rows) + gap, step * len(rows[0]) + gap), 255, dtype=torch.uint8
    )
    for i, row in enumerate(rows):
        for j, face in enumerate(row):
            top, left = gap + i * step, gap + j * step
            sheet[:, top : top + size, left : left + size] = draw(face, size).frame
    return sheet
