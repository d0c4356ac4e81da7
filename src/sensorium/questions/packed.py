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

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int8, Int16, Int64
from torch import Tensor

from sensorium.questions.token_table import (
    COUNT,
    EQUAL,
    EXIST,
    FILTERS,
    GREATER,
    INTERSECT,
    KINDS,
    LOOKUP,
    NOTHING,
    RELATIONS,
    UNION,
    UNIQUE,
    table,
)
from sensorium.worlds.blocks.programs import TOKENS
from sensorium.worlds.blocks.scenes import MARGIN, Item
from sensorium.worlds.blocks.vocabulary import (
    ANSWERS,
    ATTRIBUTES,
    DIRECTIONS,
    MOST,
    VALUES,
)

WIDEST = 15
"""Objects that a packed scene holds at most: sets are the 15 bits of an int16 without its sign."""

_FIRST_NUMBER = ANSWERS.index("0")
_OBJECT, _INTEGER = KINDS.index("object"), KINDS.index("integer")
_MASKS = (1 << WIDEST) - 1


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
        sizes = torch.tensor([len(VALUES[a]) for a in ATTRIBUTES], dtype=torch.int8, device=device)
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
    B, N, _ = values.shape
    device = values.device
    bits = (1 << torch.arange(N, device=device)).to(torch.int16)
    present = bits * there  # [B, N]
    values = values.transpose(1, 2).contiguous()  # [B, N, 4] -> [B, 4, N]
    sizes = torch.tensor([len(VALUES[a]) for a in ATTRIBUTES], dtype=torch.int8, device=device)
    first = (sizes.cumsum(0, dtype=torch.int8) - sizes)[:, None]
    which = (values.clamp(min=0).minimum(sizes[:, None] - 1) + first).long().flatten(1)
    having = torch.zeros(B, RELATIONS - FILTERS, dtype=torch.int16, device=device)
    having.scatter_add_(1, which, present.repeat(1, len(ATTRIBUTES)))
    alike = having.gather(1, which).view(B, len(ATTRIBUTES), N) & ~bits
    sides = {}
    for axis, (less, more) in enumerate((("left", "right"), ("behind", "front"))):
        along = positions[..., axis].masked_fill(~there, torch.nan)
        if strict:
            before = along[:, None, :] - along[:, :, None] < -MARGIN  # [B, anchor, other]
        else:
            before = along[:, None, :] < along[:, :, None]
        weights = before.to(torch.float32)
        exact = bits.to(torch.float32)  # sums of different bits: whole numbers below 2^15
        sides[less] = (weights @ exact).to(torch.int16)
        sides[more] = (weights.transpose(1, 2) @ exact).to(torch.int16)
    starts = torch.tensor([ANSWERS.index(VALUES[a][0]) for a in ATTRIBUTES], device=device)
    own = values.to(torch.int16) + starts.to(torch.int16)[:, None]
    columns = [present.sum(1, keepdim=True, dtype=torch.int16), having]
    columns += [sides[direction] for direction in DIRECTIONS]
    return torch.cat([*columns, alike.flatten(1), own.flatten(1)], 1)


_SCENES = 1 << 11
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


@dataclass
class _State:
    """What the programs of a batch have found so far: the current value and the saved one.

    Attributes:
        value, kind: the current value (a set, an object's number, a number, an index into ANSWERS)
            and its kind by number.
        saved, saved_kind: the same of the saved value.
        saved_first: whether the members of ``saved`` come first in the set ``value``.
        fine: whether nothing has failed.
    """

    value: Int16[Tensor, "B"]
    kind: Int16[Tensor, "B"]
    saved: Int16[Tensor, "B"]
    saved_kind: Int16[Tensor, "B"]
    saved_first: Bool[Tensor, "B"]
    fine: Bool[Tensor, "B"]

    def part(self, count: int) -> _State:
        """Its first rows; what is written there is written here."""
        return _State(*(getattr(self, name)[:count] for name in self.__dataclass_fields__))


def _in_step(
    tokens: Int64[Tensor, "B L"], facts: Int16[Tensor, "B F"], scenes: PackedScenes
) -> Int64[Tensor, "B"]:
    """Column after column from the right; the longest programs come first, the others join in."""
    (B, L), device = tokens.shape, tokens.device
    known = _on(device, scenes.width)
    place = torch.arange(1, L + 1, device=device)
    lengths = (place * (tokens >= 0)).amax(1) if L else tokens.new_zeros(B)
    order = lengths.argsort(descending=True)
    tokens, facts = tokens[order], facts[order]
    tokens = torch.where(tokens < 0, len(TOKENS), tokens).T.contiguous()  # [L, B]
    joined = (lengths >= place[:, None]).sum(1).tolist()
    value, kind, saved, saved_kind = torch.zeros(4, B, dtype=torch.int16, device=device)
    fine = torch.ones(B, dtype=torch.bool, device=device)
    state = _State(value, kind, saved, saved_kind, torch.zeros_like(fine), fine)
    for column in range(L - 1, -1, -1):
        if count := joined[column]:
            _step(tokens[column, :count], facts[:count], state.part(count), known, scenes.strict)
    integer = state.kind == _INTEGER
    answer = torch.where(integer, state.value + _FIRST_NUMBER, state.value)
    fine = fine & (state.kind > _OBJECT) & (~integer | (state.value <= MOST))
    return torch.empty_like(order).scatter_(0, order, torch.where(fine, answer, -1).long())


def _step(
    token: Int64[Tensor, "B"],
    facts: Int16[Tensor, "B F"],
    now: _State,
    known: _Known,
    strict: bool,
) -> None:
    """One token of each program; writes into ``now``."""
    does, takes, also, gives, of_item, narrows, column = known.rows.index_select(1, token)
    value, saved = now.value, now.saved
    scene = token == known.scene
    now.fine &= (takes == 0) | (now.kind == takes)
    now.fine &= (also == 0) | (now.saved_kind == also)
    now.fine &= ~(scene & (now.saved_kind != 0))
    # What is looked up, for all: where nothing is, the column is one of the row's own.
    anchor = value & torch.where(now.kind == _OBJECT, of_item, 0)
    column = (column + anchor).clamp(max=facts.shape[1] - 1)
    found = facts.gather(1, column.long()[:, None])[:, 0]
    found = found & (value | ~narrows)
    both = value & saved
    front = torch.where(now.saved_first & (both != 0), both, value)
    size = known.size[value.long() & _MASKS]
    first = known.first[front.long() & _MASKS]
    now.fine &= (does != UNIQUE) | ((size == 1) if strict else (size > 0))
    truth = torch.where(does == GREATER, value > saved, value < saved)
    truth = torch.where(does == EQUAL, value == saved, truth)
    truth = torch.where(does == EXIST, size > 0, truth)
    new = torch.where(does >= EXIST, (~truth).to(torch.int16), found)  # yes 0, no 1
    new = torch.where(does == COUNT, size, new)
    new = torch.where(does == UNIQUE, first, new)
    new = torch.where(does == UNION, value | saved, new)
    new = torch.where(does == INTERSECT, both, new)
    new = torch.where(does == NOTHING, value, new)
    now.saved.copy_(torch.where(scene, value, saved))
    now.saved_kind.copy_(torch.where(scene, now.kind, now.saved_kind))
    kept = (does != LOOKUP) | (narrows != 0)
    now.saved_first.copy_((now.saved_first & kept) | (does == UNION))
    now.value.copy_(new)
    now.kind.copy_(torch.where(does == NOTHING, now.kind, gives))


@dataclass(frozen=True)
class _Known:
    """The table on a device, for scenes of one width; sizes and first members of all sets.

    Attributes:
        rows: of each token: what it does, kinds of its inputs and its output, all ones (-1) or 0
            for whether a lookup asks about an object and for whether it narrows, column.
        size, first: of each set.
        scene: the token.
    """

    rows: Int16[Tensor, "7 41"]
    size: Int16[Tensor, "S"]
    first: Int16[Tensor, "S"]
    scene: int


@cache
def _on(device: torch.device, width: int) -> _Known:
    t = table()
    sets = np.arange(1 << WIDEST)
    bits = (sets[:, None] >> np.arange(WIDEST)) & 1
    rows = [t.does, t.takes, t.also, t.gives, -t.of_item.long(), -t.narrows.long()]
    rows.append(t.fixed + width * t.per_item)
    return _Known(
        rows=torch.stack([row.to(torch.int16) for row in rows]).to(device),
        size=torch.from_numpy(bits.sum(1).astype(np.int16)).to(device),
        first=torch.from_numpy(bits.argmax(1).astype(np.int16)).to(device),
        scene=TOKENS.index("scene"),
    )
