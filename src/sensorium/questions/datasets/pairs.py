"""`PairsData`: pictures with questions and answers, all that end-to-end networks are told."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from sensorium.questions.datasets.blocks_words import blocks_words
from sensorium.questions.datasets.question_table import QuestionTable, asked_in_blocks
from sensorium.questions.datasets.rendered import RenderedScenes
from sensorium.questions.vocabulary import Words, tokenise
from sensorium.recipe import Split
from sensorium.seeds import generator

_MIRRORED = (("left", "right"), ("right", "left"))


@dataclass(frozen=True)
class PairsData:
    """Scenes of the blocks world with questions and answers, without masks, truth or programs.

    The scenes and pictures are those of `SceneData`, the questions those of `QuestionData`, number
    by number.

    Attributes:
        length: scenes to train on.
        held_out: scenes in validation.
        tested: scenes in the test.
        each: questions about a scene.
        at_once: of them in one training example, drawn anew each time; validation and test have
            all.
        height: at which the networks see the pictures. Taken over by the system.
        width: the same.
        mirror: share of training examples that are mirrored: ``left`` becomes ``right``.
        cache: folder for rendered scenes, small pictures and questions; none: made when asked for.
        processes: that draw into the folder; 0: as many as there are cores.
    """

    length: int = 4000
    held_out: int = 200
    tested: int = 1000
    each: int = 10
    at_once: int = 5
    height: int = 96
    width: int = 144
    mirror: float = 0.5
    cache: Path | None = None
    processes: int = 0

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        return (
            f"the procedural blocks world: {self.length:,} scenes at {self.width} x {self.height} "
            f"pixels, {self.each} questions with answers about each"
        )

    def scenes(self, split: Split) -> RenderedScenes:
        """The scenes of one split."""
        count = {"train": self.length, "val": self.held_out, "test": self.tested}[split]
        return RenderedScenes(split, count, cache=self.cache, processes=self.processes)

    def open(self, split: Split) -> Pairs:
        """The examples of one split."""
        scenes, train = self.scenes(split), split == "train"
        return Pairs(
            small_pictures(scenes, self.height, self.width),
            asked_in_blocks(split, self.each * len(scenes), self.each, self.cache),
            blocks_words(),
            self.at_once if train else self.each,
            self.mirror if train else 0.0,
        )

    def adapt(self, config: Any) -> Any:
        """The system's config with this size and the world's words."""
        if "words" not in {f.name for f in fields(config)}:
            return config
        return replace(config, words=blocks_words().words, height=self.height, width=self.width)


class Pairs:
    """Pictures with questions and answers.

    An example holds ``picture``: ``uint8 [3, h, w]``; ``question``: ``int64 [Q, L]``, filled up
    with 0; ``answer``: ``int64 [Q]``, numbers of `ANSWERS`; see `baselines.EndToEndSystem`.

    Args:
        pictures: ``uint8 [N, h, w, 3]``.
        table: questions about them; the row of a question's scene is its picture's number.
        words: of the questions.
        at_once: questions in an example; some twice where a picture has too few.
        mirror: share of examples that are mirrored.
    """

    def __init__(
        self,
        pictures: UInt8[np.ndarray, "N h w 3"],
        table: QuestionTable,
        words: Words,
        at_once: int,
        mirror: float,
    ) -> None:
        self.pictures, self.at_once, self.mirror = pictures, at_once, mirror
        rows = [words.encode(tokenise(text)) for text in table.texts]
        self.question = np.zeros((len(rows), max(map(len, rows))), np.int64)
        for row, numbers in zip(self.question, rows, strict=True):
            row[: len(numbers)] = numbers
        self.answer = table.answers.astype(np.int64)
        about: dict[int, list[int]] = defaultdict(list)
        for number, image in enumerate(table.scenes.tolist()):
            if image < len(pictures):  # where scenes gave few questions, more scenes were asked
                about[image].append(number)
        self.about = [(image, np.array(numbers)) for image, numbers in sorted(about.items())]
        self.swap = _swap(words)

    def __len__(self) -> int:
        return len(self.about)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Picture ``index``; ``seed`` draws the questions and whether it is mirrored."""
        image, numbers = self.about[index]
        random = generator(seed, "pairs")
        picture = self.pictures[image]
        if self.at_once < len(numbers):
            numbers = random.permutation(numbers)
        numbers = np.resize(numbers, self.at_once)
        question = self.question[numbers]
        if random.random() < self.mirror:
            picture, question = picture[:, ::-1], self.swap[question]
        return {
            "picture": torch.from_numpy(np.array(picture.transpose(2, 0, 1))),  # [3, h, w]
            "question": torch.from_numpy(question),
            "answer": torch.from_numpy(self.answer[numbers]),
        }


def _swap(words: Words) -> Int64[np.ndarray, " W"]:
    """Each word's number in a mirror."""
    out = np.arange(len(words))
    for word, other in _MIRRORED:
        if word in words.numbers and other in words.numbers:
            out[words.numbers[word]] = words.numbers[other]
    return out


def small_pictures(scenes: RenderedScenes, height: int, width: int) -> NDArray[np.uint8]:
    """All pictures ``[N, h, w, 3]`` at a smaller size; kept in the scenes' folder, if any."""
    if scenes.cache is None:
        return _shrink(scenes, height, width)
    path = scenes.folder / f"small-{height}x{width}-{len(scenes)}.npy"
    if not path.exists():
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        with unfinished.open("wb") as file:
            np.save(file, _shrink(scenes, height, width))
        unfinished.replace(path)
    return np.asarray(np.load(path, mmap_mode="r"))


def _shrink(scenes: RenderedScenes, height: int, width: int) -> NDArray[np.uint8]:
    return np.stack(
        [
            cv2.resize(
                np.ascontiguousarray(scenes[k].pixels),
                (width, height),
                interpolation=cv2.INTER_AREA,
            )
            for k in range(len(scenes))
        ]
    )
