"""Questions and their scenes as arrays: asked in the blocks world, or read from CLEVR's files.

The world's questions are asked once and kept in a folder. Scene ``index`` of a split has the world
seed ``seeds.split_seed(split, index)``, as everywhere in the blocks world, so that no scene of one
split occurs in another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int8, Int16, Int32
from numpy.typing import NDArray

from sensorium.questions.vocabulary import NULL, PROGRAM_WORDS
from sensorium.recipe import Split
from sensorium.seeds import derive, split_seed
from sensorium.worlds.blocks.programs import ProgramError, to_tokens
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.scenes import Item, Scene
from sensorium.worlds.blocks.vocabulary import ANSWERS, ATTRIBUTES, MOST, VALUES

_CHECKED = 3  # scenes whose questions are asked again when a folder is opened


@dataclass(frozen=True, eq=False)
class QuestionTable:
    """N questions about S scenes.

    Attributes:
        texts: the sentences, as UTF-8 with a line end after each.

    Shape:
        ``programs``: ``int8 [N, P]``, numbers of `PROGRAM_WORDS` from ``<START>`` to ``<END>``,
        then 0; all 0 where there is none. ``answers``: ``int8 [N]`` in `ANSWERS`, -1 for none.
        ``families``: ``int16 [N]``, 0 to 89, -1 for none. ``scenes``: ``int32 [N]``, the row of
        ``values``: ``int8 [S, 10, 4]``, indices into `VALUES` in the order of `ATTRIBUTES`, -1
        beyond ``counts``: ``int8 [S]``; ``positions``: ``float32 [S, 10, 3]``, see `Item`.
    """

    texts: tuple[str, ...]
    programs: Int8[np.ndarray, "N P"]
    answers: Int8[np.ndarray, "N"]
    families: Int16[np.ndarray, "N"]
    scenes: Int32[np.ndarray, "N"]
    values: Int8[np.ndarray, "S K 4"]
    positions: Float32[np.ndarray, "S K 3"]
    counts: Int8[np.ndarray, "S"]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int]) -> QuestionTable:
        """These questions, in this order; all scenes are kept."""
        chosen = np.asarray(rows, np.int64)
        return QuestionTable(
            tuple(self.texts[row] for row in chosen),
            self.programs[chosen],
            self.answers[chosen],
            self.families[chosen],
            self.scenes[chosen],
            self.values,
            self.positions,
            self.counts,
        )

    def write(self, path: Path) -> None:
        """As one file, which appears whole."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "texts"}
        arrays["texts"] = np.frombuffer(json.dumps(self.texts).encode(), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
        with unfinished.open("wb") as file:
            np.savez_compressed(file, **arrays)
        unfinished.replace(path)

    @classmethod
    def read(cls, path: Path) -> QuestionTable:
        """What `write` wrote."""
        with np.load(path) as file:
            arrays = {f.name: file[f.name] for f in fields(cls)}
        texts = tuple(json.loads(arrays.pop("texts").tobytes().decode()))
        return cls(texts, **arrays)


def tabled(
    asked: Sequence[tuple[int, Question]], scenes: Sequence[Sequence[Item]]
) -> QuestionTable:
    """Questions as a table.

    Args:
        asked: each with the place of its scene in ``scenes``.
        scenes: of at most ten items.

    Raises:
        ValueError: for an answer that is none of CLEVR's 28, or a scene of more than ten items.
    """
    rows = [_program_row(question) for _, question in asked]
    programs = np.full((len(rows), max([len(r) for r in rows], default=0)), NULL, np.int8)
    for row, numbers in zip(programs, rows, strict=True):
        row[: len(numbers)] = numbers
    values = np.full((len(scenes), MOST, len(ATTRIBUTES)), -1, np.int8)
    positions = np.zeros((len(scenes), MOST, 3), np.float32)
    for number, items in enumerate(scenes):
        if len(items) > MOST:
            raise ValueError(f"scene {number} has {len(items)} blocks, expected at most {MOST}")
        for k, item in enumerate(items):
            values[number, k] = [VALUES[a].index(item.value(a)) for a in ATTRIBUTES]
            positions[number, k] = item.position
    return QuestionTable(
        tuple(question.text for _, question in asked),
        programs,
        np.array([_answer(question) for _, question in asked], np.int8),
        np.array([question.family for _, question in asked], np.int16),
        np.array([scene for scene, _ in asked], np.int32),
        values,
        positions,
        np.array([len(items) for items in scenes], np.int8),
    )


def _program_row(question: Question) -> list[int]:
    """Numbers of a question's program, with start and end; none where it has no program."""
    if not question.program:
        return []
    try:
        return PROGRAM_WORDS.encode(to_tokens(question.program))
    except ProgramError as error:
        raise ValueError(f"the program of {question.text!r} is malformed: {error}") from error


def _answer(question: Question) -> int:
    if not question.answer:
        return -1
    if question.answer not in ANSWERS:
        raise ValueError(
            f"{question.text!r} has the answer {question.answer!r}, expected one of "
            f"{', '.join(ANSWERS)}"
        )
    return ANSWERS.index(question.answer)


# --- the blocks world -----------------------------------------------------------------------------


def asked_in_blocks(
    split: Split, count: int, per_scene: int = 10, cache: Path | None = None
) -> QuestionTable:
    """The first ``count`` questions of a split of the blocks world.

    Args:
        split: of the world's seeds.
        count: questions.
        per_scene: questions that are asked about each scene.
        cache: folder in which they are kept; a file whose first questions the world would not ask
            today is made anew.
    """
    if cache is None:
        return _ask(split, count, per_scene)
    path = Path(cache) / f"questions-{split}-{count}x{per_scene}.npz"
    if path.exists():
        table = QuestionTable.read(path)
        again = _ask(split, min(count, _CHECKED * per_scene), per_scene)
        if _begins_with(table, again):
            return table
    table = _ask(split, count, per_scene)
    table.write(path)
    return table


def _begins_with(table: QuestionTable, start: QuestionTable) -> bool:
    """Whether the first questions of ``table`` are those of ``start``."""
    count, wide = len(start), start.programs.shape[1]
    return (
        len(table) >= count
        and table.texts[:count] == start.texts
        and table.programs.shape[1] >= wide
        and bool((table.programs[:count, :wide] == start.programs).all())
        and bool((table.positions[: len(start.counts)] == start.positions).all())
    )


def _ask(split: Split, count: int, per_scene: int) -> QuestionTable:
    """Ask them."""
    scenes: list[tuple[Item, ...]] = []
    asked: list[tuple[int, Question]] = []
    for scene, questions in islice(_conversation(split, per_scene), 20 * count + 20):
        asked += [(len(scenes), question) for question in questions]
        scenes.append(scene.items)
        if len(asked) >= count:
            break
    return tabled(asked[:count], scenes)


def _conversation(split: Split, per_scene: int) -> Iterator[tuple[Scene, list[Question]]]:
    """Scene after scene of a split with its questions."""
    from sensorium.worlds.blocks.engine import Engine
    from sensorium.worlds.blocks.placing import place

    engine = Engine(derive(0, "questions", split))
    index = 0
    while True:
        scene = place(split_seed(split, index))
        yield scene, engine.ask(scene, per_scene)
        index += 1


def by_families(families: Int16[np.ndarray, "N"], count: int, seed: int) -> list[int]:
    """Rows of ``count`` questions, as many of each family as can be.

    A round takes one question of every family; NS-VQA's 90, 180 and 270 are one, two and three
    rounds. The last round may be cut short, and families without questions left are passed over.

    Raises:
        ValueError: when there are fewer questions.
    """
    if count > len(families):
        raise ValueError(
            f"got {len(families)} questions to choose {count} from; ask for more questions"
        )
    order: NDArray[np.int64] = np.random.default_rng(seed).permutation(len(families))
    shuffled = families[order]
    rounds = np.zeros(len(families), np.int64)
    for family in np.unique(shuffled):
        members = np.flatnonzero(shuffled == family)
        rounds[members] = np.arange(len(members))
    best = np.argsort(rounds, kind="stable")[:count]
    return [int(row) for row in order[best]]
