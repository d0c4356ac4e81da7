"""`QuestionData`: questions with programs or with answers, and the true scenes behind them.

Training as NS-VQA (arXiv:1810.02338, section 3) has two kinds of examples: few questions with their
programs, and many with nothing but the answer and the true scene on which programs are tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from sensorium.questions.datasets.blocks_words import blocks_words
from sensorium.questions.datasets.clevr import read_clevr
from sensorium.questions.datasets.humans import extended, read_humans
from sensorium.questions.datasets.question_table import (
    QuestionTable,
    asked_in_blocks,
    by_families,
    tabled,
)
from sensorium.questions.vocabulary import NULL, Words, tokenise
from sensorium.recipe import Split
from sensorium.seeds import derive

Kind = Literal["programs", "answers"]

LONGEST_QUESTION, LONGEST_PROGRAM = 50, 27
"""Numbers in a question and in a program, special words included, as published."""


@dataclass(frozen=True)
class QuestionData:
    """Questions about blocks.

    Attributes:
        kind: what training examples tell: the ``programs`` of some questions, or the ``answers`` of
            all. Validation and test examples tell both.
        count: questions with programs, as many of each of the 90 families as can be; 0: all.
        questions: training questions that there are.
        held_out: questions of the validation split, and of the test split.
        per_scene: questions that the blocks world asks about each scene.
        folder: of CLEVR v1.0, unpacked; default: the blocks world. Its val split gives ours and,
            with other questions, our test, since its test split has no answers.
        humans: folder of CLEVR-Humans: its questions are asked in validation, test and training
            from answers, and programs are those of CLEVR, which ``folder`` names.
        cache: folder in which the world's questions are kept; default: ask each time.
        seed: chooses which questions come with programs.
    """

    kind: Kind = "programs"
    count: int = 270
    questions: int = 20_000
    held_out: int = 2_000
    per_scene: int = 10
    folder: Path | None = None
    humans: Path | None = None
    cache: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("count", 0), ("questions", 1), ("held_out", 1), ("per_scene", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"data: {name} must be at least {least}, got {getattr(self, name)!r}"
                )
        if self.humans is not None and self.folder is None:
            raise ValueError(
                "data: humans needs folder, the CLEVR v1.0 with the scenes that people asked about"
            )

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        where = "the blocks world" if self.folder is None else Path(self.folder).name
        if self.humans is not None and self.kind == "answers":
            where = f"{where}, asked by people"
        some = f"{self.count:,}" if self.count else "all"
        told = f"the programs of {some}" if self.kind == "programs" else "the answers of all"
        return f"{self.questions:,} questions about {where}, with {told}"

    def open(self, split: Split) -> QuestionExamples:
        """The examples of one split.

        Raises:
            ValueError: when the data are missing or malformed, with what to do.
        """
        table, words = self.table(split), self.words()
        if split != "train":
            both = ("program", "answer") if self.humans is None else ("answer",)
            return QuestionExamples(table, words, both)
        if self.kind == "answers":
            return QuestionExamples(table, words, ("answer",))
        if self.count:
            chosen = by_families(table.families, self.count, derive(self.seed, "programs"))
            table = table.take(chosen)
        return QuestionExamples(table, words, ("program",))

    def table(self, split: Split) -> QuestionTable:
        """All questions of a split."""
        count = self.questions if split == "train" else self.held_out
        if self.folder is None:
            return _blocks(split, count, self.per_scene, self.cache)
        taught = split == "train" and self.kind == "programs"
        return _clevr(split, count, Path(self.folder), None if taught else self.humans)

    def words(self) -> Words:
        """The questions' vocabulary: what the world can say, or what CLEVR's train split says.

        With CLEVR-Humans, also what people say at least ten times.
        """
        if self.folder is None:
            return blocks_words()
        words = Words.of(replace(self, kind="programs").table("train").texts)
        if self.humans is None:
            return words
        return extended(words, replace(self, kind="answers").table("train").texts)

    def adapt(self, config: Any) -> Any:
        """The system's config, or the parser's, with this vocabulary."""
        words = self.words().words
        if hasattr(config, "parser"):
            return replace(config, parser=replace(config.parser, words=words))
        return replace(config, words=words)


class QuestionExamples:
    """Questions as numbers.

    An example is ``question``: ``int64 [50]``, and of these what is told: ``program``:
    ``int64 [27]``; ``answer``: ``int64 []`` with the scene: ``values``: ``int8 [10, 4]``,
    ``positions``: ``float32 [10, 3]``, ``count``: ``int64 []``.

    Args:
        table: the questions.
        words: their vocabulary; other words are ``<UNK>``.
        told: ``program``, ``answer`` or both.

    Attributes:
        questions: numbers of all questions, padded with 0.

    Shape:
        ``questions``: ``int16 [N, 50]``.

    Raises:
        ValueError: when a question or a program is too long, or lacks what is to be told.
    """

    def __init__(self, table: QuestionTable, words: Words, told: tuple[str, ...]) -> None:
        self.table, self.told = table, told
        self.questions = np.full((len(table), LONGEST_QUESTION), NULL, np.int16)
        for row, text in zip(self.questions, table.texts, strict=True):
            numbers = words.encode(tokenise(text))
            if len(numbers) > LONGEST_QUESTION:
                raise ValueError(
                    f"got a question of {len(numbers) - 2} words, expected at most "
                    f"{LONGEST_QUESTION - 2}: {text!r}; leave it out"
                )
            row[: len(numbers)] = numbers
        if table.programs.shape[1] > LONGEST_PROGRAM:
            raise ValueError(
                f"got a program of {table.programs.shape[1] - 2} functions, expected at most "
                f"{LONGEST_PROGRAM - 2}; leave it out"
            )
        for name, missing in (
            ("program", len(table) and not table.programs.any(1).all()),
            ("answer", bool((table.answers < 0).any())),
        ):
            if name in told and missing:
                raise ValueError(f"some questions have no {name}; choose a split that has them")

    def __len__(self) -> int:
        return len(self.table)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Question ``index``; nothing is drawn."""
        if not 0 <= index < len(self):
            raise IndexError(f"question {index} of {len(self)}")
        table = self.table
        out = {"question": torch.from_numpy(self.questions[index].astype(np.int64))}
        if "program" in self.told:
            program = np.full(LONGEST_PROGRAM, NULL, np.int64)
            program[: table.programs.shape[1]] = table.programs[index]
            out["program"] = torch.from_numpy(program)
        if "answer" in self.told:
            scene = int(table.scenes[index])
            out["answer"] = torch.tensor(int(table.answers[index]))
            out["values"] = torch.from_numpy(table.values[scene].copy())
            out["positions"] = torch.from_numpy(table.positions[scene].copy())
            out["count"] = torch.tensor(int(table.counts[scene]))
        return out


@lru_cache(maxsize=4)
def _blocks(split: Split, count: int, per_scene: int, cache: Path | None) -> QuestionTable:
    return asked_in_blocks(split, count, per_scene, cache)


@lru_cache(maxsize=3)
def _clevr(split: Split, count: int, folder: Path, humans: Path | None) -> QuestionTable:
    """Questions of CLEVR or of CLEVR-Humans, the first of the file.

    What is called test here are the questions of the published val split that follow those of our
    val: the published test split has no answers.
    """
    published = "train" if split == "train" else "val"
    first = count if split == "test" else 0
    if humans is None:
        read = read_clevr(folder, published, count=first + count)
    else:
        read = read_humans(humans, published, folder)
    read = replace(read, questions=read.questions[first : first + count])
    if not len(read):
        raise ValueError(f"{folder}: no questions are left for {split}; take a smaller held_out")
    return tabled(*read.with_places())
