"""A data set of blocks as files, in CLEVR's layout: pictures, scenes and questions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from sensorium.seeds import split_seed
from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.placing import COGENT_A, COGENT_B, place
from sensorium.worlds.blocks.question_json import write_questions
from sensorium.worlds.blocks.rendering import render
from sensorium.worlds.blocks.run_lengths import encode
from sensorium.worlds.blocks.scene_json import write_scenes
from sensorium.worlds.blocks.scenes import Scene

CONDITIONS: dict[str, Mapping[str, tuple[str, ...]]] = {"A": COGENT_A, "B": COGENT_B}
"""CLEVR-CoGenT's conditions by name."""

APART = 1_000_000
"""Scenes that a seed has for itself in each split."""


@dataclass(frozen=True)
class Plan:
    """What to build.

    Attributes:
        seed: the same seed gives the same files (but for the date in them).
        scenes: how many, at least 1 and at most `APART`.
        split: train, val or test; no scene is in two of them.
        height, width: of the pictures, in pixels.
        questions: about each scene; 0 writes no file of questions.
        condition: ``A`` or ``B`` of CLEVR-CoGenT; empty for all colours. It becomes part of the
            split's name, as in CoGenT's files (``valA``).
        masks: whether the scenes hold what is visible of each block.
    """

    seed: int
    scenes: int
    split: str = "val"
    height: int = 320
    width: int = 480
    questions: int = 10
    condition: str = ""
    masks: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.scenes <= APART:
            raise ValueError(f"scenes must be 1 to {APART}, got {self.scenes}")
        if self.questions < 0:
            raise ValueError(f"questions must be 0 or more per scene, got {self.questions}")
        if self.condition and self.condition not in CONDITIONS:
            raise ValueError(
                f"condition must be one of {', '.join(CONDITIONS)}, got {self.condition!r}"
            )
        split_seed(self.split, 0)

    @property
    def name(self) -> str:
        """Of the split, in the files' names."""
        return self.split + self.condition


@dataclass(frozen=True)
class Built:
    """What was written.

    Attributes:
        pictures: folder of the pictures.
        scenes: file of the scenes.
        questions: file of the questions; ``None`` when none were asked for.
        count: questions in all.
    """

    pictures: Path
    scenes: Path
    questions: Path | None
    count: int


def build(plan: Plan, folder: str | Path, progress: Callable[[float], None] | None = None) -> Built:
    """Places, draws and asks.

    Written are ``images/<split>/CLEVR_<split>_000000.png`` and on, ``scenes/CLEVR_<split>_scenes
    .json`` and ``questions/CLEVR_<split>_questions.json``, as CLEVR's own archive is laid out.

    Args:
        plan: what to build.
        folder: made if missing; other splits may already be in it.
        progress: called with the share that is done, 0..1.

    Raises:
        ValueError: when the folder already holds something of this split.
    """
    folder = Path(folder)
    built = Built(
        folder / "images" / plan.name,
        folder / "scenes" / f"CLEVR_{plan.name}_scenes.json",
        folder / "questions" / f"CLEVR_{plan.name}_questions.json" if plan.questions else None,
        0,
    )
    for path in (built.pictures, built.scenes, built.questions):
        if path is not None and path.exists():
            raise ValueError(
                f"{path} is there already; take another folder or split, or delete it first"
            )
    _placed(plan, 0)  # a size in which nothing fits is refused before anything is written
    for made in (built.pictures / "x", built.scenes, built.questions or built.scenes):
        made.parent.mkdir(parents=True, exist_ok=True)
    total = plan.scenes * (2 if plan.questions else 1)
    scenes: list[Scene] = []
    masks: list[list[dict[str, Any]]] = []
    for scene, visible in _drawn(plan, built.pictures):
        scenes.append(scene)
        masks.append(visible)
        if progress is not None:
            progress(len(scenes) / total)
    write_scenes(built.scenes, scenes, split=plan.name, masks=masks if plan.masks else None)
    if built.questions is None:
        return built
    engine = Engine(plan.seed)
    questions = []
    for number, scene in enumerate(scenes, 1):
        questions += engine.ask(scene, plan.questions)
        if progress is not None:
            progress((len(scenes) + number) / total)
    write_questions(built.questions, questions, split=plan.name)
    return replace(built, count=len(questions))


def _drawn(plan: Plan, folder: Path) -> Iterator[tuple[Scene, list[dict[str, Any]]]]:
    """Every scene with its masks, in order, once its picture is written."""
    able = getattr(os, "sched_getaffinity", None)
    threads = len(able(0)) if able is not None else os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield from pool.map(partial(_draw, plan, folder), range(plan.scenes))
        finally:
            pool.shutdown(cancel_futures=True)


def _placed(plan: Plan, index: int) -> Scene:
    """Scene ``index`` of a plan."""
    seed = split_seed(plan.split, plan.seed * APART + index)
    colors = CONDITIONS.get(plan.condition)
    scene = place(seed, colors=colors, height=plan.height, width=plan.width)
    filename = f"CLEVR_{plan.name}_{index:06d}.png"
    return replace(scene, index=index, split=plan.name, filename=filename)


def _draw(plan: Plan, folder: Path, index: int) -> tuple[Scene, list[dict[str, Any]]]:
    """Places scene ``index``, writes its picture and encodes its masks."""
    scene = _placed(plan, index)
    picture = render(scene, plan.height, plan.width)
    path = folder / scene.filename
    done, data = cv2.imencode(".png", picture.pixels[..., ::-1])
    if not done:
        raise ValueError(f"{path}: the picture could not be encoded")
    path.write_bytes(data.tobytes())
    return scene, [encode(mask) for mask in picture.masks()] if plan.masks else []
