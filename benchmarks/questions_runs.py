"""What `questions_quality.py` trains: end-to-end networks, and scene parsers for CoGenT."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sensorium.questions.baselines import (
    CNNLSTMConfig,
    CNNLSTMSystem,
    FiLMConfig,
    FiLMSystem,
)
from sensorium.questions.datasets.pairs import PairsData
from sensorium.questions.datasets.rendered import Condition
from sensorium.questions.datasets.scenes import SceneData
from sensorium.questions.recipes import RECIPES
from sensorium.questions.scene_stages import find_stage, look_stage
from sensorium.recipe import Optimiser, Recipe, Schedule, Stage
from sensorium.system import System

BASELINES: dict[str, type[System]] = {s.name: s for s in (CNNLSTMSystem, FiLMSystem)}
IMAGES = 6000
"""Pictures that the end-to-end networks see, ten questions each: those of the recipe `nsvqa`."""


@dataclass(frozen=True)
class Run:
    """A network to train.

    Attributes:
        section: of the benchmark.
        recipe: how it is trained.
        after: the run whose weights it starts from; empty for none.
        every_seed: whether with every seed, or with the first alone.
        measured: whether it has rows of its own.
    """

    section: str
    recipe: Callable[[], Recipe]
    after: str = ""
    every_seed: bool = False
    measured: bool = True


def answering(name: str, system: Any, steps: int, batch: int = 16) -> Recipe:
    """From pixels and words to an answer; five questions of each picture in a step."""
    return Recipe(
        name=name,
        description="an end-to-end network of the benchmark of questions",
        data=PairsData(length=IMAGES, tested=200),
        system=system,
        stages=(
            Stage(
                "answers",
                steps,
                Optimiser("adamw", lr=1e-3, weight_decay=1e-4, clip_norm=5.0),
                Schedule("cosine", warmup=0.03),
            ),
        ),
        batch=batch,
        precision="bf16",
        workers=0,
        validate_every=1000,
        save_every=500,
    )


# --- CoGenT ---------------------------------------------------------------------------------------

_SEEN, _FINE_TUNED = 1000, 250  # scenes of condition A to train on, of B to go on with


def small(data: SceneData) -> SceneData:
    """With little held out: the benchmark has its own scenes to test on."""
    return replace(data, held_out=100, tested=100)


def parsing(
    condition: Condition, *, find: int = 0, look: int = 0, gray: bool = False, lr: float = 1.0
) -> Recipe:
    """A stage of the scene parser's training, finder or attributes, on scenes of a condition."""
    base = RECIPES["nsvqa-scenes"]()
    length = _SEEN if condition == "a" else _FINE_TUNED
    data = small(SceneData(condition=condition, length=length))
    stage = find_stage(data, find) if find else look_stage(data, look)
    optimiser = replace(stage.optimiser, lr=lr * stage.optimiser.lr)
    attributes = replace(base.system.attributes, gray_shape=gray)
    return replace(
        base,
        data=stage.data,
        system=replace(base.system, attributes=attributes),
        stages=(replace(stage, optimiser=optimiser),),
        workers=0,
        validate_every=0,
    )


RUNS: dict[str, Run] = {
    "film": Run("end-to-end", lambda: answering("film", FiLMConfig(), 4000), every_seed=True),
    "cnn-lstm": Run(
        "end-to-end", lambda: answering("cnn-lstm", CNNLSTMConfig(), 2000), every_seed=True
    ),
    "lstm, blind": Run(
        "end-to-end", lambda: answering("lstm", CNNLSTMConfig(blind=True), 1000), every_seed=True
    ),
    "finder": Run("cogent", lambda: parsing("a", find=300), measured=False),
    "A": Run("cogent", lambda: parsing("a", look=600), "finder"),
    "A, then B": Run("cogent", lambda: parsing("b", look=150, lr=0.3), "A"),
    "A, gray shape": Run("cogent", lambda: parsing("a", look=600, gray=True), "finder"),
    "A, gray shape, then B": Run(
        "cogent", lambda: parsing("b", look=150, gray=True, lr=0.3), "A, gray shape"
    ),
}
"""Runs that start from another's weights come after it."""


def prepared(run: Run, seed: int, factor: float, cache: Path) -> Recipe:
    """A run's recipe with its seed, steps times ``factor``, and pictures kept in ``cache``."""
    recipe = run.recipe()

    def kept(data: Any) -> Any:
        return None if data is None else replace(data, cache=cache, processes=1)

    stages = tuple(
        replace(stage, steps=max(1, round(stage.steps * factor)), data=kept(stage.data))
        for stage in recipe.stages
    )
    return replace(recipe, seed=seed, data=kept(recipe.data), stages=stages)


def budget(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """What a run was given, in pictures, questions and steps."""
    card = json.loads((folder / "system" / "config.json").read_text())["card"]
    data = recipe.stages[-1].data or recipe.data
    out: dict[str, Any] = {
        "parameters": card["parameters"],
        "steps": [stage.steps for stage in recipe.stages],
        "batch": recipe.batch,
        "pictures": data.length,
    }
    if isinstance(data, PairsData):
        out["questions"] = data.length * data.each
        out["size"] = [data.height, data.width]
        out["batch"] = recipe.batch * data.at_once
    return out
