"""What `events_quality.py` trains: WSDEC, itself with one thing taken away, and with true spans."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sensorium.events.anchors import AnchorsConfig
from sensorium.events.recipes import RECIPES, without
from sensorium.events.systems import ANCHORS, CAPTIONS, CYCLE
from sensorium.recipe import Recipe, Stage

CAPTIONED = "captions only"
"""The run that others start from; its row is what a generator knows before anything is found."""

PAPER = "wsdec-paper"
"""Eighteen times as large: too long on a CPU for more than one seed."""

SLOPES = (0.1, 0.3, 3.0)
"""k of the masks, per step of 0.25 s, beside the recipe's 1; published is 0.1 per 0.53 s."""


@dataclass(frozen=True)
class Run:
    """A system to train.

    Attributes:
        section: ``main`` is measured on test episodes, ``ablation`` on validation episodes.
        recipe: how it is trained.
        after: the run whose weights it starts from; empty for none.
        every_seed: whether with every seed, or with the first alone.
        localises: whether its localiser was trained.
    """

    section: str
    recipe: Callable[[], Recipe]
    after: str = ""
    every_seed: bool = False
    localises: bool = True


def phase_of(stage: Stage) -> float:
    """What a stage of WSDEC teaches."""
    return next(first for name, first, _ in stage.anneal if name == "phase")


def captions_only() -> Recipe:
    """The first stage of ``wsdec``: every sentence with the whole video."""
    base = RECIPES["wsdec"]()
    return replace(base, name="wsdec-captions", stages=base.stages[:1])


def goes_on(system: Any = None, stages: tuple[Stage, ...] | None = None) -> Recipe:
    """``wsdec`` from its second stage on, with a change."""
    base = RECIPES["wsdec"]()
    later = base.stages[1:] if stages is None else stages
    return replace(base, system=base.system if system is None else system, stages=later)


def localiser(**fields: Any) -> Any:
    """The system of ``wsdec`` with changes of the localiser."""
    system = RECIPES["wsdec"]().system
    return replace(system, localiser=replace(system.localiser, **fields))


def no_cycle() -> Recipe:
    """As many steps for each network; the generator only ever sees whole videos."""
    stages = RECIPES["wsdec"]().stages
    cycles = [s for s in stages if phase_of(s) == CYCLE]
    first = next(s for s in stages if phase_of(s) == CAPTIONS)
    anchors = [s for s in stages if phase_of(s) == ANCHORS]
    steps = sum(s.steps for s in cycles)
    more = replace(first, name="more captions", steps=steps, optimiser=cycles[0].optimiser)
    longer = tuple(replace(s, steps=s.steps + steps // len(anchors)) for s in anchors)
    return goes_on(stages=(more, *longer))


def no_regression() -> Recipe:
    """Anchors as they are."""
    return goes_on(without(RECIPES["wsdec"](), "regression").system)


def no_anchors() -> Recipe:
    """Centre and width are regressed; only the cycle can teach them, so it has all the steps."""
    base = RECIPES["wsdec"]()
    system = without(base, "anchors").system
    search = replace(system.search, start="random", candidates=50)
    learning = replace(system.learning, anchor=0.0, localiser_rate=1.0)
    cycle = next(s for s in base.stages if phase_of(s) == CYCLE)
    cycles = tuple(
        replace(cycle, name=f"cycle {number}", steps=stage.steps)
        for number, stage in enumerate(base.stages[1:], 1)
    )
    return goes_on(replace(system, search=search, learning=learning), cycles)


def slope(k: float) -> Recipe:
    """Another k in both networks."""
    system = localiser(slope=k)
    return goes_on(replace(system, generator=replace(system.generator, slope=k)))


def anchors(config: AnchorsConfig) -> Recipe:
    """Other anchors."""
    return goes_on(localiser(anchors=config))


def labels(kind: str) -> Recipe:
    """Other labels of the anchors."""
    system = RECIPES["wsdec"]().system
    return goes_on(replace(system, learning=replace(system.learning, targets=kind)))


def one_round() -> Recipe:
    """Anchors and cycle once, with the steps of all rounds."""
    stages = RECIPES["wsdec"]().stages[1:]
    first = {phase_of(s): s for s in reversed(stages)}
    steps = {p: sum(s.steps for s in stages if phase_of(s) == p) for p in first}
    return goes_on(stages=tuple(replace(first[p], steps=steps[p]) for p in (ANCHORS, CYCLE)))


RUNS: dict[str, Run] = {
    "wsdec": Run("main", RECIPES["wsdec"], every_seed=True),
    "full supervision": Run("main", RECIPES["wsdec-full"], every_seed=True),
    CAPTIONED: Run("main", captions_only, every_seed=True, localises=False),
    "no cycle": Run("main", no_cycle, CAPTIONED, every_seed=True),
    "no regression": Run("main", no_regression, CAPTIONED, every_seed=True),
    "no anchors": Run("main", no_anchors, CAPTIONED, every_seed=True),
    PAPER: Run("main", RECIPES["wsdec-paper"], every_seed=True),
    **{f"k = {k:g}": Run("ablation", partial(slope, k), CAPTIONED) for k in SLOPES},
    "15 published anchors": Run(
        "ablation", lambda: anchors(AnchorsConfig("published", scale=0.3)), CAPTIONED
    ),
    "half as many anchors": Run(
        "ablation",
        lambda: anchors(AnchorsConfig("dense", (1 / 16, 1 / 8, 1 / 4), 2, 0.6, relative=True)),
        CAPTIONED,
    ),
    "labels by rewards": Run("ablation", lambda: labels("policy"), CAPTIONED),
    "labels by the best sentence": Run("ablation", lambda: labels("metric"), CAPTIONED),
    "one round of anchors and cycle": Run("ablation", one_round, CAPTIONED),
}
"""In order of importance; runs that start from another's weights come after it."""


@dataclass(frozen=True)
class Budget:
    """How much of everything; the defaults are the recipes' own.

    Attributes:
        factor: on the steps of every stage.
        paper: the same for `PAPER`, on top.
        episodes: to train on.
        seconds: of an episode.
        batch: at most.
        cache: for features.
    """

    factor: float = 1.0
    paper: float = 1.0
    episodes: int | None = None
    seconds: float | None = None
    batch: int | None = None
    cache: Path | None = None


def prepared(run: Run, seed: int, given: Budget) -> Recipe:
    """A run's recipe with its seed, within the budget."""
    recipe = run.recipe()
    factor = given.factor * (given.paper if recipe.name == PAPER else 1)
    stages = tuple(replace(s, steps=max(1, round(s.steps * factor))) for s in recipe.stages)
    data = replace(
        recipe.data,
        cache=given.cache,
        length=given.episodes or recipe.data.length,
        seconds=given.seconds or recipe.data.seconds,
        held_out=_HELD_OUT,
        processes=1,
    )
    batch = min(recipe.batch, given.batch or recipe.batch)
    return replace(recipe, seed=seed, data=data, stages=stages, batch=batch, validate_every=0)


_HELD_OUT = 25  # that training measures by itself at its end; the benchmark measures more


def budget(run: Run, recipe: Recipe, folder: Path) -> dict[str, Any]:
    """What a run was given: sizes and steps by phase, and the minutes it took."""
    card = json.loads((folder / "system" / "config.json").read_text())["card"]
    names = {CAPTIONS: "captions", ANCHORS: "anchors", CYCLE: "cycle"}
    steps: dict[str, int] = {}
    for stage in recipe.stages:
        name = names.get(phase_of(stage), "spans")
        steps[name] = steps.get(name, 0) + stage.steps
    return {
        "after": run.after,
        "parameters": card["parameters"],
        "steps": steps,
        "batch": recipe.batch,
        "sentences": recipe.system.learning.sentences,
        "episodes": recipe.data.length,
        "spans": recipe.data.kind == "full",
    }
