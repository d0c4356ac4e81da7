"""`AnswersData`: pictures with questions in plain words, for figures of the whole system.

Nothing is handed over but pixels and sentences; programs, answers and scenes come along as truth.
The pictures are the blocks world's, or those of a folder laid out as CLEVR's archive (CLEVR itself,
CoGenT, CLEVR-Humans with its pictures, or what ``sensorium build`` wrote).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from sensorium.questions.datasets.questions import QuestionData
from sensorium.questions.datasets.rendered import scene_of
from sensorium.questions.metrics import write_text
from sensorium.questions.vocabulary import SPECIALS
from sensorium.recipe import Split
from sensorium.seeds import derive
from sensorium.worlds.blocks.programs import TOKENS, to_tokens
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.scenes import Item, Scene
from sensorium.worlds.blocks.vocabulary import ANSWERS, ATTRIBUTES, MOST, VALUES

if TYPE_CHECKING:
    from sensorium.questions.datasets.clevr import ClevrSplit

LONGEST = 32
"""Functions of a program at most; a longer one counts as not known."""


@dataclass(frozen=True)
class AnswersData:
    """Pictures and questions about them.

    Attributes:
        root: a folder laid out as CLEVR's archive; default: the blocks world.
        humans: folder of CLEVR-Humans' questions, asked about the pictures of ``root``.
        part: of the folder, as its files are named (``val``, ``valA``); default: the split.
        length: pictures to train on, of which nothing trains: the stages have data of their own.
        held_out: pictures in validation.
        tested: pictures in the test.
        questions: about each picture, at most.
        height: of the world's pictures, in pixels; what stands where does not depend on it.
        width: the same.
        longest: bytes of a question.
    """

    root: Path | None = None
    humans: Path | None = None
    part: str = ""
    length: int = 1000
    held_out: int = 100
    tested: int = 500
    questions: int = 10
    height: int = 320
    width: int = 480
    longest: int = 400

    def __post_init__(self) -> None:
        for name in ("length", "held_out", "tested", "questions", "height", "width", "longest"):
            if getattr(self, name) < 1:
                raise ValueError(f"data: {name} must be at least 1, got {getattr(self, name)!r}")

    def __str__(self) -> str:
        """In words."""
        folder = self.humans or self.root
        where = "the blocks world" if folder is None else Path(folder).name
        size = f" at {self.width} x {self.height} pixels" if folder is None else ""
        return f"{self.tested:,} pictures of {where}{size} with {self.questions} questions each"

    def open(self, split: Split) -> AnswerExamples | FileAnswers:
        """The examples of one split.

        Raises:
            ValueError: when the folder lacks them, with what to do.
        """
        count = {"train": self.length, "val": self.held_out, "test": self.tested}[split]
        if self.root is None and self.humans is None:
            return AnswerExamples(self, split, count)
        return FileAnswers(self, self.part or split, count)

    def adapt(self, config: Any) -> Any:
        """The system's config with the vocabulary of the blocks world, unless it has one."""
        if len(config.parser.words) > len(SPECIALS):
            return config
        return QuestionData().adapt(config)


class AnswerExamples:
    """Pictures of the blocks world with their questions.

    An example is ``picture``: ``uint8 [3, H, W]``; of its Q questions ``text``: ``uint8 [Q, T]``,
    UTF-8 filled up with zeros; ``answer``: ``int64 [Q]`` in `ANSWERS`, -1 where there is no
    question; ``program``: ``int64 [Q, 32]`` in `TOKENS`, from the output to the inputs, -1 after
    it; and the true scene: ``values``: ``int8 [10, 4]``, ``positions``: ``float32 [10, 3]``,
    ``count``: ``int64 []``, 0 where it is not known.
    """

    def __init__(self, data: AnswersData, split: Split, count: int) -> None:
        self.data, self.split, self.count = data, split, count

    def __len__(self) -> int:
        return self.count

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Picture ``index``; nothing is drawn from ``seed``."""
        from sensorium.worlds.blocks.rendering import render

        if not 0 <= index < self.count:
            raise IndexError(f"picture {index} of {self.count}")
        scene, asked = _asked(self.split, self.count, self.data.questions)[index]
        pixels = render(scene, self.data.height, self.data.width).pixels
        picture = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
        return {"picture": picture, **told(asked, self.data), **truth(scene.items)}


class FileAnswers:
    """Pictures of a folder laid out as CLEVR's archive; examples as those of `AnswerExamples`.

    Questions without an answer are left out, and so are pictures without questions.

    Raises:
        ValueError: when files are missing or malformed, or no question has an answer.
    """

    def __init__(self, data: AnswersData, part: str, count: int) -> None:
        self.data, self.files = data, _read(data, part)
        by_picture: dict[Path, list[Question]] = {}
        for question in self.files.questions:
            if question.answer:
                by_picture.setdefault(self.files.picture(question), []).append(question)
        if not by_picture:
            raise ValueError(
                f"{data.humans or data.root}: the questions of {part!r} have no answers (CLEVR "
                "keeps those of its test to itself); measure on another: --split val"
            )
        self.asked = list(by_picture.items())[:count]

    def __len__(self) -> int:
        return len(self.asked)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Picture ``index``; nothing is drawn from ``seed``."""
        from sensorium.questions.pictures import read_picture

        path, questions = self.asked[index]
        scene = self.files.scenes.get(questions[0].image)
        return {
            "picture": read_picture(path),
            **told(questions[: self.data.questions], self.data),
            **truth(() if scene is None else scene.items),
        }


def _read(data: AnswersData, part: str) -> ClevrSplit:
    """The questions of a folder."""
    from sensorium.questions.datasets.clevr import read_clevr
    from sensorium.questions.datasets.humans import read_humans

    if data.humans is not None:
        return read_humans(data.humans, part, data.root)
    assert data.root is not None
    return read_clevr(data.root, part)


def told(questions: Sequence[Question], data: AnswersData) -> dict[str, Tensor]:
    """Questions with what is known of them, filled up to as many as ``data`` says."""
    text = torch.zeros(data.questions, data.longest, dtype=torch.uint8)
    answer = torch.full((data.questions,), -1)
    program = torch.full((data.questions, LONGEST), -1)
    for k, question in enumerate(questions):
        text[k] = write_text(question.text, data.longest)
        answer[k] = ANSWERS.index(question.answer)
        tokens = to_tokens(question.program) if question.program else []
        if len(tokens) <= LONGEST:
            program[k, : len(tokens)] = torch.tensor([TOKENS.index(t) for t in tokens])
    return {"text": text, "answer": answer, "program": program}


def truth(items: Sequence[Item]) -> dict[str, Tensor]:
    """A scene as tensors."""
    values = torch.full((MOST, len(ATTRIBUTES)), -1, dtype=torch.int8)
    positions = torch.zeros(MOST, 3)
    for k, item in enumerate(items):
        values[k] = torch.tensor([VALUES[a].index(item.value(a)) for a in ATTRIBUTES])
        positions[k] = torch.tensor(item.position)
    return {"values": values, "positions": positions, "count": torch.tensor(len(items))}


@lru_cache(maxsize=4)
def _asked(split: Split, count: int, each: int) -> list[tuple[Scene, list[Question]]]:
    """The first ``count`` scenes of a split with their questions, balanced over all of them."""
    from sensorium.worlds.blocks.engine import Engine

    engine = Engine(derive(0, "questions", split))
    scenes = [scene_of(split, index) for index in range(count)]
    return [(scene, engine.ask(scene, each)) for scene in scenes]
