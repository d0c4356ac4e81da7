"""Recipes of WSDEC.

``wsdec-paper`` is the paper's: its networks, sizes, anchors, losses and order of stages, on the
stage. ``wsdec`` differs by what makes it learn from few videos, each in docs/decisions.md: labels
of the anchors from log p of the sentence, an equivariant head over denser anchors, encoders that
see only nearby steps, a generator that is told of the span and nothing else, captions first, then
anchors, then the cycle, in rounds. ``wsdec-full`` is its upper reference with true spans.
``wsdec-activitynet`` is the paper's on its own data, ``wsdec-films`` ours on films with subtitles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from sensorium.events.anchors import AnchorsConfig
from sensorium.events.datasets.published import PublishedStories
from sensorium.events.datasets.stage import StageStories
from sensorium.events.datasets.subtitles import SubtitledStories
from sensorium.events.fixed_point import FixedPointConfig
from sensorium.events.generator import GeneratorConfig
from sensorium.events.localiser import LocaliserConfig
from sensorium.events.losses import LossConfig
from sensorium.events.systems import ANCHORS, CAPTIONS, CYCLE, SUPERVISED, WSDECConfig
from sensorium.recipe import Optimiser, Recipe, Schedule, Stage

ADAM = Optimiser("adamw", lr=3e-3, weight_decay=5e-2, clip_norm=5.0)
SGD = Optimiser("sgd", lr=1e-2, momentum=0.8, weight_decay=1e-4, clip_norm=5.0)
"""The published one."""

SECONDS = 15.0
"""Length of an episode: some four sentences each, as in the paper's videos; in 30 s, of twice as
many that the time could belong to, the same footage teaches next to nothing."""

OWN = WSDECConfig(
    localiser=LocaliserConfig(
        video="local",
        hidden=96,
        embedding=64,
        layers=2,
        dropout=0.2,
        slope=1.0,
        anchors=AnchorsConfig("dense", (1 / 8, 1 / 5, 1 / 3), 3, 0.6, relative=True),
    ),
    generator=GeneratorConfig(
        video="local",
        hidden=128,
        embedding=64,
        layers=1,
        dropout=0.2,
        slope=1.0,
        context="c",
        initial="zero",
        blind=0.1,
    ),
    learning=LossConfig(contrast=0.5, sentences=6, localiser_rate=1.0),
    search=FixedPointConfig(
        start="anchors", rounds=2, overlap=0.6, length_penalty=1.0, contrast=0.2
    ),
)

PUBLISHED = WSDECConfig(
    standardise=False,
    localiser=LocaliserConfig(head="published", norm="batch"),
    generator=GeneratorConfig(),
    learning=LossConfig(targets="metric", sentences=1, anchor=0.0, localiser_rate=0.1),
    search=FixedPointConfig(keep="moved", merge="hull"),
)


def stage_of(name: str, phase: float, steps: int, optimiser: Optimiser = ADAM) -> Stage:
    """A stage of one phase; its anchors do not teach the generator."""
    frozen = {CAPTIONS: ("localiser",), ANCHORS: ("generator",)}.get(phase, ())
    return Stage(
        name,
        steps,
        optimiser,
        Schedule("cosine", warmup=0.02),
        freeze=frozen,
        anneal=(("phase", phase, phase),),
    )


def rounds(
    count: int, captions: int, anchors: int, cycle: int, optimiser: Optimiser = ADAM
) -> tuple[Stage, ...]:
    """Captions once, then anchors and cycle in turn.

    Args:
        count: turns.
        captions: steps.
        anchors: steps of each turn.
        cycle: steps of each turn.
        optimiser: of the captions; anchors and cycle learn at two and one thirds of its rate.
    """
    turns: list[Stage] = [stage_of("captions", CAPTIONS, captions, optimiser)]
    for number in range(1, count + 1):
        for name, phase, steps, share in (
            ("anchors", ANCHORS, anchors, 2 / 3),
            ("cycle", CYCLE, cycle, 1 / 3),
        ):
            slower = replace(optimiser, lr=optimiser.lr * share)
            turns.append(stage_of(f"{name} {number}", phase, steps, slower))
    return tuple(turns)


def wsdec() -> Recipe:
    """The default; makes the bundled weights ``wsdec``."""
    return Recipe(
        name="wsdec",
        description="WSDEC on stage episodes, without any time stamp",
        data=StageStories(seconds=SECONDS),
        system=OWN,
        stages=rounds(2, 600, 120, 150),
        batch=24,
        precision="bf16",
        workers=0,
        validate_every=0,
        save_every=500,
    )


def wsdec_paper() -> Recipe:
    """The literal one, in as many steps as a CPU allows.

    One sentence per video and step; after the captions of whole videos, one part of anchors to four
    of the cycle, five times, at rates that fall as published.
    """
    falls = (1e-2, 1e-3, 1e-4, 1e-4, 1e-4)
    stages = [stage_of("captions", CAPTIONS, 600, SGD)]
    for number, rate in enumerate(falls, 1):
        slow = replace(SGD, lr=rate)
        stages.append(stage_of(f"anchors {number}", ANCHORS, 30, replace(slow, lr=10 * rate)))
        stages.append(stage_of(f"cycle {number}", CYCLE, 120, slow))
    return replace(
        wsdec(),
        name="wsdec-paper",
        description="WSDEC with the published networks and losses",
        system=PUBLISHED,
        stages=tuple(stages),
        batch=32,
    )


def wsdec_full() -> Recipe:
    """The same networks with true spans: how far weak supervision could get."""
    return replace(
        wsdec(),
        name="wsdec-full",
        description="WSDEC's networks with true spans",
        data=StageStories(kind="full", seconds=SECONDS),
        stages=(stage_of("spans", SUPERVISED, 800),),
    )


def wsdec_films() -> Recipe:
    """``wsdec`` on films of your own with subtitles: ``--data.folder`` says where they are.

    The least contrast of ``wsdec`` was chosen on the stage; here everything found is told.
    """
    return replace(
        wsdec(),
        system=replace(OWN, search=replace(OWN.search, contrast=0.0)),
        name="wsdec-films",
        description="WSDEC on films with subtitles (SRT, VTT), whose times it is not told",
        data=SubtitledStories(),
    )


VIDEOS = 10_009
"""Of ActivityNet Captions' training split."""


def wsdec_activitynet() -> Recipe:
    """The literal one on ActivityNet Captions: ``--data.folder`` and ``--data.features``.

    As published: 100 epochs of captions, then 25 of which every fifth is for the anchors, with
    rates that fall in the first two and the last five. Batches are of 32 throughout (published: 36
    for captions, 6 for anchors). YouCook2 and Charades-STA go by ``--data.layout``.
    """
    epoch = VIDEOS // 32
    falls = Schedule("steps", milestones=(0.2, 0.5, 0.7), gamma=0.1)
    stages = [replace(stage_of("captions", CAPTIONS, 100 * epoch, SGD), schedule=falls)]
    still = Schedule("constant")
    for first in range(0, 25, 5):
        rate = 1e-2 if first == 0 else 1e-4 if first < 20 else 1e-5
        slow = replace(SGD, lr=10 * rate)  # anchors teach the localiser alone, at a tenth of it
        stages.append(replace(stage_of(f"anchors {first}", ANCHORS, epoch, slow), schedule=still))
        for name, count, rate in _cycles(first):
            one = stage_of(name, CYCLE, count * epoch, replace(SGD, lr=rate))
            stages.append(replace(one, schedule=still))
    return replace(
        wsdec_paper(),
        name="wsdec-activitynet",
        description="WSDEC on ActivityNet Captions with published features, as published",
        data=PublishedStories(),
        stages=tuple(stages),
        precision="no",
        workers=4,
        save_every=1000,
    )


def _cycles(first: int) -> list[tuple[str, int, float]]:
    """The four epochs of the cycle after anchor epoch ``first``: name, epochs, rate."""
    if first == 0:
        return [("cycle 1", 1, 1e-3), ("cycle 2 to 4", 3, 1e-4)]
    rate = 1e-4 if first < 20 else 1e-5
    return [(f"cycle {first + 1} to {first + 4}", 4, rate)]


def wsdec_tiny() -> Recipe:
    """``wsdec`` in a minute."""
    small = replace(
        OWN,
        localiser=replace(
            OWN.localiser,
            hidden=16,
            embedding=8,
            layers=1,
            channels=4,
            dropout=0.0,
            anchors=AnchorsConfig("dense", (1 / 4, 1 / 2), 2, 0.6, relative=True),
        ),
        generator=replace(OWN.generator, hidden=24, embedding=8, layers=1, dropout=0.0, blind=0.0),
        search=replace(OWN.search, beam=1, rounds=1, contrast=0.0),
    )
    return replace(
        wsdec(),
        name="wsdec-tiny",
        description="WSDEC in a minute, to try things",
        data=StageStories(length=48, held_out=16, seconds=8.0, size=64, cache=None),
        system=small,
        stages=rounds(1, 60, 20, 20),
        batch=8,
    )


def without(recipe: Recipe, part: Literal["cycle", "regression", "anchors"]) -> Recipe:
    """An ablation of ``recipe``, as in the paper.

    Args:
        recipe: a weak one.
        part: ``cycle``: captions of whole videos, then anchors, and nothing after; ``regression``:
            spans are anchors as they are; ``anchors``: two numbers say where, learnt through the
            captions alone, by the published head (an equivariant one has nothing to go by).
    """
    system, stages = recipe.system, recipe.stages
    if part == "cycle":
        stages = tuple(stage for stage in stages if stage.anneal[0][1] != CYCLE)
    elif part == "regression":
        still = replace(system.localiser.anchors, scale=0.0)
        system = replace(system, localiser=replace(system.localiser, anchors=still))
    else:
        one = AnchorsConfig("single", scale=1.0)
        localiser = replace(system.localiser, anchors=one, head="published", video="gru")
        system = replace(system, localiser=localiser)
        stages = tuple(stage for stage in stages if stage.anneal[0][1] != ANCHORS)
    name, said = f"{recipe.name}-without-{part}", f"{recipe.description}, without {part}"
    return replace(recipe, name=name, description=said, system=system, stages=stages)


RECIPES: dict[str, Callable[[], Recipe]] = {
    "wsdec": wsdec,
    "wsdec-paper": wsdec_paper,
    "wsdec-full": wsdec_full,
    "wsdec-activitynet": wsdec_activitynet,
    "wsdec-films": wsdec_films,
    "wsdec-tiny": wsdec_tiny,
}
