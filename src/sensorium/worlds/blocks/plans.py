"""A family as the search needs it: what each node gives, and on what its future depends."""

from __future__ import annotations

from sensorium.worlds.blocks.families import NODES, Family, Node
from sensorium.worlds.blocks.programs import Program, Step
from sensorium.worlds.blocks.sets import Filling, SceneSets, is_single
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES

Output = int | str | bool | None
"""What a node gives: a set as bits (also one that is counted or asked to exist), a value, a truth;
``None`` when it gives nothing, because ``unique`` did not find exactly one block."""


class Plan:
    """A family, with what can be told before a scene is known.

    Args:
        family: what to plan.
        strict: as CLEVR's published script; see `search`.

    Attributes:
        silent: for each node, the attributes (numbers) about which its description says nothing.
        checks: for each node, the pairs of nodes that must differ and are both known by then.
        watched: the nodes whose relation may turn out to be idle only at the end.
        live: for each node, the earlier nodes on whose outputs it or a later one depends.
    """

    def __init__(self, family: Family, strict: bool = False) -> None:
        self.family = family
        self.strict = strict
        nodes = family.nodes
        self.silent = [_silent(node, family.empty) for node in nodes]
        self.checks = [
            [pair for pair in family.different if max(pair) == n] for n in range(len(nodes))
        ]
        types = ("relate",) if strict else ("relate", "relate_filter")
        self.watched = [n for n, node in enumerate(nodes) if node.type in types]
        self.live = [self._live(n) for n in range(len(nodes))]

    def _live(self, number: int) -> tuple[int, ...]:
        needed = {i for node in self.family.nodes[number:] for i in node.inputs}
        needed.update(i for pairs in self.checks[number:] for pair in pairs for i in pair)
        return tuple(sorted(i for i in needed if i < number))

    def program(self, fillings: list[Filling]) -> Program:
        """The program with its values filled in; filters in CLEVR's order, silent ones left out."""
        steps: list[Step] = []
        ends: list[int] = []  # of each node, the step that gives its output
        for node, filling in zip(self.family.nodes, fillings, strict=True):
            values = iter(filling.values)
            inputs = tuple(ends[i] for i in node.inputs)
            for function in NODES[node.type]:
                value = next(values) if function in node.valued else ""
                if value is None:
                    continue
                steps.append(Step(function, value, inputs))
                inputs = (len(steps) - 1,)
            ends.append(inputs[0])
        return tuple(steps)


def _silent(node: Node, empty: frozenset[str]) -> frozenset[int]:
    """Numbers of the attributes about which a node's description must be silent."""
    slots = dict(zip(node.valued, node.slots, strict=True))
    return frozenset(i for i, a in enumerate(ATTRIBUTES) if slots.get(f"filter_{a}") in empty)


def carry_out(node: Node, inputs: list[Output], filling: Filling, sets: SceneSets) -> Output:
    """What a node gives, from what its inputs give and what fills its slots."""
    if any(given is None for given in inputs):
        return None
    name = node.type
    if name == "scene":
        return sets.everything
    if name in ("union", "intersect"):
        one, two = (given if isinstance(given, int) else 0 for given in inputs)
        return one | two if name == "union" else one & two
    if name.startswith("equal_") and name != "equal_integer":
        return inputs[0] == inputs[1]
    source = inputs[0]
    assert isinstance(source, int)
    if len(inputs) == 2:
        return _compared(name, source.bit_count(), _size(inputs[1]))
    if name.startswith("query_"):
        return sets.value(name.removeprefix("query_"), source)
    if name.startswith("same_"):
        return sets.alike[name.removeprefix("same_")][source]
    return _selected(node, source, filling, sets)


def _size(blocks: Output) -> int:
    """How many blocks are in a set."""
    assert isinstance(blocks, int)
    return blocks.bit_count()


def _compared(name: str, one: int, two: int) -> bool:
    """Two numbers, compared."""
    if name == "equal_integer":
        return one == two
    return one > two if name == "greater_than" else one < two


def _selected(node: Node, source: int, filling: Filling, sets: SceneSets) -> Output:
    """What relations and filters leave of a set; ``unique`` wants exactly one block."""
    left = source
    for function, value in zip(node.valued, filling.values, strict=True):
        if value is None:
            continue
        if function == "relate":
            left = sets.related[value][source]
        else:
            left &= sets.with_value(function.removeprefix("filter_"), value)
    if NODES[node.type][-1] == "unique" and not is_single(left):
        return None
    return left


def answer_of(family: Family, output: Output) -> str:
    """The answer in words, from what the last node gives."""
    if isinstance(output, str):
        return output
    if isinstance(output, bool):
        return "yes" if output else "no"
    if family.nodes[-1].gives == "integer":
        return str(_size(output))
    return "yes" if output else "no"


def read_from(family: Family, outputs: list[Output]) -> object:
    """What the answer is read from: the number, the value, the set, the two things compared."""
    last = family.nodes[-1]
    if len(last.inputs) == 2 and last.gives == "boolean":
        pair = [outputs[i] for i in last.inputs]
        return tuple(p.bit_count() if isinstance(p, int) else p for p in pair)
    given = outputs[-1]
    return given.bit_count() if last.gives == "integer" and isinstance(given, int) else given
