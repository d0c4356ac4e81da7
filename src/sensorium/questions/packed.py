"""The executor of NS-VQA (arXiv:1810.02338) over many questions at once: scenes as bit masks.

A set of objects is a number whose bit ``i`` says whether object ``i`` is in it. All that a program
can ask of one scene is looked up in one row of facts: which objects are red, which stand left of
object 3, which are like it in size, what its colour is. What is left are `unique`, `union`,
`intersect`, `count`, `exist` and comparisons. The answers are those of `executor.walk`, on
malformed programs too.

A set has an order in the published code, which shows in one place: `unique` of several objects
after a `union`. The union lists the saved branch first; every other function keeps or restores the
scene's order, and there is only one saved branch, in the scene's order. So one bit beside the mask
("the saved branch comes first") carries the order exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int8, Int16, Int64
from torch import Tensor

from sensorium.worlds.blocks.programs import TOKENS, read_token
from sensorium.worlds.blocks.scenes import MARGIN, Item
from sensorium.worlds.blocks.vocabulary import (
    ANSWERS,
    ATTRIBUTES,
    DIRECTIONS,
    FUNCTIONS,
    MOST,
    VALUES,
    Kind,
)

WIDEST = 15
"""Objects that a packed scene holds at most: sets are the 15 bits of an int16 without its sign."""

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

_FIRST_NUMBER = ANSWERS.index("0")
_OBJECT, _INTEGER = KINDS.index("object"), KINDS.index("integer")
_MASKS = (1 << WIDEST) - 1
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


@dataclass(frozen=True)
class PackedScenes:
    """Scenes as rows of facts.

    Attributes:
        facts: one row a scene. Column 0 is the set of all objects; 1..15 those of each value of
            size, color, material and shape; then, a block of ``width`` columns each with one column
            an object: the sets of those left of it, right, in front, behind; of those like it in
            size, color, material, shape; and its own size, color, material and shape as indices
            into `vocabulary.ANSWERS`.
        width: objects that a row has room for.
        strict: the generator's meaning of relations and of `unique` (see `executor`).

    Shape:
        ``facts``: ``int16 [B, 16 + 12 * width]``.
    """

    facts: Int16[Tensor, "B F"]
    width: int
    strict: bool = False

    def __len__(self) -> int:
        return len(self.facts)

    @classmethod
    def pack(cls, scenes: Sequence[Sequence[Item]], *, strict: bool = False) -> PackedScenes:
        """Pack lists of items.

        Raises:
            ValueError: when a scene has more than 15 items, or an item has an unknown value.
        """
        width = max([MOST, *(len(items) for items in scenes)])
        if width > WIDEST:
            worst = next(k for k, items in enumerate(scenes) if len(items) == width)
            raise ValueError(f"scene {worst} has {width} objects, expected at most {WIDEST}")
        values = np.full((len(scenes), width, 4), -1, np.int8)
        positions = np.zeros((len(scenes), width, 3))
        index = [{v: k for k, v in enumerate(VALUES[a])} for a in ATTRIBUTES]
        for s, items in enumerate(scenes):
            for i, item in enumerate(items):
                words = (item.size, item.color, item.material, item.shape)
                for a, word in enumerate(words):
                    if word not in index[a]:
                        raise ValueError(
                            f"object {i} of scene {s} has {ATTRIBUTES[a]} {word!r}, expected one "
                            f"of {', '.join(VALUES[ATTRIBUTES[a]])}"
                        )
                    values[s, i, a] = index[a][word]
                positions[s, i] = item.position
        count = torch.tensor([len(items) for items in scenes], dtype=torch.int64)
        return cls.from_tensors(
            torch.from_numpy(values), torch.from_numpy(positions), count, strict=strict
        )

    @classmethod
    def from_tensors(
        cls,
        values: Int8[Tensor, "B N 4"],
        positions: Float[Tensor, "B N 3"],
        count: Int[Tensor, "B"],
        *,
        strict: bool = False,
    ) -> PackedScenes:
        """Pack scenes that are tensors, on their device.

        Args:
            values: index into `VALUES` of size, color, material, shape; beyond ``count`` unread.
            positions: right, front, up, in the world's units.
            count: objects of each scene; they come first.
            strict: see the class.

        Raises:
            ValueError: when there is room for more than 15 objects, a count exceeds the room, or an
                object has a value that does not exist.
        """
        B, N, _ = values.shape
        if N > WIDEST:
            raise ValueError(f"got room for {N} objects a scene, expected at most {WIDEST}")
        device = values.device
        there = torch.arange(N, device=device) < count[:, None]
        sizes = torch.tensor([len(VALUES[a]) for a in ATTRIBUTES], device=device)
        wrong = ((values < 0) | (values >= sizes)) & there[..., None]
        if B and (bool(wrong.any()) or int(count.max()) > N or int(count.min()) < 0):
            raise ValueError(
                f"got counts of {int(count.min())} to {int(count.max())} objects and "
                f"{int(wrong.sum())} unknown values, expected 0 to {N} objects whose values are "
                "indices into vocabulary.VALUES"
            )
        step = _SCENES if device.type == "cpu" else max(1, B)
        parts = [
            _facts(values[k : k + step], positions[k : k + step], there[k : k + step], strict)
            for k in range(0, max(1, B), step)
        ]
        return cls(torch.cat(parts), N, strict)

    def take(self, index: Int64[Tensor, "Q"]) -> PackedScenes:
        """The scenes of these numbers, in this order, with repeats."""
        return PackedScenes(self.facts[index], self.width, self.strict)


def _facts(
    values: Int8[Tensor, "B N 4"],
    positions: Float[Tensor, "B N 3"],
    there: Bool[Tensor, "B N"],
    strict: bool,
) -> Int16[Tensor, "B F"]:
    """The rows of `PackedScenes`."""
    N, device = values.shape[1], values.device
    bits = (1 << torch.arange(N, device=device)).to(torch.float32)
    columns = [_sets(there, bits)[:, None]]
    for a, attribute in enumerate(ATTRIBUTES):
        options = torch.arange(len(VALUES[attribute]), device=device, dtype=torch.int8)
        columns.append(_sets((values[:, None, :, a] == options[:, None]) & there[:, None], bits))
    pairs = there[:, :, None] & there[:, None, :]  # [B, anchor, other]
    margin = MARGIN if strict else 0.0
    sides = {}
    for axis, (less, more) in enumerate((("left", "right"), ("behind", "front"))):
        along = positions[..., axis]
        gaps = along[:, None, :] - along[:, :, None]
        sides[less] = _sets((gaps < -margin) & pairs, bits)
        sides[more] = _sets((gaps > margin) & pairs, bits)
    columns += [sides[direction] for direction in DIRECTIONS]
    others = pairs & ~torch.eye(N, dtype=torch.bool, device=device)
    for a in range(len(ATTRIBUTES)):
        like = values[:, None, :, a] == values[:, :, None, a]
        columns.append(_sets(like & others, bits))
    for a, attribute in enumerate(ATTRIBUTES):
        start = ANSWERS.index(VALUES[attribute][0])
        columns.append(values[..., a].to(torch.int16) + start)
    return torch.cat(columns, 1)


def _sets(members: Bool[Tensor, "*B N"], bits: Float[Tensor, "N"]) -> Int16[Tensor, "*B"]:
    """Sets as numbers, exact in float32."""
    return (members.to(torch.float32) @ bits).to(torch.int16)


_SCENES = 1 << 10
CHUNK = 1 << 14
"""Questions that `execute_tokens` works on at a time, so that they stay in a processor's cache."""


@torch.no_grad()
def execute_tokens(tokens: Int64[Tensor, "B L"], scenes: PackedScenes) -> Int64[Tensor, "B"]:
    """Carry out one program on each scene, all programs in step.

    Reads tokens as `executor.walk` does (from right to left, two registers) and gives its answers.

    Args:
        tokens: indices into `programs.TOKENS` in prefix order; -1 is stepped over, wherever it is.
        scenes: as many, on the same device.

    Returns:
        Indices into `vocabulary.ANSWERS`, on the same device; -1 for a program that fails, ends in
        a set or an object, or counts more than the ten objects that CLEVR has numbers for.

    Raises:
        ValueError: when there are not as many programs as scenes, or a token does not exist.
    """
    if len(tokens) != len(scenes):
        raise ValueError(f"got {len(tokens)} programs and {len(scenes)} scenes, expected as many")
    check_range(tokens)
    step = CHUNK if tokens.device.type == "cpu" else max(1, len(tokens))
    parts = [
        _in_step(tokens[k : k + step], scenes.facts[k : k + step], scenes)
        for k in range(0, len(tokens), step)
    ]
    return torch.cat(parts) if parts else tokens.new_zeros(0)


def check_range(tokens: Int[Tensor, "B L"]) -> None:
    """Whether all tokens exist.

    Raises:
        ValueError: when one does not.
    """
    if tokens.numel() and (int(tokens.max()) >= len(TOKENS) or int(tokens.min()) < -1):
        raise ValueError(
            f"got tokens {int(tokens.min())} to {int(tokens.max())}, expected -1 (padding) to "
            f"{len(TOKENS) - 1}"
        )


def _in_step(
    tokens: Int64[Tensor, "B L"], facts: Int16[Tensor, "B F"], scenes: PackedScenes
) -> Int64[Tensor, "B"]:
    device = tokens.device
    known = _on(device, scenes.width)
    value = torch.zeros(len(tokens), dtype=torch.int16, device=device)
    saved = torch.zeros_like(value)
    kind = torch.zeros(len(tokens), dtype=torch.int8, device=device)
    saved_kind = torch.zeros_like(kind)
    saved_first = torch.zeros(len(tokens), dtype=torch.bool, device=device)
    fine = torch.ones_like(saved_first)
    tokens = torch.where(tokens < 0, len(TOKENS), tokens).T.contiguous()
    for token in reversed(tokens.unbind(0)):
        does, takes, also = known.does[token], known.takes[token], known.also[token]
        scene = token == known.scene
        fine &= (takes == 0) | (kind == takes)
        fine &= (also == 0) | (saved_kind == also)
        fine &= ~(scene & (saved_kind != 0))
        # What is looked up, for all: where nothing is, the column is one of the row's own.
        anchor = torch.where(known.of_item[token] & (kind == _OBJECT), value, 0)
        column = (known.column[token] + anchor).clamp(max=facts.shape[1] - 1)
        found = facts.gather(1, column[:, None])[:, 0]
        found = torch.where(known.narrows[token], found & value, found)
        both = value & saved
        front = torch.where(saved_first & (both != 0), both, value)
        pair = torch.stack([value, front]).long() & _MASKS
        size, first = known.size[pair[0]], known.first[pair[1]]
        fine &= (does != UNIQUE) | ((size == 1) if scenes.strict else (size > 0))
        truth = torch.where(does == GREATER, value > saved, value < saved)
        truth = torch.where(does == EQUAL, value == saved, truth)
        truth = torch.where(does == EXIST, size > 0, truth)
        new = torch.where(does >= EXIST, (~truth).to(torch.int16), found)  # yes 0, no 1
        new = torch.where(does == COUNT, size, new)
        new = torch.where(does == UNIQUE, first, new)
        new = torch.where(does == UNION, value | saved, new)
        new = torch.where(does == INTERSECT, both, new)
        new = torch.where(does == NOTHING, value, new)
        saved = torch.where(scene, value, saved)
        saved_kind = torch.where(scene, kind, saved_kind)
        restores = (does == LOOKUP) & ~known.narrows[token]
        saved_first = (saved_first & ~restores) | (does == UNION)
        value = new
        kind = torch.where(does == NOTHING, kind, known.gives[token])
    answer = torch.where(kind == _INTEGER, value + _FIRST_NUMBER, value)
    fine &= (kind > _OBJECT) & ((kind != _INTEGER) | (value <= MOST))
    return torch.where(fine, answer, -1).long()


@dataclass(frozen=True)
class _Known(Table):
    """The table on a device, for scenes of one width; sizes and first members of all sets."""

    column: Int64[Tensor, "41"]
    size: Int16[Tensor, "S"]
    first: Int16[Tensor, "S"]
    scene: int


@cache
def _on(device: torch.device, width: int) -> _Known:
    t = table()
    sets = np.arange(1 << WIDEST)
    bits = (sets[:, None] >> np.arange(WIDEST)) & 1
    return _Known(
        **{name: getattr(t, name).to(device) for name in Table.__dataclass_fields__},
        column=(t.fixed + width * t.per_item).to(device),
        size=torch.from_numpy(bits.sum(1).astype(np.int16)).to(device),
        first=torch.from_numpy(bits.argmax(1).astype(np.int16)).to(device),
        scene=TOKENS.index("scene"),
    )
