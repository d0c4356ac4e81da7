"""Recipes for sound: the papers' on the published sets, ours on the stage.

``pixels``, ``motions`` and ``concepts`` train on the stage and make bundled weights;
``<system>-tiny`` trains in a minute; ``pixels-music`` carries the released settings
(arXiv:1804.03160). What is ours says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sensorium.layers.unet import UNetConfig
from sensorium.optical_flow import DISFlow, FlowGrid
from sensorium.recipe import Optimiser, Recipe, Schedule, Stage
from sensorium.sounds.concepts import ConceptsSystemConfig
from sensorium.sounds.datasets.data import SoundData
from sensorium.sounds.datasets.mixing import Mixing, Policy
from sensorium.sounds.motion_system import MotionsSystemConfig
from sensorium.sounds.motions import MotionNetConfig, MotionsConfig
from sensorium.sounds.pixels import PixelsConfig
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.systems import PixelsSystemConfig
from sensorium.sounds.view import SoundView

ADAM = Optimiser("adamw", lr=2e-3, weight_decay=1e-2, clip_norm=5.0)
ONE_CYCLE = Schedule("cosine", warmup=0.1)

# --- on the stage ---------------------------------------------------------------------------------

STAGE_SPECTRA = SpectraConfig(bins=128, frames=64)
STAGE_VIEW = SoundView(size=64, frames=3, stride=4, close=128)
STAGE_FLOW = FlowGrid(DISFlow("fast", least=96, finest_scale=0), stride=2)
STAGE_NETWORK = PixelsConfig(
    "resnet_tiny",
    sound=UNetConfig(levels=6, width=16, channels=16),
    standardise=True,
    published_init=False,
)
MIX = Stage(
    "mix-and-separate",
    2100,
    replace(ADAM, lr=1.5e-3),
    ONE_CYCLE,
)
STAGE_TRUNK = "stage-trunk.safetensors"
"""A classifier of the stage's pictures lends its trunk (see ``benchmarks/stage_trunk.py``), as
ImageNet's does in the papers: labels are used there and nowhere else."""


def stage_data(**changes: Any) -> SoundData:
    """Solos of the stage for 1.5 s, any two mixed, now and then one with an empty stage."""
    data = SoundData(
        mixing=Mixing(policy="any", silent=0.05),
        spectra=STAGE_SPECTRA,
        view=STAGE_VIEW,
        length=960,
    )
    return replace(data, **changes)


def stage_recipe(
    name: str, description: str, system: Any, stages: tuple[Stage, ...], data: SoundData
) -> Recipe:
    """What runs on the stage have in common."""
    return Recipe(
        name=name,
        description=description,
        data=data,
        system=system,
        stages=stages,
        batch=16,
        precision="bf16",
        workers=1,
        init=STAGE_TRUNK,
        validate_every=0,
        save_every=200,
    )


def pixels() -> Recipe:
    """The Sound of Pixels on the stage: makes the bundled weights ``pixels``."""
    system = PixelsSystemConfig(STAGE_NETWORK, trunk_rate=0.5, threshold=False)
    return stage_recipe("pixels", "The Sound of Pixels on the stage", system, (MIX,), stage_data())


def concepts() -> Recipe:
    """Co-segmentation on the stage: sigmoids first, then a softmax that hardens.

    Ours: as many channels as the stage has instruments, three sources while channels part, since
    two can be told apart by two channels, and the terms ``balance`` and ``certainty``.
    """
    data = stage_data()
    three = replace(data, mixing=replace(data.mixing, sources=3))
    network = replace(STAGE_NETWORK, sound=replace(STAGE_NETWORK.sound, channels=8))
    system = ConceptsSystemConfig(
        network, trunk_rate=0.5, threshold=False, balance=0.5, certainty=0.1
    )
    stages = (
        replace(MIX, steps=1000),
        Stage(
            "disentangle",
            1100,
            replace(ADAM, lr=1e-3),
            ONE_CYCLE,
            data=three,
            anneal=(("disentangled", 1.0, 1.0), ("temperature", 4.0, 0.3)),
        ),
    )
    return stage_recipe("concepts", "Co-segmentation on the stage", system, stages, data)


def concepts_literal() -> Recipe:
    """The mechanism as we read it: two sources, softmax over the channels of both networks."""
    recipe = concepts()
    system = replace(recipe.system, softmax="both", balance=0.0, certainty=0.0)
    return replace(
        recipe,
        name="concepts-literal",
        description="Co-segmentation, softmax on both networks",
        system=system,
        stages=tuple(replace(stage, data=None) for stage in recipe.stages),
    )


def motions() -> Recipe:
    """The Sound of Motions on the stage: makes the bundled weights ``motions``.

    What is seen first learns to tell its own coarse spectrogram (ours); then the paper's
    curriculum: different instruments, players who look alike, two stretches of one solo.
    """
    shape = MotionsConfig(
        trunk="resnet_tiny",
        width=0.5,
        motion=MotionNetConfig((16, 32, 48), space=(2, 2, 1), time=(2, 1, 1), taps=(5, 3, 3)),
        pixels=3.0,
        channels=48,
        sound=UNetConfig(levels=6, width=16, channels=1, time_levels=2),
    )
    system = MotionsSystemConfig(shape, threshold=False, bands=8, trunk_rate=1.0)
    data = stage_data(
        spectra=SpectraConfig(hop=340, bins=128, frames=96),  # three seconds
        view=SoundView(size=64, fps=16.0, frames=48, stride=1),
        flow=STAGE_FLOW,
        testing=Mixing(policy="same-class"),
        length=640,
        twins=True,
        moves=0.3,
    )

    def mixed(policy: Policy, silent: float = 0.0) -> SoundData:
        return replace(data, mixing=Mixing(policy=policy, silent=silent))

    steady = Schedule("constant", warmup=0.1)
    off = (("foretelling", 0.0, 0.0),)
    stages = (
        Stage(
            "foretell",
            350,
            ADAM,
            ONE_CYCLE,
            data=mixed("any", 0.05),
            anneal=(("foretelling", 1.0, 1.0),),
        ),
        Stage("different", 100, ADAM, steady, data=mixed("different", 0.05), anneal=off),
        Stage("same instrument", 600, ADAM, steady, data=mixed("same-class"), anneal=off),
        Stage("same video", 250, ADAM, Schedule("cosine"), anneal=off),
    )
    recipe = stage_recipe(
        "motions", "The Sound of Motions on the stage", system, stages, mixed("same-video")
    )
    return replace(recipe, batch=12, init=None)


def tiny(recipe: Recipe) -> Recipe:
    """The same recipe small enough for a test: 32 rows and frames, 32 pixels, 60 steps."""
    spectra, view = SpectraConfig(bins=32, frames=32), SoundView(size=32, frames=2, stride=4)
    system = recipe.system
    network = replace(system.network, width=0.5, sound=UNetConfig(levels=4, width=8, channels=10))
    steps = 60 // len(recipe.stages)

    def small(data: SoundData) -> SoundData:
        return replace(data, spectra=spectra, view=view, length=48, held_out=16, seconds=6.0)

    return replace(
        recipe,
        name=f"{recipe.name}-tiny",
        description=f"{recipe.description}, a minute on one core",
        data=small(recipe.data),
        system=replace(system, network=network),
        stages=tuple(
            replace(stage, steps=steps, data=small(stage.data) if stage.data else None)
            for stage in recipe.stages
        ),
        batch=8,
        precision="no",
        workers=0,
        init=None,
        validate_every=0,
        save_every=20,
    )


# --- on the published sets ------------------------------------------------------------------------

IMAGENET_R18 = "hf://timm/resnet18.tv_in1k"


def pixels_music() -> Recipe:
    """The released settings of The Sound of Pixels, for MUSIC or any folder of solos.

    100 epochs of 428 videos, each taken 100 times an epoch; window, view and optimiser as
    released. Ours: crops of 75 to 100 % of the picture, and never a solo mixed with itself.
    """
    sgd = Optimiser("sgd", lr=1e-3, momentum=0.9, weight_decay=1e-4, clip_norm=0.0)
    steps = Schedule("steps", milestones=(0.4, 0.8), gamma=0.1)
    spectra, view = SpectraConfig(), SoundView(size=224, fps=8.0, frames=3, stride=24)
    any_two = Mixing(sources=2, policy="any")
    return Recipe(
        name="pixels-music",
        description="The Sound of Pixels, released settings on MUSIC",
        data=SoundData(
            kind="auto", mixing=any_two, testing=any_two, spectra=spectra, view=view, length=42_800
        ),
        system=PixelsSystemConfig(
            spectra=spectra, view=view, mask="half", weighted=True, trunk_rate=0.1
        ),
        stages=(Stage("mix-and-separate", 53_500, sgd, steps),),
        batch=80,
        workers=8,
        init=IMAGENET_R18,
        validate_every=5350,
        save_every=1000,
    )


# --- tiny twins -----------------------------------------------------------------------------------


def pixels_tiny() -> Recipe:
    """``pixels`` in a minute."""
    return tiny(pixels())


def motions_tiny() -> Recipe:
    """``motions`` in a minute."""
    recipe = motions()
    spectra, view = SpectraConfig(bins=32, frames=64), SoundView(size=32, frames=12, stride=1)
    flow = FlowGrid(DISFlow(least=64, finest_scale=1), stride=2)
    network = replace(
        recipe.system.network,
        width=0.5,
        motion=MotionNetConfig((8, 16), space=(2, 2), time=(1, 1), taps=(3, 3)),
        channels=16,
        sound=UNetConfig(levels=4, width=8, channels=1, time_levels=2),
    )

    def small(data: SoundData) -> SoundData:
        return replace(
            data, spectra=spectra, view=view, flow=flow, length=48, held_out=16, seconds=6.0
        )

    stages = tuple(
        replace(stage, steps=15, data=small(stage.data) if stage.data else None)
        for stage in recipe.stages
    )
    return replace(
        recipe,
        name="motions-tiny",
        description=f"{recipe.description}, a minute on one core",
        data=small(recipe.data),
        system=replace(recipe.system, network=network),
        stages=stages,
        batch=8,
        precision="no",
        workers=0,
        save_every=20,
    )


def concepts_tiny() -> Recipe:
    """``concepts`` in a minute."""
    return tiny(concepts())


RECIPES: dict[str, Callable[[], Recipe]] = {
    "pixels": pixels,
    "concepts": concepts,
    "motions": motions,
    "concepts-literal": concepts_literal,
    "pixels-music": pixels_music,
    "pixels-tiny": pixels_tiny,
    "concepts-tiny": concepts_tiny,
    "motions-tiny": motions_tiny,
}
