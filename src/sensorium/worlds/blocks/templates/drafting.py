"""How families are put together: nodes one after another, and the names of what is filled in."""

from __future__ import annotations

from collections.abc import Sequence

from sensorium.worlds.blocks.families import RELATION, Family, Node

LETTERS = {"size": "Z", "color": "C", "material": "M", "shape": "S"}
"""How CLEVR names the slots of each attribute."""

_KINDS = {**{letter: attribute for attribute, letter in LETTERS.items()}, "R": RELATION}


def slot(letter: str, number: int) -> str:
    """``<Z>``, ``<Z2>``: CLEVR writes no 1."""
    return f"<{letter}{number if number > 1 else ''}>"


def block(number: int) -> str:
    """Description ``number`` in a sentence: ``<Z2> <C2> <M2> <S2>``; an ``s`` follows for many."""
    return " ".join(slot(letter, number) for letter in LETTERS.values())


class Draft:
    """Nodes of a family, in the making."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []

    def add(self, kind: str, *inputs: int, slots: Sequence[str] = ()) -> int:
        """Another node; gives its number."""
        self._nodes.append(Node(kind, inputs, tuple(slots)))
        return len(self._nodes) - 1

    def filter(self, number: int, end: str = "", source: int | None = None) -> int:
        """The blocks of ``source`` (a new ``scene`` by default) that description ``number`` fits.

        Args:
            number: of the description.
            end: ``"_unique"``, ``"_count"``, ``"_exist"`` or nothing.
            source: a node.
        """
        source = self.add("scene") if source is None else source
        return self.add(f"filter{end}", source, slots=block(number).split())

    def related(self, anchor: int, relation: int, number: int, end: str = "") -> int:
        """The blocks in ``relation`` to the block of node ``anchor`` that a description fits."""
        slots = (slot("R", relation), *block(number).split())
        return self.add(f"relate_filter{end}", anchor, slots=slots)

    def done(
        self,
        place: tuple[str, int],
        texts: Sequence[str],
        silent: Sequence[str] = (),
        different: Sequence[tuple[int, int]] = (),
    ) -> Family:
        """The family.

        Args:
            place: its file, and its number there.
            texts: sentences.
            silent: slots that must stay empty.
            different: nodes that must not give the same.
        """
        names = [name for node in self._nodes for name in node.slots]
        return Family(
            file=place[0],
            number=place[1],
            nodes=tuple(self._nodes),
            texts=tuple(texts),
            kinds={name: _KINDS[name[1]] for name in names},
            empty=frozenset(silent),
            different=tuple(different),
        )
