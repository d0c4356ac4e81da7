"""What `expressions_quality.py` trains: the system, one thing taken away at a time, and baselines.

Every run has the sittings, the steps and the batch of the full system, so that a row differs from
the first by what its name says and nothing else; the ConvLSTM alone is shown whole clips, half as
many at a time. Rows that differ in the second stage alone share the first one, `RECONSTRUCTION`.

All are trained on sittings as filmed and cropped alone, as the paper trains: the first stages of
the recipe ``expressions``, shortened. Its last ones, on people who hold still, are not compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from expressions_held_out import Generates
from quality_runs import Training
from sensorium import store
from sensorium.expressions.baselines import ConvLSTMSystem, conv_lstm
from sensorium.expressions.datasets.portraits import PortraitClips, Portraits
from sensorium.expressions.recipes import FILMED, RECIPES
from sensorium.expressions.systems import ExpressionsConfig
from sensorium.recipe import Recipe, Stage
from sensorium.system import System
from sensorium.training.run_folder import describe

FULL, RECONSTRUCTION = "full system", "reconstruction"
STEPS = 1500
"""Of every training."""

FIRST = 5 / 7
"""Share of the steps in which the discriminators rest."""

AS_FILMED: dict[str, Any] = {"whole": 0.0, "still": False, "labels": "time"}
"""Of the data."""

BASELINES: dict[str, type[System]] = {ConvLSTMSystem.name: ConvLSTMSystem}
_HELD_OUT = 28  # that training measures by itself at its end; the benchmark measures more


@dataclass(frozen=True)
class Run:
    """A system to train.

    Attributes:
        section: of the benchmark.
        recipe: how it is trained.
        after: the run that was its first stage; empty for none.
        every_seed: whether with every seed, or with the first alone.
        measured: whether it is a row.
    """

    section: str
    recipe: Callable[[], Recipe]
    after: str = ""
    every_seed: bool = False
    measured: bool = True


def changed(**fields: Any) -> Callable[[], Recipe]:
    """The full system with other fields."""

    def recipe() -> Recipe:
        base = RECIPES["expressions"]()
        return replace(base, system=replace(base.system, **fields))

    return recipe


def second_stage(section: str, name: str, every_seed: bool = False) -> Run:
    """A row that differs in the second stage alone, or in nothing."""
    return Run(section, RECIPES[name], RECONSTRUCTION, every_seed)


RESTING = {
    name: getattr(ExpressionsConfig(), name)
    for name in ("adversarial_weight", "local_weight", "d_rate")
}
"""What plays no part where the discriminators rest; so the first stage is kept when it changes."""

RUNS: dict[str, Run] = {
    RECONSTRUCTION: Run("system", changed(**RESTING), every_seed=True, measured=False),
    FULL: second_stage("system", "expressions", every_seed=True),
    "without the mouth's discriminator": second_stage("taken-away", "expressions-without-local"),
    "without continuity": second_stage("taken-away", "expressions-without-continuity"),
    "without discriminators": second_stage("taken-away", "expressions-without-critics"),
    "without landmarks": Run("taken-away", RECIPES["expressions-without-landmarks"]),
    "residual in pixels": Run("taken-away", RECIPES["expressions-pixel-residual"]),
    "a model for each expression": Run("taken-away", RECIPES["expressions-separate"]),
    "frame by frame": Run("baseline", RECIPES["expressions-frame-by-frame"]),
    "painted anew (paper)": Run("taken-away", changed(input_skip=False)),
    "plain L1 (paper)": Run(
        "taken-away",
        changed(reconstruction_weight=100.0, face_weight=0.0, mouth_weight=0.0, squared_weight=0.0),
    ),
    "ConvLSTM": Run("baseline", conv_lstm),
}
"""In order of importance; runs that go on from another come after it."""


def prepared(run: Run, seed: int, steps: int | None, cache: Path, first: str = "") -> Recipe:
    """A run's recipe with its seed, and its stages shortened.

    Args:
        run: which.
        seed: of the training.
        steps: of all stages.
        cache: for drawn sittings.
        first: the system of the run that it goes on from, where it does.
    """
    recipe = run.recipe()
    stages = shortened(recipe.stages if len(recipe.stages) == 1 else FILMED, steps or STEPS)
    data = recipe.data
    if isinstance(data, PortraitClips):
        data = replace(data, portraits=within(data.portraits, cache))
    else:
        data = within(data, cache)
    recipe = replace(recipe, seed=seed, data=data, workers=0, validate_every=0)
    if run.after:
        return replace(recipe, stages=stages[1:], init=first)
    return replace(recipe, stages=stages if run.measured else stages[:1])


def shortened(stages: tuple[Stage, ...], steps: int) -> tuple[Stage, ...]:
    """One turn of reconstruction and the adversarial stage, or the only stage that there is."""
    if len(stages) == 1:
        return (replace(stages[0], steps=steps),)
    first = max(1, round(FIRST * steps))
    return (
        replace(stages[0], name="reconstruction", steps=first),
        replace(stages[-1], steps=max(1, steps - first)),
    )


def within(data: Portraits, cache: Path) -> Portraits:
    """The same sittings to train on, as filmed, cropped, drawn into a folder; few held out."""
    few = replace(data, cache=cache, held_out=_HELD_OUT, tested=_HELD_OUT, processes=1)
    return replace(few, **AS_FILMED)


def is_stale(folder: Path, recipe: Recipe) -> bool:
    """Whether the run that is there is of another recipe; its description does not count.

    Runs made before there was a choice were as filmed.
    """
    path = folder / "recipe.json"
    if not path.exists():
        return False
    mine, other = json.loads(json.dumps(describe(recipe))), json.loads(path.read_text())
    for found in (mine, other):
        found["recipe"].pop("description", None)
        data = found["recipe"]["data"]
        data = data.get("portraits", data)
        data |= AS_FILMED | data
    return bool(mine != other)


def portraits(recipe: Recipe) -> Portraits:
    """The sittings that a recipe trains on."""
    data = recipe.data
    found: Portraits = data.portraits if isinstance(data, PortraitClips) else data
    return found


def budget(name: str, training: Training) -> dict[str, Any]:
    """What a run was given."""
    recipe = training.recipe
    return {
        "after": RUNS[name].after,
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
