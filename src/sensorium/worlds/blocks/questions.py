"""A question about a scene: its words, its program and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sensorium.worlds.blocks.programs import Program

QuestionKind = Literal["count", "exist", "compare_integer", "compare_attribute", "query"]
KINDS: tuple[QuestionKind, ...] = (
    "count",
    "exist",
    "compare_integer",
    "compare_attribute",
    "query",
)
"""The five types by which results on CLEVR are reported."""


@dataclass(frozen=True)
class Question:
    """A question, what it asks as a program, and the answer.

    Attributes:
        text: the sentence.
        program: its steps; empty where a file gives none (CLEVR's test split, CLEVR-Humans).
        answer: one of `vocabulary.ANSWERS`; empty where a file gives none.
        family: number of its family: 0 to 89 over CLEVR's nine template files in order of the
            alphabet, or the number inside ``template`` where that is another file; -1 where a file
            says nothing.
        image: number of the picture in its split.
        template: name of the template file, where known.
        filename: of the picture, where known.
        split: of the picture, where known.
    """

    text: str
    program: Program
    answer: str
    family: int
    image: int
    template: str = ""
    filename: str = ""
    split: str = ""

    @property
    def kind(self) -> QuestionKind | None:
        """Its type, read off the program's last function; ``None`` without a program."""
        if not self.program:
            return None
        last = self.program[-1].function
        if last in ("equal_integer", "greater_than", "less_than"):
            return "compare_integer"
        if last.startswith("equal_"):
            return "compare_attribute"
        if last.startswith("query_"):
            return "query"
        return "count" if last == "count" else "exist"
