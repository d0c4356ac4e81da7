"""The networks that `sounds_quality.py` trains: recipes by name, and what is changed in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sensorium.recipe import Recipe, Stage
from sensorium.sounds.baselines import (
    AudioOnlyConfig,
    AudioOnlySystem,
    RegressionConfig,
    RegressionSystem,
)
from sensorium.sounds.cam import CamConfig, CamSystem
from sensorium.sounds.datasets.data import SoundData
from sensorium.sounds.recipes import RECIPES
from sensorium.system import System

SOLOS = Path("runs/sounds/solos")  # rendered once, shared by all
BASELINES: dict[str, type[System]] = {
    system.name: system for system in (AudioOnlySystem, RegressionSystem, CamSystem)
}


@dataclass(frozen=True)
class Run:
    """A network to train.

    Attributes:
        sections: of the benchmark in which it has rows.
        recipe: how it is trained.
        every_seed: whether with every seed, or (ablations) with the first alone.
    """

    sections: tuple[str, ...]
    recipe: Callable[[], Recipe]
    every_seed: bool = True


def pixels(sources: int = 2, **fields: Any) -> Recipe:
    """The recipe ``pixels`` with changes of the system's config."""
    base = RECIPES["pixels"]()
    data = replace(
        base.data,
        mixing=replace(base.data.mixing, sources=sources),
        testing=replace(base.data.testing, sources=sources),
    )
    return replace(base, data=data, system=replace(base.system, **fields))


def audio_only(sources: int = 2) -> Recipe:
    """The same U-Net, data and steps without pictures."""
    base = pixels(sources)
    shape = base.system
    system = AudioOnlyConfig(
        sound=replace(shape.network.sound, channels=sources),
        published_init=shape.network.published_init,
        mask=shape.mask,
        weighted=shape.weighted,
        threshold=shape.threshold,
    )
    return replace(base, name="audio-only", system=system, stages=_mixing(base), init=None)


def _mixing(recipe: Recipe) -> tuple[Stage, ...]:
    """Its stages without the one that matches pictures with sounds."""
    return tuple(replace(s, anneal=()) for s in recipe.stages if s.name != "match")


def regression() -> Recipe:
    """The same networks, data and steps; log-magnitudes instead of masks."""
    base = pixels()
    shape = base.system
    system = RegressionConfig(shape.network, weighted=shape.weighted, trunk_rate=shape.trunk_rate)
    return replace(base, name="spectral-regression", system=system)


def cam() -> Recipe:
    """The same trunk, pictures and steps; a classifier."""
    base = pixels()
    network = base.system.network
    system = CamConfig(network.trunk, network.width, network.undone)
    return replace(base, name="cam", system=system, stages=_mixing(base), init=None)


def motions(**network: Any) -> Recipe:
    """The recipe ``motions`` with changes of the network."""
    base = RECIPES["motions"]()
    system = replace(base.system, network=replace(base.system.network, **network))
    return replace(base, system=system)


def one_stage() -> Recipe:
    """``motions`` without the curriculum: all its steps on what the last stage trains on."""
    base = motions()
    last = base.stages[-1]
    steps = sum(stage.steps for stage in base.stages)
    return replace(base, stages=(replace(last, name="one stage", steps=steps),))


def literal_strides() -> Recipe:
    """``motions`` with a U-Net that halves time at every level, as the paper's drawing has it."""
    base = motions()
    sound = replace(base.system.network.sound, time_levels=None)
    return motions(sound=sound)


def pixels_on_twins() -> Recipe:
    """``pixels`` trained on what ``motions`` mixes, stage by stage; it has nothing to foretell."""
    base, other = motions(), pixels()
    view = other.data.view

    def seen(data: SoundData | None) -> SoundData | None:
        return None if data is None else replace(data, view=view)

    first, *rest = (replace(stage, data=seen(stage.data), anneal=()) for stage in base.stages)
    stages = (replace(first, name="any"), *rest)
    return replace(
        other, data=seen(base.data), stages=stages, batch=base.batch, precision=base.precision
    )


RUNS: dict[str, Run] = {
    "pixels": Run(("different", "concepts", "localisation"), pixels),
    "audio-only": Run(("different",), audio_only),
    "motions": Run(("twins", "localisation"), motions),
    "pixels on twins": Run(("twins", "localisation"), pixels_on_twins),
    "concepts": Run(("concepts", "localisation"), RECIPES["concepts"]),
    "cam": Run(("concepts",), cam),
    "spectral regression": Run(("different",), regression),
    "pixels, 3 sources": Run(("different",), lambda: pixels(3), every_seed=False),
    "audio-only, 3 sources": Run(("different",), lambda: audio_only(3), every_seed=False),
    "motions, flow": Run(("twins",), lambda: motions(cue="flow"), every_seed=False),
    "motions, pictures over time": Run(("twins",), lambda: motions(cue="frames"), every_seed=False),
    "motions, one picture": Run(("twins",), lambda: motions(cue="picture"), every_seed=False),
    "motions, averaged over time": Run(
        ("twins",), lambda: motions(average_time=True), every_seed=False
    ),
    "motions, one stage": Run(("twins",), one_stage, every_seed=False),
    "motions, time halved at every level": Run(("twins",), literal_strides, every_seed=False),
    "concepts, literal": Run(("concepts",), RECIPES["concepts-literal"], every_seed=False),
    "pixels, ratio mask": Run(("different",), lambda: pixels(mask="ratio"), every_seed=False),
    "pixels, half mask": Run(("different",), lambda: pixels(mask="half"), every_seed=False),
}
"""In order of importance."""
if "motions" not in RECIPES:
    RUNS = {name: run for name, run in RUNS.items() if "twins" not in run.sections}


def prepared(run: Run, seed: int, factor: float) -> Recipe:
    """A run's recipe with its seed, steps times ``factor``, and little held out meanwhile."""
    recipe = run.recipe()

    def kept(data: SoundData | None) -> SoundData | None:
        return None if data is None else replace(data, cache=SOLOS, held_out=96)

    stages = tuple(
        replace(stage, steps=max(1, round(stage.steps * factor)), data=kept(stage.data))
        for stage in recipe.stages
    )
    return replace(
        recipe, seed=seed, data=kept(recipe.data), stages=stages, workers=0, validate_every=0
    )
