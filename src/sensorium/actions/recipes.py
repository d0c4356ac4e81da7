"""Recipes of action recognition: the papers' on the published sets, ours on the stage.

``tsm``, ``tsm-online``, ``stnet``, ``tsn`` and ``i3d`` train on the stage and make bundled weights;
``<system>-tiny`` trains in a minute; the others carry the papers' settings
(arXiv:1811.08383 and 1811.01549, with their released code); what is ours says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sensorium.actions.augment import Augmentation
from sensorium.actions.baselines import I3DConfig, TSNConfig
from sensorium.actions.datasets import ActionData
from sensorium.actions.sampling import Sampling
from sensorium.actions.stnet import StNetConfig
from sensorium.actions.systems import (
    I3DSystemConfig,
    StNetSystemConfig,
    TSMSystemConfig,
    TSNSystemConfig,
)
from sensorium.actions.tsm import TSMConfig
from sensorium.recipe import Optimiser, Recipe, Schedule, Stage

IMAGENET_R50 = "hf://timm/resnet50.tv_in1k"
IMAGENET_R101 = "hf://timm/resnet101.tv_in1k"

SystemConfig = TSMSystemConfig | StNetSystemConfig | TSNSystemConfig | I3DSystemConfig

EIGHT = Sampling("uniform", 8)
STAGE_SNIPPETS = Sampling("snippets", 4, 3)


# --- on the stage ---------------------------------------------------------------------------------


def _stage(
    name: str, description: str, system: SystemConfig, *, size: int = 64, steps: int = 2400
) -> Recipe:
    """Two seconds of the stage at 8 frames a second, squashed to a square.

    Half of the training clips show a single move, half are cut out of whole episodes. The whole
    picture is shown, since who moves may stand anywhere; training clips are degraded as real files
    are (resolution, blur, noise, compression), so that the weights survive codecs.
    """
    sampling = STAGE_SNIPPETS if isinstance(system, StNetSystemConfig) else EIGHT
    data = ActionData(
        kind="stage",
        sampling=sampling,
        size=size,
        fit="squash",
        fps=8.0,
        window_seconds=2.0,
        augmentation=Augmentation(
            crop="multiscale", scales=(1.0, 0.93, 0.86), flip=0.5, colour=0.4, degrade=0.2
        ),
        length=15_000,
        episodes=0.5,
    )
    sgd = Optimiser("sgd", lr=0.04, momentum=0.9, weight_decay=5e-4, clip_norm=20.0)
    return Recipe(
        name=name,
        description=description,
        data=data,
        system=system,
        stages=(Stage("train", steps, sgd, Schedule("cosine", warmup=0.05)),),
        batch=32,
        precision="bf16",
        workers=1,
        validate_every=1000,
        save_every=250,
    )


def tsm() -> Recipe:
    """TSM, offline, on the stage: makes the bundled weights ``tsm``."""
    network = TSMConfig("resnet_tiny", dropout=0.2)
    return _stage("tsm", "TSM (offline) on the stage", TSMSystemConfig(network))


def tsm_online() -> Recipe:
    """TSM that looks only into the past, on the stage: makes ``tsm-online``."""
    network = TSMConfig("resnet_tiny", dropout=0.2, direction="past")
    return _stage("tsm-online", "TSM (online) on the stage", TSMSystemConfig(network))


def stnet() -> Recipe:
    """StNet on the stage: makes ``stnet``."""
    network = StNetConfig("resnet_tiny", snippet=3)
    return _stage("stnet", "StNet on the stage", StNetSystemConfig(network))


def tsn() -> Recipe:
    """TSN on the stage, for comparison: it cannot tell a move from its reverse."""
    network = TSNConfig("resnet_tiny", dropout=0.2)
    return _stage("tsn", "TSN (the 2D baseline) on the stage", TSNSystemConfig(network))


def i3d() -> Recipe:
    """I3D on the stage, at the same trunk."""
    network = I3DConfig("resnet_tiny", dropout=0.2)
    return _stage("i3d", "I3D (the 3D baseline) on the stage", I3DSystemConfig(network))


def _tiny(recipe: Recipe) -> Recipe:
    """The same recipe small enough for a test: half the width, 32 pixels, 60 steps."""
    network = replace(recipe.system.network, width=0.5)
    data = replace(recipe.data, size=32, length=480, held_out=48)
    stage = replace(recipe.stages[0], steps=60)
    return replace(
        recipe,
        name=f"{recipe.name}-tiny",
        description=f"{recipe.description}, a minute on one core",
        data=data,
        system=replace(recipe.system, network=network),
        stages=(stage,),
        batch=16,
        precision="no",
        workers=0,
        validate_every=0,
        save_every=20,
    )


# --- on the published sets ------------------------------------------------------------------------


def _published(name: str, description: str, system: SystemConfig, data: ActionData) -> Recipe:
    """Settings common to the released TSM runs: SGD, steps at 0.4 and 0.8, clipping at 20."""
    sgd = Optimiser("sgd", lr=0.01, momentum=0.9, weight_decay=5e-4, clip_norm=20.0)
    steps = Schedule("steps", milestones=(0.4, 0.8), gamma=0.1)
    return Recipe(
        name=name,
        description=description,
        data=data,
        system=system,
        stages=(Stage("train", 1000, sgd, steps),),
        batch=64,
        workers=8,
        init=IMAGENET_R50,
        validate_every=5000,
        save_every=1000,
    )


def _epochs(recipe: Recipe, epochs: int, clips: int, **optimiser: Any) -> Recipe:
    """``epochs`` over ``clips`` training clips, with changes to the optimiser."""
    first = recipe.stages[0]
    stage = replace(
        first,
        steps=epochs * clips // recipe.batch,
        optimiser=replace(first.optimiser, **optimiser),
    )
    return replace(recipe, stages=(stage,))


def _tsm_something(version: str, clips: int) -> Recipe:
    data = ActionData(kind=f"something-{version}", sampling=EIGHT, size=224)  # type: ignore[arg-type]
    recipe = _published(
        f"tsm-something-{version}",
        f"TSM-R50, 8 frames, Something-Something {version.upper()}",
        TSMSystemConfig(TSMConfig("resnet50")),
        data,
    )
    return _epochs(recipe, 50, clips)


def tsm_something_v1() -> Recipe:
    """TSM-R50 on Something-Something V1: lr 0.01 at 64 clips, 50 epochs, weight decay 5e-4."""
    return _tsm_something("v1", 86_017)


def tsm_something_v2() -> Recipe:
    """TSM-R50 on Something-Something V2: as V1."""
    return _tsm_something("v2", 168_913)


def tsm_jester() -> Recipe:
    """TSM-R50 on Jester; settings of Something-Something, since none are published."""
    data = ActionData(kind="jester", sampling=EIGHT, size=224)
    network = TSMSystemConfig(TSMConfig("resnet50"))
    recipe = _published("tsm-jester", "TSM-R50, 8 frames, Jester", network, data)
    return _epochs(recipe, 50, 118_562)


def tsm_online_jester() -> Recipe:
    """Online TSM-MobileNetV2 on Jester; the authors released weights but no recipe: ours."""
    data = ActionData(kind="jester", sampling=EIGHT, size=224)
    network = TSMConfig("mobilenet_v2", direction="past")
    recipe = _published(
        "tsm-online-jester",
        "TSM-MobileNetV2, online, Jester",
        TSMSystemConfig(network),
        data,
    )
    return replace(_epochs(recipe, 50, 118_562), init=None)


def tsm_kinetics() -> Recipe:
    """TSM-R50 on Kinetics-400, uniform sampling: lr 0.02 at 128 clips, 50 epochs."""
    data = ActionData(kind="kinetics", sampling=EIGHT, size=224, missing="skip")
    network = TSMSystemConfig(TSMConfig("resnet50"))
    recipe = _published("tsm-kinetics", "TSM-R50, 8 frames, Kinetics-400", network, data)
    return _epochs(replace(recipe, batch=128), 50, 240_000, lr=0.02, weight_decay=1e-4)


def tsm_kinetics_dense() -> Recipe:
    """TSM-R50 on Kinetics-400, dense sampling, 100 epochs (learning rate not confirmed)."""
    data = ActionData(kind="kinetics", sampling=Sampling("dense", 8), size=224, missing="skip")
    network = TSMSystemConfig(TSMConfig("resnet50"))
    recipe = _published(
        "tsm-kinetics-dense", "TSM-R50, 8 dense frames, Kinetics-400", network, data
    )
    return _epochs(recipe, 100, 240_000, weight_decay=1e-4)


def tsn_kinetics() -> Recipe:
    """TSN-R50 on Kinetics-400: five segments in training, since more overfit."""
    data = ActionData(kind="kinetics", sampling=Sampling("uniform", 5), size=224, missing="skip")
    network = TSNSystemConfig(TSNConfig("resnet50"))
    recipe = _published("tsn-kinetics", "TSN-R50, 5 frames, Kinetics-400", network, data)
    return _epochs(replace(recipe, batch=128), 50, 240_000, lr=0.02, weight_decay=1e-4)


def i3d_kinetics() -> Recipe:
    """I3D-R50 on Kinetics-400, 32 frames; the schedule of TSM's dense run: ours."""
    data = ActionData(kind="kinetics", sampling=Sampling("dense", 32), size=224, missing="skip")
    network = I3DSystemConfig(I3DConfig("resnet50"))
    recipe = _published("i3d-kinetics", "I3D-R50, 32 frames, Kinetics-400", network, data)
    return _epochs(recipe, 100, 240_000, weight_decay=1e-4)


def _fine_tuned(kind: str, clips: int) -> Recipe:
    data = ActionData(kind=kind, sampling=EIGHT, size=224)  # type: ignore[arg-type]
    recipe = _published(
        f"tsm-{kind}",
        f"TSM-R50, 8 frames, {kind.upper()} (give --init a Kinetics system)",
        TSMSystemConfig(TSMConfig("resnet50", dropout=0.8, partial_bn=True)),
        data,
    )
    return _epochs(recipe, 25, clips, lr=0.001)


def tsm_ucf101() -> Recipe:
    """TSM-R50 on UCF101 split 1: lr 0.001 at 64 clips, 25 epochs, dropout 0.8, partial BN."""
    return _fine_tuned("ucf101", 9_537)


def tsm_hmdb51() -> Recipe:
    """TSM-R50 on HMDB51 split 1: as UCF101."""
    return _fine_tuned("hmdb51", 3_570)


def stnet_kinetics() -> Recipe:
    """StNet-R50 on Kinetics-400: T=7, N=5, lr 0.01 at 128 clips, 60 epochs, no clipping."""
    data = ActionData(
        kind="kinetics",
        sampling=Sampling("snippets", 7, 5),
        size=224,
        fit="four-thirds",
        augmentation=Augmentation(crop="random"),
        missing="skip",
    )
    network = StNetSystemConfig(StNetConfig("resnet50"))
    recipe = _published("stnet-kinetics", "StNet-R50, 7 x 5 frames, Kinetics-400", network, data)
    recipe = _epochs(replace(recipe, batch=128), 60, 224_684, weight_decay=1e-4, clip_norm=0.0)
    schedule = Schedule("steps", milestones=(1 / 3, 2 / 3), gamma=0.1)
    return replace(recipe, stages=(replace(recipe.stages[0], schedule=schedule),))


def tsm_tiny() -> Recipe:
    """``tsm`` in a minute."""
    return _tiny(tsm())


def stnet_tiny() -> Recipe:
    """``stnet`` in a minute."""
    return _tiny(stnet())


def tsn_tiny() -> Recipe:
    """``tsn`` in a minute."""
    return _tiny(tsn())


def i3d_tiny() -> Recipe:
    """``i3d`` in a minute."""
    return _tiny(i3d())


RECIPES: dict[str, Callable[[], Recipe]] = {
    "tsm": tsm,
    "tsm-online": tsm_online,
    "stnet": stnet,
    "tsn": tsn,
    "i3d": i3d,
    "tsm-tiny": tsm_tiny,
    "stnet-tiny": stnet_tiny,
    "tsn-tiny": tsn_tiny,
    "i3d-tiny": i3d_tiny,
    "tsm-something-v1": tsm_something_v1,
    "tsm-something-v2": tsm_something_v2,
    "tsm-jester": tsm_jester,
    "tsm-online-jester": tsm_online_jester,
    "tsm-kinetics": tsm_kinetics,
    "tsm-kinetics-dense": tsm_kinetics_dense,
    "tsm-ucf101": tsm_ucf101,
    "tsm-hmdb51": tsm_hmdb51,
    "tsn-kinetics": tsn_kinetics,
    "i3d-kinetics": i3d_kinetics,
    "stnet-kinetics": stnet_kinetics,
}
