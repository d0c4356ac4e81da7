"""`AnswersData`: pictures with questions in plain words, for figures of the whole system.

Nothing is handed over but pixels and sentences; programs, answers and scenes come along as truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium.questions.datasets.question_table import QuestionTable
from sensorium.questions.datasets.questions import QuestionData
from sensorium.questions.datasets.rendered import scene_of
from sensorium.questions.metrics import write_text
from sensorium.questions.vocabulary import SPECIALS
from sensorium.recipe import Split

_PROGRAM = 32  # functions of a program at most


@dataclass(frozen=True)
class AnswersData:
    """Pictures of the blocks world and questions about them.

    Attributes:
        length: pictures to train on, of which nothing trains: the stages have data of their own.
        held_out: pictures in validation.
        tested: pictures in the test.
        questions: about each picture.
        height: of the pictures, in pixels; what stands where does not depend on it.
        width: the same.
        longest: bytes of a question.
        cache: folder in which questions are kept; default: ask each time.
    """

    length: int = 1000
    held_out: int = 100
    tested: int = 500
    questions: int = 10
    height: int = 320
    width: int = 480
    longest: int = 320
    cache: Path | None = None

    def __post_init__(self) -> None:
        for name in ("length", "held_out", "tested", "questions", "height", "width", "longest"):
            if getattr(self, name) < 1:
                raise ValueError(f"data: {name} must be at least 1, got {getattr(self, name)!r}")

    def __str__(self) -> str:
        """In words."""
        return (
            f"{self.tested:,} pictures of the blocks world at {self.width} x {self.height} pixels "
            f"with {self.questions} questions each"
        )

    def open(self, split: Split) -> AnswerExamples:
        """The examples of one split."""
        count = {"train": self.length, "val": self.held_out, "test": self.tested}[split]
        return AnswerExamples(self, split, count)

    def adapt(self, config: Any) -> Any:
        """The system's config with the vocabulary of the blocks world."""
        if len(config.parser.words) > len(SPECIALS):
            return config
        return QuestionData().adapt(config)


class AnswerExamples:
    """Pictures with their questions.

    An example is ``picture``: ``uint8 [3, H, W]``; of its Q questions ``text``: ``uint8 [Q, T]``,
    UTF-8 filled up with zeros; ``answer``: ``int64 [Q]`` in `ANSWERS`, -1 where there is no
    question; ``program``: ``int64 [Q, 32]`` in `TOKENS`, from the output to the inputs, -1 after
    it; and the true scene: ``values``: ``int8 [10, 4]``, ``positions``: ``float32 [10, 3]``,
    ``count``: ``int64 []``.
    """

    def __init__(self, data: AnswersData, split: Split, count: int) -> None:
        self.data, self.split, self.count = data, split, count

    def __len__(self) -> int:
        return self.count

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Picture ``index``; nothing is drawn from ``seed``."""
        if not 0 <= index < self.count:
            raise IndexError(f"picture {index} of {self.count}")
        data = self.data
        table = _table(self.split, self.count, data.questions, data.cache)
        rows = np.flatnonzero(table.scenes == index)[: data.questions]
        text = torch.zeros(data.questions, data.longest, dtype=torch.uint8)
        answer = torch.full((data.questions,), -1)
        program = torch.full((data.questions, _PROGRAM), -1)
        for k, row in enumerate(rows):
            text[k] = write_text(table.texts[row], data.longest)
            answer[k] = int(table.answers[row])
            tokens = [n - len(SPECIALS) for n in table.programs[row].tolist() if n >= len(SPECIALS)]
            program[k, : len(tokens)] = torch.tensor(tokens)
        return {
            "picture": _picture(self.split, index, data.height, data.width),
            "text": text,
            "answer": answer,
            "program": program,
            "values": torch.from_numpy(table.values[index].copy()),
            "positions": torch.from_numpy(table.positions[index].copy()),
            "count": torch.tensor(int(table.counts[index])),
        }


def _picture(split: Split, index: int, height: int, width: int) -> UInt8[Tensor, "3 H W"]:
    """Scene ``index`` of a split, drawn."""
    from sensorium.worlds.blocks.rendering import render

    pixels = render(scene_of(split, index), height, width).pixels
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))  # [H W 3] -> [3 H W]


@lru_cache(maxsize=4)
def _table(split: Split, count: int, each: int, cache: Path | None) -> QuestionTable:
    """The questions about the first ``count`` scenes of a split."""
    return QuestionData(
        questions=count * each, held_out=count * each, per_scene=each, cache=cache
    ).table(split)
