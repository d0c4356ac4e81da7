"""The pictures and questions that `questions_quality.py` asks: made once, kept in a folder.

Scenes and questions are in CLEVR's JSON, pictures and the numbers of the visible blocks in one
array each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.lib.format import open_memmap
from torch import Tensor

from questions_scoring import Listed
from sensorium.recipe import Split
from sensorium.seeds import split_seed
from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.placing import COGENT_A, COGENT_B, place
from sensorium.worlds.blocks.question_json import read_questions, write_questions
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.rendering import render
from sensorium.worlds.blocks.scene_json import read_scenes, write_scenes
from sensorium.worlds.blocks.scenes import Scene

COLORS = {"": None, "A": COGENT_A, "B": COGENT_B}
"""Which colours which shape may have, by CoGenT's condition."""


@dataclass(frozen=True)
class HeldOut:
    """So many scenes of a split, with questions about each.

    Attributes:
        folder: where all held-out sets are kept.
        scenes: how many.
        each: questions per scene.
        condition: of CoGenT, or empty.
        split: whose seeds.
        height: of the pictures, in pixels.
        width: of the pictures, in pixels.
    """

    folder: Path
    scenes: int = 1000
    each: int = 10
    condition: str = ""
    split: Split = "test"
    height: int = 320
    width: int = 480

    @property
    def home(self) -> Path:
        """The folder of this set."""
        size = f"{self.width}x{self.height}"
        name = f"{self.split}{self.condition}-{self.scenes}x{self.each}-{size}"
        return self.folder / name

    def make(self) -> None:
        """Place, render and ask, unless it has been done."""
        if (self.home / "questions.json").exists():
            return
        self.home.mkdir(parents=True, exist_ok=True)
        shape = (self.scenes, self.height, self.width)
        pixels = open_memmap(self.home / "pixels.npy", "w+", np.uint8, (*shape, 3))
        ids = open_memmap(self.home / "ids.npy", "w+", np.uint8, shape)
        placed: list[Scene] = []
        asked: list[Question] = []
        engine = Engine(split_seed(self.split, 0))
        for index in range(self.scenes):
            seed = split_seed(self.split, index)
            scene = place(seed, colors=COLORS[self.condition], height=self.height, width=self.width)
            scene = replace(scene, index=index, split=self.split)
            picture = render(scene, self.height, self.width)
            pixels[index], ids[index] = picture.pixels, picture.ids
            placed.append(scene)
            asked += engine.ask(scene, self.each)
        pixels.flush()
        ids.flush()
        write_scenes(self.home / "scenes.json", placed)
        write_questions(self.home / "questions.json", asked)

    @cached_property
    def truth(self) -> list[Scene]:
        """The scenes."""
        self.make()
        return list(read_scenes(self.home / "scenes.json"))

    @cached_property
    def questions(self) -> list[Question]:
        """All questions; each knows the number of its picture."""
        self.make()
        return list(read_questions(self.home / "questions.json"))

    @cached_property
    def pixels(self) -> np.ndarray:
        """``uint8 [N, H, W, 3]``, read as needed."""
        self.make()
        return np.asarray(np.load(self.home / "pixels.npy", mmap_mode="r"))

    def pictures(self, size: int) -> Iterator[UInt8[Tensor, "B 3 H W"]]:
        """The pictures in turn, ``size`` at a time."""
        for first in range(0, self.scenes, size):
            rows = torch.from_numpy(np.array(self.pixels[first : first + size]))
            yield rows.permute(0, 3, 1, 2)  # [B, H, W, 3] -> [B, 3, H, W]

    def listed(self, index: int) -> Listed:
        """What truly stands in a picture, with masks of what is visible."""
        ids = np.load(self.home / "ids.npy", mmap_mode="r")[index]
        items = self.truth[index].items
        numbers = np.arange(1, len(items) + 1, dtype=np.uint8)[:, None, None]
        return Listed(items, ids[None] == numbers)
