"""Question families: what a family of questions asks, before a scene fills in the values.

A family is CLEVR's question template (arXiv:1612.06890, section 3 and appendix A): a plan of nodes,
rules on what may be filled in, and sentences. A node stands for one or several functions of the
program: ``relate_filter_unique`` is ``relate``, up to four filters and ``unique``. What is filled
in has a name: ``<Z> <C> <M> <S>`` are a block's size, color, material and shape, ``<R>`` a
relation, with a number where there are several. ``templates`` has our own 90 families;
`published_templates` reads CLEVR's files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sensorium.suggest import did_you_mean
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, FUNCTIONS, Kind

SIZES_OF_FILES: dict[str, int] = {
    "compare_integer.json": 9,
    "comparison.json": 16,
    "one_hop.json": 6,
    "same_relate.json": 28,
    "single_and.json": 5,
    "single_or.json": 8,
    "three_hop.json": 6,
    "two_hop.json": 6,
    "zero_hop.json": 6,
}
"""CLEVR's template files in order of the alphabet, and how many families each holds."""

_names = list(SIZES_OF_FILES)
FIRST_OF_FILE: dict[str, int] = {
    name: sum(SIZES_OF_FILES[other] for other in _names[:place])
    for place, name in enumerate(_names)
}
"""The number of a file's first family among all 90."""

RELATION = "relation"
_FILTERS = tuple(f"filter_{a}" for a in ATTRIBUTES)
NODES: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in FUNCTIONS},
    **{
        f"{start}filter{end}": (*first, *_FILTERS, *last)
        for start, first in (("", ()), ("relate_", ("relate",)))
        for end, last in (
            ("", ()),
            ("_unique", ("unique",)),
            ("_count", ("count",)),
            ("_exist", ("exist",)),
        )
    },
}
"""The functions that a node of each type stands for, in the order in which they are carried out."""

SLOT = re.compile(r"<(\w+)>")


@dataclass(frozen=True)
class Node:
    """One or several functions of the program, with slots for their values.

    Attributes:
        type: a name of `NODES`.
        inputs: numbers of the nodes whose outputs it takes.
        slots: names of what is filled in, in the order of the functions that take a value.
    """

    type: str
    inputs: tuple[int, ...] = ()
    slots: tuple[str, ...] = ()

    @property
    def takes(self) -> tuple[Kind, ...]:
        """Kinds of its inputs."""
        return FUNCTIONS[NODES[self.type][0]].takes

    @property
    def gives(self) -> Kind:
        """Kind of its output."""
        return FUNCTIONS[NODES[self.type][-1]].gives

    @cached_property
    def valued(self) -> tuple[str, ...]:
        """Its functions that take a value, one for each slot."""
        return tuple(name for name in NODES[self.type] if FUNCTIONS[name].values)


@dataclass(frozen=True)
class Family:
    """A family of questions.

    Attributes:
        file: name of its template file.
        number: its place in that file.
        nodes: the plan; every node comes after its inputs, the last gives the answer.
        texts: sentences with slots; what stands in square brackets may be left out.
        kinds: of each slot: an attribute or ``relation``.
        empty: slots that must stay empty (CLEVR's NULL), so that the answer is not given away.
        different: pairs of nodes that must not give the same (CLEVR's OUT_NEQ).

    Raises:
        ValueError: when the plan is not well-typed, or a sentence has an unknown slot.
    """

    file: str
    number: int
    nodes: tuple[Node, ...]
    texts: tuple[str, ...]
    kinds: Mapping[str, str] = field(hash=False)
    empty: frozenset[str] = frozenset()
    different: tuple[tuple[int, int], ...] = ()

    @property
    def index(self) -> int:
        """Its number among CLEVR's 90; that in its file where the file is not one of CLEVR's."""
        return FIRST_OF_FILE.get(self.file, 0) + self.number

    @property
    def place(self) -> str:
        """What errors call it."""
        return f"{self.file}, template {self.number}"

    def __post_init__(self) -> None:
        if not self.nodes or not self.texts:
            raise ValueError(f"{self.place}: needs at least one node and one text")
        for number, node in enumerate(self.nodes):
            self._check_node(number, node)
        if self.nodes[-1].gives in ("set", "object"):
            raise ValueError(f"{self.place}: the last node, {self.nodes[-1].type}, is no answer")
        self._check_slots()
        for pair in self.different:
            if not all(0 <= n < len(self.nodes) for n in pair):
                raise ValueError(f"{self.place}: OUT_NEQ names nodes {pair}, there are no such")

    def _check_slots(self) -> None:
        """Whether each slot is filled in once, and texts and rules name only those."""
        used = [name for node in self.nodes for name in node.slots]
        for name in used:
            if used.count(name) > 1:
                raise ValueError(f"{self.place}: {name} is filled in by two nodes, expected one")
        for text in self.texts:
            for found in SLOT.finditer(text):
                if found[0] not in used:
                    raise ValueError(
                        f"{self.place}: no node fills in {found[0]}{did_you_mean(found[0], used)}"
                    )
        optional = [
            name
            for node in self.nodes
            for name in node.slots
            if node.type not in FUNCTIONS and self.kinds[name] != RELATION
        ]
        for name in self.empty:
            if name not in optional:
                raise ValueError(
                    f"{self.place}: {name} cannot be NULL{did_you_mean(name, optional)}"
                )

    def _check_node(self, number: int, node: Node) -> None:
        """Whether its type is known, and whether inputs and slots fit it."""
        where = f"{self.place}, node {number}"
        if node.type not in NODES:
            raise ValueError(f"{where}: no node type {node.type!r}{did_you_mean(node.type, NODES)}")
        if not all(0 <= i < number for i in node.inputs):
            raise ValueError(f"{where}: inputs {node.inputs} must come before it")
        gets = tuple(self.nodes[i].gives for i in node.inputs)
        if gets != node.takes:
            raise ValueError(
                f"{where}: {node.type} takes ({', '.join(node.takes)}), got ({', '.join(gets)})"
            )
        if len(node.slots) != len(node.valued):
            raise ValueError(
                f"{where}: {node.type} takes {len(node.valued)} values, got {len(node.slots)}"
            )
        for name, function in zip(node.slots, node.valued, strict=True):
            if name not in self.kinds:
                raise ValueError(f"{where}: {name} is no parameter{did_you_mean(name, self.kinds)}")
            wanted = RELATION if function == "relate" else function.removeprefix("filter_")
            if self.kinds[name] != wanted:
                raise ValueError(
                    f"{where}: {node.type} wants a {wanted} here, {name} is a {self.kinds[name]}"
                )
