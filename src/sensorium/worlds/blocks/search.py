"""The search: fills a family's slots so that a scene answers the question, depth first.

Nodes are settled in their order. Each way to fill a node's slots is tried in random order; a branch
ends where ``unique`` would not find exactly one block or a rule of the family is broken, and the
first question whose answer is welcome is taken (CLEVR's generator, arXiv:1612.06890, section 3).
Ours works on sets as bits, and remembers which states led nowhere: two fillings that leave the
same sets have the same future, so the second is not tried.

Degenerate questions are not asked. A relation is idle when the whole scene in its place leaves what
the answer is read from as it is: the number, the value, the set that is asked to exist, the two
things that are compared. CLEVR's script checks this for ``relate`` nodes alone (and there by the
answer), and elsewhere keeps one idle relation for nine others; ``strict`` does the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sensorium.worlds.blocks.plans import Output, Plan, answer_of, carry_out, read_from
from sensorium.worlds.blocks.programs import Program
from sensorium.worlds.blocks.sets import ANYTHING, Filling, SceneSets, absent, is_single
from sensorium.worlds.blocks.vocabulary import DIRECTIONS, VALUES

BUDGET = 20_000
"""Fillings that a search tries before it gives a family up for this scene."""

NOTHING = Filling((), 0, 0)
"""For a node without slots."""


@dataclass(frozen=True)
class Filled:
    """A family filled in.

    Attributes:
        values: of the slots, by name; ``None`` for an empty one.
        program: with the values in place.
        answer: one of `vocabulary.ANSWERS`.
    """

    values: dict[str, str | None]
    program: Program
    answer: str


def _any(_: int) -> bool:
    """Every set fits."""
    return True


def _some(blocks: int) -> bool:
    """A set with a block fits."""
    return blocks != 0


_FITS: dict[str, Callable[[int], bool]] = {
    "relate_filter": _some,
    "relate_filter_unique": is_single,
    "relate_filter_count": _any,
    "relate_filter_exist": _any,
}
"""What a relation and a description may leave, by the node's type."""


class Search:
    """One search, for one family in one scene.

    Args:
        plan: the family.
        sets: the scene.
        rng: draws the order in which fillings are tried.
        refused: answers that are not welcome.

    Attributes:
        tried: fillings tried so far.
    """

    def __init__(
        self, plan: Plan, sets: SceneSets, rng: random.Random, refused: frozenset[str]
    ) -> None:
        self.plan, self.sets, self.rng, self.refused = plan, sets, rng, refused
        self.tried = 0
        self._nodes = plan.family.nodes
        self._fillings = [NOTHING] * len(self._nodes)
        # What the nodes give; then, for each watched relation, what they would give without it.
        self._worlds: list[list[Output]] = [
            [None] * len(self._nodes) for _ in range(1 + len(plan.watched))
        ]
        self._hopeless: set[tuple[object, ...]] = set()

    def find(self) -> Filled | None:
        """The first question found; ``None`` when there is none, or the budget is spent."""
        if not self._settle(0):
            return None
        values = {
            slot: value
            for node, filling in zip(self._nodes, self._fillings, strict=True)
            for slot, value in zip(node.slots, filling.values, strict=True)
        }
        answer = answer_of(self.plan.family, self._worlds[0][-1])
        return Filled(values, self.plan.program(self._fillings), answer)

    def _settle(self, number: int) -> bool:
        """Give node ``number`` and those after it their outputs; whether that ended well."""
        if number == len(self._nodes):
            return self._is_welcome()
        node = self._nodes[number]
        if not node.slots:
            return self._fill(number, NOTHING) and self._settle(number + 1)
        state = (number, *(world[i] for world in self._worlds for i in self.plan.live[number]))
        if state in self._hopeless:
            return False
        for filling in self._shuffled(number):
            self.tried += 1
            if self.tried > BUDGET:
                return False
            if self._fill(number, filling) and self._settle(number + 1):
                return True
        self._hopeless.add(state)
        return False

    def _fill(self, number: int, filling: Filling) -> bool:
        """Carry node ``number`` out; whether it gives something that the rules allow."""
        node, plan = self._nodes[number], self.plan
        self._fillings[number] = filling
        for place, world in enumerate(self._worlds):
            if node.slots and place == 0:
                world[number] = filling.found
            elif place and plan.watched[place - 1] == number:
                world[number] = filling.anywhere
            else:
                inputs = [world[i] for i in node.inputs]
                world[number] = carry_out(node, inputs, filling, self.sets)
        actual = self._worlds[0]
        if actual[number] is None:
            return False
        return not any(self._is_same(actual[a], actual[b], a) for a, b in plan.checks[number])

    def _is_same(self, one: Output, two: Output, number: int) -> bool:
        """Whether two nodes give the same; numbers as CLEVR's script, or the sets behind them."""
        if self.plan.strict and self._nodes[number].gives == "integer":
            return int(one or 0).bit_count() == int(two or 0).bit_count()
        return one == two

    def _is_welcome(self) -> bool:
        """Whether the answer is not refused, and no relation is idle."""
        family = self.plan.family
        actual = self._worlds[0]
        answer = answer_of(family, actual[-1])
        if answer in self.refused:
            return False
        for world in self._worlds[1:]:
            if self.plan.strict:
                if world[-1] is not None and answer_of(family, world[-1]) == answer:
                    return False
            elif read_from(family, world) == read_from(family, actual):
                return False
        return True

    def _shuffled(self, number: int) -> Iterator[Filling]:
        """The ways to fill node ``number`` in random order, drawn as far as they are wanted."""
        draw = self.rng.random
        fillings = self._fillings_of(number)
        for last in range(len(fillings) - 1, -1, -1):
            i = int(draw() * (last + 1))
            filling, fillings[i] = fillings[i], fillings[last]
            if filling is None:
                description = absent(self.sets, self.plan.silent[number], draw)
                if description is None:
                    continue
                filling = Filling(description, 0, 0)
            yield filling

    def _fillings_of(self, number: int) -> list[Filling | None]:
        """A new list; ``None`` stands for a description that fits nothing, to be drawn."""
        node, sets, silent = self._nodes[number], self.sets, self.plan.silent[number]
        source = self._worlds[0][node.inputs[0]]
        assert isinstance(source, int)
        if node.type == "relate":
            return [Filling((d,), sets.related[d][source], sets.everything) for d in DIRECTIONS]
        if node.type in _FITS:
            telling, idle = sets.reached(source, silent, _FITS[node.type])
            few = round(len(telling) / 9) if self.plan.strict else 0
            return [*telling, *self.rng.sample(idle, min(len(idle), few))]
        if node.type == "filter_unique":
            return [*sets.filtered(source, silent, is_single)]
        if node.type in ("filter", "filter_count", "filter_exist"):
            return self._descriptions(number, source)
        attribute = node.valued[0].removeprefix("filter_")
        return [
            Filling((value,), source & sets.with_value(attribute, value), 0)
            for value in next(v for a, v in VALUES.items() if a == attribute)
        ]

    def _descriptions(self, number: int, source: int) -> list[Filling | None]:
        """What a node that takes any number of blocks can be filled with."""
        node = self._nodes[number]
        fillings = self.sets.filtered(source, self.plan.silent[number], _any)
        if node.type == "filter" or (
            node.type == "filter_exist" and source == self.sets.everything
        ):
            fillings = [f for f in fillings if f.values != ANYTHING]
        if node.type == "filter_exist":
            missing = len(fillings)
        else:
            missing = sum(is_single(f.found) for f in fillings)
        return [*fillings, *[None] * missing]
