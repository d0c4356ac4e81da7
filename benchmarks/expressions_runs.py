"""What `expressions_quality.py` trains: the system, one thing taken away at a time, and baselines.

Every run has the sittings, the steps and the batch of the full system, so that a row differs from
the first by what its name says and nothing else; the ConvLSTM alone is shown whole clips, half as
many at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from expressions_held_out import Generates
from quality_runs import Training
from sensorium import store
from sensorium.expressions.baselines import ConvLSTMSystem, conv_lstm
from sensorium.expressions.datasets.portraits import PortraitClips, Portraits
from sensorium.expressions.recipes import RECIPES
from sensorium.recipe import Recipe
from sensorium.system import System

FULL = "full system"
STEPS = 2000
"""Of every training, in the proportions of the stages of its recipe."""

BASELINES: dict[str, type[System]] = {ConvLSTMSystem.name: ConvLSTMSystem}
_HELD_OUT = 28  # that training measures by itself at its end; the benchmark measures more


@dataclass(frozen=True)
class Run:
    """A system to train.

    Attributes:
        section: of the benchmark.
        recipe: how it is trained.
        every_seed: whether with every seed, or with the first alone.
    """

    section: str
    recipe: Callable[[], Recipe]
    every_seed: bool = False


def changed(**fields: Any) -> Callable[[], Recipe]:
    """The full system with other fields."""

    def recipe() -> Recipe:
        base = RECIPES["expressions"]()
        return replace(base, system=replace(base.system, **fields))

    return recipe


RUNS: dict[str, Run] = {
    FULL: Run("system", RECIPES["expressions"], every_seed=True),
    "without the mouth's discriminator": Run("taken-away", RECIPES["expressions-without-local"]),
    "without landmarks": Run("taken-away", RECIPES["expressions-without-landmarks"]),
    "without continuity": Run("taken-away", RECIPES["expressions-without-continuity"]),
    "residual in pixels": Run("taken-away", RECIPES["expressions-pixel-residual"]),
    "a model for each expression": Run("taken-away", RECIPES["expressions-separate"]),
    "frame by frame": Run("baseline", RECIPES["expressions-frame-by-frame"]),
    "ConvLSTM": Run("baseline", conv_lstm),
    "painted anew (paper)": Run("taken-away", changed(input_skip=False)),
    "without discriminators": Run("taken-away", RECIPES["expressions-without-critics"]),
    "plain L1 (paper)": Run(
        "taken-away",
        changed(reconstruction_weight=100.0, face_weight=0.0, mouth_weight=0.0, squared_weight=0.0),
    ),
}
"""In order of importance."""


def prepared(run: Run, seed: int, steps: int | None, cache: Path) -> Recipe:
    """A run's recipe with its seed, and its stages shortened to so many steps together."""
    recipe = run.recipe()
    share = (steps or STEPS) / sum(stage.steps for stage in recipe.stages)
    stages = tuple(replace(s, steps=max(1, round(s.steps * share))) for s in recipe.stages)
    data = recipe.data
    if isinstance(data, PortraitClips):
        data = replace(data, portraits=within(data.portraits, cache))
    else:
        data = within(data, cache)
    return replace(recipe, seed=seed, stages=stages, data=data, workers=0, validate_every=0)


def within(data: Portraits, cache: Path) -> Portraits:
    """The same sittings to train on, drawn into a folder; few held out."""
    return replace(data, cache=cache, held_out=_HELD_OUT, tested=_HELD_OUT, processes=1)


def portraits(recipe: Recipe) -> Portraits:
    """The sittings that a recipe trains on."""
    data = recipe.data
    found: Portraits = data.portraits if isinstance(data, PortraitClips) else data
    return found


def budget(training: Training) -> dict[str, Any]:
    """What a run was given."""
    recipe = training.recipe
    return {
        "parameters": training.parameters(),
        "steps": [stage.steps for stage in recipe.stages],
        "batch": recipe.batch,
        "sittings": portraits(recipe).length,
    }


def loaded(source: str) -> Generates:
    """A trained system: a bundled name, a system's folder or a run folder.

    Raises:
        ValueError: when it makes no faces.
    """
    system = store.load(source, systems={**store.systems(), **BASELINES})
    if not callable(getattr(system, "generate", None)):
        raise ValueError(f"{source}: holds {system.name}, expected a system that generates faces")
    return system.eval()  # type: ignore[return-value]
