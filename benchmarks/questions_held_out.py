"""The pictures and questions that `questions_quality.py` asks: made once, kept in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from questions_scoring import Listed
from sensorium.questions.datasets.question_table import QuestionTable, asked_in_blocks, tabled
from sensorium.questions.datasets.rendered import Condition, Rendered, RenderedScenes
from sensorium.questions.vocabulary import PROGRAM_WORDS
from sensorium.recipe import Split
from sensorium.seeds import derive
from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.programs import from_tokens
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ANSWERS, ATTRIBUTES, VALUES


@dataclass(frozen=True)
class HeldOut:
    """So many scenes of a split, with questions about each.

    Attributes:
        folder: for pictures and questions; none: they are made when asked for.
        scenes: how many.
        each: questions per scene.
        condition: which colours cubes and cylinders may have (``a``, ``b``: CLEVR-CoGenT).
        split: whose seeds.
        processes: that draw; 0: as many as there are cores.
    """

    folder: Path | None
    scenes: int = 1000
    each: int = 10
    condition: Condition = "any"
    split: Split = "test"
    processes: int = 1

    @cached_property
    def rendered(self) -> RenderedScenes:
        """The scenes, drawn."""
        return RenderedScenes(
            self.split,
            self.scenes,
            condition=self.condition,
            cache=self.folder,
            processes=self.processes,
        )

    @cached_property
    def truth(self) -> list[tuple[Item, ...]]:
        """What truly stands in each picture."""
        return [items_of(self.rendered[k]) for k in range(self.scenes)]

    @cached_property
    def questions(self) -> list[Question]:
        """All questions; each knows the number of its picture."""
        if self.condition == "any":
            count = self.scenes * self.each
            table = asked_in_blocks(self.split, count, self.each, self.folder)
        else:
            table = self.ask()
        return [q for q in questions_of(table) if q.image < self.scenes]

    def ask(self) -> QuestionTable:
        """Ask about every scene what the data sets of the package ask about it."""
        engine = Engine(derive(0, "questions", self.split))
        asked = [
            (index, question)
            for index in range(self.scenes)
            for question in engine.ask(self.rendered.scene(index), self.each)
        ]
        return tabled(asked, self.truth)

    def pictures(self, size: int) -> Iterator[UInt8[Tensor, "B 3 H W"]]:
        """The pictures in turn, ``size`` at a time."""
        for first in range(0, self.scenes, size):
            numbers = range(first, min(first + size, self.scenes))
            rows = np.stack([self.rendered[k].pixels for k in numbers])
            yield torch.from_numpy(rows).permute(0, 3, 1, 2)  # [B, H, W, 3] -> [B, 3, H, W]

    def listed(self, index: int) -> Listed:
        """What truly stands in a picture, with masks of what is visible."""
        one = self.rendered[index]
        numbers = np.arange(1, one.count + 1, dtype=np.uint8)[:, None, None]
        return Listed(self.truth[index], np.asarray(one.ids)[None] == numbers)


def items_of(one: Rendered) -> tuple[Item, ...]:
    """The truth of a rendered scene as a viewer's list."""
    return tuple(
        Item(
            *(VALUES[a][v] for a, v in zip(ATTRIBUTES, values, strict=True)), position=tuple(place)
        )
        for values, place in zip(
            one.values[: one.count].tolist(), one.positions[: one.count].tolist(), strict=True
        )
    )


def questions_of(table: QuestionTable) -> list[Question]:
    """The rows of a table of questions."""
    return [
        Question(
            text,
            from_tokens(PROGRAM_WORDS.decode(program)),
            ANSWERS[answer],
            family,
            scene,
        )
        for text, program, answer, family, scene in zip(
            table.texts,
            table.programs.tolist(),
            table.answers.tolist(),
            table.families.tolist(),
            table.scenes.tolist(),
            strict=True,
        )
    ]
