"""What each of the 40 tokens of programs is, as numbers, for the vectorised executors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import torch
from jaxtyping import Bool, Int8, Int64
from torch import Tensor

from sensorium.worlds.blocks.programs import TOKENS, read_token
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, DIRECTIONS, FUNCTIONS, VALUES, Kind

KINDS: Final[tuple[Kind | None, ...]] = (
    *(None, "set", "object", "integer", "boolean"),
    *ATTRIBUTES,
)
"""Kinds by number; 0 is nothing yet."""

LOOKUP, UNIQUE, UNION, INTERSECT, COUNT, EXIST, EQUAL, GREATER, LESS, NOTHING = range(10)
"""What a token does, by number."""

FILTERS, RELATIONS = 1, 1 + sum(map(len, VALUES.values()))
"""Columns of the facts: all objects, those of each value, then 4 directions, 4 likenesses and 4
attributes for each object."""

_DOES = {
    "unique": UNIQUE,
    "union": UNION,
    "intersect": INTERSECT,
    "count": COUNT,
    "exist": EXIST,
    "greater_than": GREATER,
    "less_than": LESS,
}


@dataclass(frozen=True)
class Table:
    """What each token is: 40 rows and one for padding.

    Attributes:
        does: `LOOKUP` ... `NOTHING`.
        fixed, per_item: the column of a lookup is ``fixed + width * per_item``, plus the object.
        of_item: whether a lookup asks about an object.
        narrows: whether the found set is intersected with the current one.
        takes, also: kinds of the inputs by number, 0 for none.
        gives: kind of the output by number, 0 for padding.
    """

    does: Int64[Tensor, "41"]
    fixed: Int64[Tensor, "41"]
    per_item: Int64[Tensor, "41"]
    of_item: Bool[Tensor, "41"]
    narrows: Bool[Tensor, "41"]
    takes: Int8[Tensor, "41"]
    also: Int8[Tensor, "41"]
    gives: Int8[Tensor, "41"]


@cache
def table() -> Table:
    """What each token is."""
    blocks = [
        *(f"relate[{direction}]" for direction in DIRECTIONS),
        *(f"{name}_{attribute}" for name in ("same", "query") for attribute in ATTRIBUTES),
    ]
    filters = [f"filter_{a}[{value}]" for a in ATTRIBUTES for value in VALUES[a]]
    does, fixed, per_item, kinds = [], [], [], []
    for token in TOKENS:
        step = read_token(token)
        function = FUNCTIONS[step.function]
        does.append(EQUAL if token.startswith("equal") else _DOES.get(token, LOOKUP))
        fixed.append(FILTERS + filters.index(token) if token in filters else 0)
        per_item.append(blocks.index(token) if token in blocks else -1)
        takes, also = (*function.takes, None, None)[:2]
        kinds.append([KINDS.index(kind) for kind in (takes, also, function.gives)])
    of_item = torch.tensor([*(block >= 0 for block in per_item), False])
    return Table(
        does=torch.tensor([*does, NOTHING]),
        fixed=torch.tensor([*fixed, 0]) + of_item * RELATIONS,
        per_item=torch.tensor([*per_item, 0]).clamp(min=0),
        of_item=of_item,
        narrows=torch.tensor([*(token in filters for token in TOKENS), False]),
        takes=torch.tensor([*(k[0] for k in kinds), 0], dtype=torch.int8),
        also=torch.tensor([*(k[1] for k in kinds), 0], dtype=torch.int8),
        gives=torch.tensor([*(k[2] for k in kinds), 0], dtype=torch.int8),
    )
