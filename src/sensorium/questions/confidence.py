"""How sure an answer is: of the program, and of those things in the scene that it hangs on.

Each thing that is seen has a score, how sure it is. If it is seen wrongly, that need not matter:
the answer is tried again with every single fault (the thing is not there, or one of its attributes
has another value), and what counts is the share of faults that would change the answer. Faults in
several things at once, in places, and things that were not seen are not tried. Ours; the paper
gives no confidence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sensorium.questions.executor import execute
from sensorium.worlds.blocks.programs import Program
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, VALUES, Attribute


def scene_confidence(
    program: Program, items: Sequence[Item], scores: Sequence[float], answer: str
) -> float:
    """0..1: the chance that no thing is seen wrongly in a way that changes the answer.

    Args:
        program: that gave the answer.
        items: on which it gave it.
        scores: of the items, 0..1.
        answer: which it gave.
    """
    sure = 1.0
    for number, score in enumerate(scores):
        if score < 1.0:
            sure *= 1.0 - (1.0 - score) * sensitivity(program, items, number, answer)
    return sure


def sensitivity(program: Program, items: Sequence[Item], number: int, answer: str) -> float:
    """The share of single faults in one item that change the answer.

    That it is not there, and that each of its four attributes is wrong, weigh the same; an
    attribute's other values share its weight.
    """
    changed = []
    for kind in faults(items, number):
        outcomes = [execute(program, other).answer != answer for other in kind]
        changed.append(sum(outcomes) / len(outcomes))
    return math.fsum(changed) / len(changed)


def faults(items: Sequence[Item], number: int) -> Iterator[list[list[Item]]]:
    """Scenes with one fault in an item: without it, then by attribute with each other value."""
    before, item, after = list(items[:number]), items[number], list(items[number + 1 :])
    yield [before + after]
    for name in ATTRIBUTES:
        others = [v for v in VALUES[name] if v != item.value(name)]
        yield [[*before, _with(item, name, value), *after] for value in others]


def _with(item: Item, name: Attribute, value: str) -> Item:
    """The item with another size, color, material or shape."""
    changed: dict[str, Any] = {name: value}
    return replace(item, **changed)
