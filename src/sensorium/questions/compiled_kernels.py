"""The inner loops of the compiled executor, by Numba: types once, then answers.

All in one file: Numba's cache notices a change of the file that holds a function, not of the
functions that it calls. The numbers of kinds and of what a token does are those of `token_table`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from jaxtyping import Bool, Int8, Int16, Int32, Int64

from sensorium.questions.token_table import (
    COUNT,
    EQUAL,
    EXIST,
    GREATER,
    INTERSECT,
    KINDS,
    LOOKUP,
    UNION,
    UNIQUE,
)
from sensorium.worlds.blocks.programs import TOKENS
from sensorium.worlds.blocks.vocabulary import ANSWERS, MOST

OBJECT, INTEGER = KINDS.index("object"), KINDS.index("integer")
FIRST_NUMBER = ANSWERS.index("0")
SCENE = TOKENS.index("scene")

Code = tuple[
    Int8[np.ndarray, "M"], Int32[np.ndarray, "M 2"], Int64[np.ndarray, "N1"], Bool[np.ndarray, "N"]
]
"""Tokens and inputs of all steps, where each program starts, and which are well formed."""

Table = tuple[
    Int8[np.ndarray, "T"],
    Int32[np.ndarray, "T"],
    Bool[np.ndarray, "T"],
    Bool[np.ndarray, "T"],
    Bool[np.ndarray, "T"],
]
"""Of each token: what it does, its column of the facts, whether that is one of an object's, whether
it narrows a set, whether it gives a number."""


def compiled(function: Callable[..., Any]) -> Any:
    """Compiles at the first call; keeps the result on disk where that can be written."""
    options = {"nogil": True, "error_model": "numpy", "boundscheck": False}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache
        return numba.njit(**options)(function)


@compiled
def type_trees(
    ops: Int8[np.ndarray, "M"],
    inputs: Int32[np.ndarray, "M 2"],
    starts: Int64[np.ndarray, "N1"],
    kinds: Int8[np.ndarray, "T 3"],
    fine: Bool[np.ndarray, "N"],
) -> None:
    """Which programs have kinds that fit, no step unused, and an answer at the end.

    ``kinds``: of the first input, the second, and the output of each token.
    """
    longest = 0
    for p in range(len(fine)):
        longest = max(longest, starts[p + 1] - starts[p])
    used = np.zeros(longest, np.bool_)
    for p in range(len(fine)):
        start = starts[p]
        n = starts[p + 1] - start
        good = n > 0
        used[:n] = False
        for k in range(n):
            op = ops[start + k]
            if op < 0:
                good = False
                break
            for j in range(2):
                source = inputs[start + k, j]
                need = kinds[op, j]
                if need == 0:
                    good &= source == -1
                elif source < 0 or source >= k:
                    good = False
                else:
                    good &= kinds[ops[start + source], 2] == need
                    used[source] = True
            if not good:
                break
        if good:
            good = kinds[ops[start + n - 1], 2] > OBJECT
            for k in range(n - 1):
                good &= used[k]
        fine[p] = good


@compiled
def read_registers(
    tokens: Int8[np.ndarray, "N L"],
    kinds: Int8[np.ndarray, "T 3"],
    ops: Int8[np.ndarray, "M"],
    inputs: Int32[np.ndarray, "M 2"],
    starts: Int64[np.ndarray, "N1"],
    fine: Bool[np.ndarray, "N"],
) -> None:
    """Prefix tokens as steps, with the two registers of the published executor.

    Fills the last four. Of a program that does not fit, no step is written.
    """
    N, L = tokens.shape
    at = 0
    for p in range(N):
        starts[p] = at
        n = 0
        saved = -1
        good = True
        for k in range(L - 1, -1, -1):
            op = tokens[p, k]
            if op < 0:
                continue
            left = right = -1
            if op == SCENE:
                if saved >= 0:
                    good = False
                    break
                saved = n - 1
            else:
                left = n - 1
                if left < 0 or kinds[ops[at + left], 2] != kinds[op, 0]:
                    good = False
                    break
                if kinds[op, 1] != 0:
                    right = saved
                    if right < 0 or kinds[ops[at + right], 2] != kinds[op, 1]:
                        good = False
                        break
            ops[at + n] = op
            inputs[at + n, 0] = left
            inputs[at + n, 1] = right
            n += 1
        good = good and n > 0
        if good:
            good = kinds[ops[at + n - 1], 2] > OBJECT
        fine[p] = good
        if good:
            at += n
    starts[N] = at


@compiled
def first(members: np.int32, order: np.uint64) -> np.int32:
    """The first member of a set that is not empty."""
    while order != 0:
        item = np.int32(order & np.uint64(15)) - np.int32(1)
        if (members >> item) & 1:
            return item
        order >>= np.uint64(4)
    item = np.int32(0)
    while (members >> item) & 1 == 0:
        item += np.int32(1)
    return item


@compiled
def size(members: np.int32) -> np.int32:
    """How many members a set has."""
    n = np.int32(0)
    while members != 0:
        members &= members - 1
        n += np.int32(1)
    return n


@compiled
def joined(a: np.int32, a_order: np.uint64, b: np.int32, b_order: np.uint64) -> np.uint64:
    """The order of a union: all of ``a``, then what is new in ``b``.

    An order is the members plus one, four bits each, the first one lowest; a filter leaves it as it
    is, with members that have gone. 0 is the scene's order.
    """
    out, shift = np.uint64(0), np.uint64(0)
    b &= ~a
    while a != 0:
        item = first(a, a_order)
        out |= np.uint64(item + 1) << shift
        shift += np.uint64(4)
        a &= ~(np.int32(1) << item)
    while b != 0:
        item = first(b, b_order)
        out |= np.uint64(item + 1) << shift
        shift += np.uint64(4)
        b &= ~(np.int32(1) << item)
    return out


@compiled
def joint(does: int, a: np.int32, b: np.int32) -> np.int32:
    """What a function of two sets or two values gives; yes is 0, no is 1."""
    if does == INTERSECT:
        return a & b
    if does == UNION:
        return a | b
    if does == EQUAL:
        return np.int32(a != b)
    if does == GREATER:
        return np.int32(a <= b)
    return np.int32(a >= b)


@compiled
def answer(
    code: Code,
    facts: Int16[np.ndarray, "B F"],
    which: Int64[np.ndarray, "N"],
    table: Table,
    strict: bool,
    answers: Int64[np.ndarray, "N"],
) -> None:
    """Carry out all programs; ``answers``: indices into ANSWERS, -1 for none.

    ``code``, ``table``: see there. ``facts``: of `PackedScenes`. ``which``: scene of each program.
    """
    ops, inputs, starts, fine = code
    does, column, per_object, narrows, integer = table
    longest = np.int64(1)
    for p in range(len(fine)):
        longest = max(longest, starts[p + 1] - starts[p])
    values, orders = np.zeros(longest, np.int32), np.zeros(longest, np.uint64)
    for p in range(len(fine)):
        answers[p] = -1
        if not fine[p]:
            continue
        row, start, n = facts[which[p]], starts[p], starts[p + 1] - starts[p]
        value = np.int32(0)
        for k in range(n):
            op, left, right = ops[start + k], inputs[start + k, 0], inputs[start + k, 1]
            now, order = does[op], np.uint64(0)
            if now == LOOKUP:
                if narrows[op]:
                    value, order = row[column[op]] & values[left], orders[left]
                else:
                    item = values[left] if per_object[op] else np.int32(0)
                    value = np.int32(row[column[op] + item])
            elif now == UNIQUE:
                value = values[left]
                if value == 0 or (strict and value & (value - 1) != 0):
                    value = np.int32(-1)
                    break
                value = first(value, orders[left])
            elif now == COUNT:
                value = size(values[left])
            elif now == EXIST:
                value = np.int32(values[left] == 0)
            else:
                value = joint(now, values[left], values[right])
                if now == UNION:
                    order = joined(values[right], orders[right], values[left], orders[left])
                elif now == INTERSECT:
                    order = orders[left]
            values[k], orders[k] = value, order
        if value >= 0 and not integer[ops[start + n - 1]]:
            answers[p] = value
        elif 0 <= value <= MOST:
            answers[p] = value + FIRST_NUMBER
