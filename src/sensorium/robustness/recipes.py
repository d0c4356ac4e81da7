"""Recipes of defensive quantisation: on objects and digits out of the box, the paper's on its sets.

``dq``, ``dq-vanilla`` and ``dq-full`` have one network, one number of steps and one set of pictures
and make the bundled weights; `digits` makes every number of bits and every way of training for
comparisons, in seconds each. ``dq-cifar10`` and ``dq-svhn`` carry the schedule of the paper
(arXiv:1904.08444, section 5, which is that of Wide ResNets); what is ours says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from sensorium.recipe import Optimiser, Recipe, Schedule, Stage
from sensorium.robustness.datasets.cifar import Cifar
from sensorium.robustness.datasets.digits import Digits
from sensorium.robustness.datasets.folders import PictureFolders
from sensorium.robustness.datasets.mnist import Mnist
from sensorium.robustness.datasets.objects import ObjectsData
from sensorium.robustness.datasets.svhn import Svhn
from sensorium.robustness.systems import DQConfig

Defence = Literal["vanilla", "penalty", "dq"]
"""How a network is trained.

``vanilla``: batch normalisation, no penalty. ``penalty``: the paper's, the same with the penalty on
the raw weights (and convex residual sums), which batch normalisation can undo. ``dq``: kept from
enlarging anything for good: no batch normalisation, orthogonal from the start and held there by
the penalty, a tighter bound of the activations, logits times 16.
"""

DEFENCES: tuple[Defence, ...] = ("vanilla", "penalty", "dq")

_SGD = Optimiser("nesterov", lr=0.05, momentum=0.9, weight_decay=5e-4, clip_norm=1.0)


def defended(config: DQConfig, defence: Defence) -> DQConfig:
    """A config with the settings of a way of training.

    Raises:
        ValueError: for an unknown one.
    """
    if defence == "vanilla":
        return replace(config, norm="batch", beta=0.0, clip=6.0, scale=1.0, convex=False)
    if defence == "penalty":
        return replace(config, norm="batch", beta=3e-3, clip=6.0, scale=1.0, convex=True)
    if defence == "dq":
        held = replace(config, norm="none", gain=1.0, beta=1e-2, convex=True)
        return replace(held, clip=1.0, scale=16.0)
    raise ValueError(f"defence must be one of {', '.join(DEFENCES)}, got {defence!r}")


# --- out of the box -------------------------------------------------------------------------------


def objects(
    bits: int, defence: Defence, *, name: str = "", steps: int = 1500, seed: int = 0
) -> Recipe:
    """A small network on the procedural objects, eight shapes at 32 x 32 pixels.

    Eight orthogonal layers in a row do not learn them: what pictures have in common drowns what
    they do not. So ``dq`` is normalised here by the mean alone, which is a shift, and its singular
    values are held at the square root of 2, since a rectifier drops half of what it gets.
    """
    system = defended(DQConfig(network="small", depth=8, width=16, bits=bits), defence)
    if defence == "dq":
        system = replace(system, norm="mean", gain=2**0.5, scale=8.0)
    return Recipe(
        name=name or f"objects-{defence}-{bits or 'full'}",
        description=f"{_bits(bits)} ({defence}), small network, procedural objects",
        data=ObjectsData(),
        system=system,
        stages=(Stage("train", steps, _SGD, Schedule("cosine", warmup=0.1)),),
        batch=64,
        seed=seed,
        workers=0,
        validate_every=0,
        save_every=1000,
    )


def digits(
    bits: int, defence: Defence, *, seed: int = 0, epochs: int = 25, name: str = ""
) -> Recipe:
    """Six convolutions on scikit-learn's digits (8 x 8): seconds on one core.

    Args:
        bits: of the activations; 0 for floats.
        defence: the way of training.
        seed: of weights and order.
        epochs: over the 1,200 training pictures.
        name: of the recipe.
    """
    system = defended(
        DQConfig(network="small", depth=6, width=16, in_channels=1, size=8, bits=bits), defence
    )
    steps = epochs * 1200 // 64
    return Recipe(
        name=name or f"digits-{defence}-{bits or 'full'}",
        description=f"{_bits(bits)} ({defence}), small network, scikit-learn's digits",
        data=Digits(),
        system=system,
        stages=(Stage("train", steps, _SGD, Schedule("cosine", warmup=0.2)),),
        batch=64,
        seed=seed,
        workers=0,
        validate_every=0,
        save_every=0,
    )


def _bits(bits: int) -> str:
    return f"{bits}-bit activations" if bits else "floats"


def dq() -> Recipe:
    """Defensive quantisation to 4 bits, on objects: makes the bundled weights ``dq``."""
    return objects(4, "dq", name="dq")


def dq_vanilla() -> Recipe:
    """Vanilla quantisation to 4 bits, on objects: makes ``dq-vanilla``."""
    return objects(4, "vanilla", name="dq-vanilla")


def dq_full() -> Recipe:
    """Floats, on objects: makes ``dq-full``."""
    return objects(0, "vanilla", name="dq-full")


def dq_adversarial() -> Recipe:
    """``dq`` trained on R+FGSM pictures, about twice the work."""
    recipe = objects(4, "dq", name="dq-adversarial")
    return replace(
        recipe,
        description=f"{recipe.description}, R+FGSM adversarial training",
        system=replace(recipe.system, adversarial="rfgsm"),
    )


def dq_tiny() -> Recipe:
    """``dq`` in seconds: four narrow convolutions, 60 steps."""
    recipe = objects(4, "dq", name="dq-tiny", steps=60)
    return replace(
        recipe,
        description="defensive quantisation, 4 bits, seconds on one core",
        data=ObjectsData(length=480, held_out=48),
        system=replace(recipe.system, depth=4, width=8),
        batch=16,
        save_every=20,
    )


def dq_digits() -> Recipe:
    """Defensive quantisation to 4 bits, on digits."""
    return digits(4, "dq", name="dq-digits")


def dq_digits_vanilla() -> Recipe:
    """Vanilla quantisation to 4 bits, on digits."""
    return digits(4, "vanilla", name="dq-digits-vanilla")


def dq_digits_full() -> Recipe:
    """Floats, on digits."""
    return digits(0, "vanilla", name="dq-digits-full")


# --- on your own data -----------------------------------------------------------------------------


def dq_pictures() -> Recipe:
    """``dq`` on a folder of pictures by class, at 32 x 32 pixels; say which: ``--data.root``."""
    recipe = objects(4, "dq", name="dq-pictures", steps=3000)
    return replace(
        recipe,
        description="defensive quantisation, 4 bits, your pictures by class at 32 x 32 pixels",
        data=PictureFolders(resize=36, size=32),
        workers=2,
    )


def dq_mnist() -> Recipe:
    """Six convolutions on MNIST or its kin, five epochs; ``--data.root`` is the IDX files'."""
    recipe = digits(4, "dq", name="dq-mnist")
    return replace(
        recipe,
        description="defensive quantisation, 4 bits, small network, MNIST's files",
        data=Mnist(),
        system=replace(recipe.system, size=28),
        stages=tuple(replace(stage, steps=5 * 55_000 // 64) for stage in recipe.stages),
        save_every=1000,
    )


# --- on the paper's sets --------------------------------------------------------------------------


def _published(name: str, description: str, data: Cifar | Svhn, system: DQConfig) -> Recipe:
    """200 epochs over 50,000 pictures at lr 0.1, times 0.2 at 60, 120 and 160."""
    sgd = Optimiser("nesterov", lr=0.1, momentum=0.9, weight_decay=5e-4, clip_norm=0.0)
    steps = Schedule("steps", milestones=(0.3, 0.6, 0.8), gamma=0.2)
    return Recipe(
        name=name,
        description=description,
        data=data,
        system=system,
        stages=(Stage("train", 200 * 50_000 // 128, sgd, steps),),
        batch=128,
        workers=4,
        validate_every=0,
        save_every=2000,
    )


def dq_cifar10() -> Recipe:
    """WRN-28-10 on all of CIFAR-10's training pictures, 4 bits, convex sums (beta: scan it)."""
    system = DQConfig(network="wide_resnet", depth=28, width=10, bits=4, beta=2e-3, convex=True)
    return _published("dq-cifar10", "WRN-28-10, 4 bits, CIFAR-10", Cifar(held_out=0), system)


def dq_cifar10_vgg() -> Recipe:
    """VGG-16 on CIFAR-10, the paper's second network for what amplifies errors; no penalty."""
    system = DQConfig(network="vgg", depth=16, width=64, bits=4)
    return _published("dq-cifar10-vgg", "VGG-16, 4 bits, CIFAR-10", Cifar(held_out=0), system)


def dq_svhn() -> Recipe:
    """WRN-16-4 on SVHN's own training pictures: 160 epochs at lr 0.01, times 0.1 at 80 and 120."""
    system = DQConfig(network="wide_resnet", depth=16, width=4, bits=4, beta=2e-3, convex=True)
    recipe = _published("dq-svhn", "WRN-16-4, 4 bits, SVHN", Svhn(held_out=0), system)
    stage = recipe.stages[0]
    stage = replace(
        stage,
        steps=160 * 73_257 // 128,
        optimiser=replace(stage.optimiser, lr=0.01),
        schedule=Schedule("steps", milestones=(0.5, 0.75), gamma=0.1),
    )
    return replace(recipe, stages=(stage,))


RECIPES: dict[str, Callable[[], Recipe]] = {
    "dq": dq,
    "dq-vanilla": dq_vanilla,
    "dq-full": dq_full,
    "dq-adversarial": dq_adversarial,
    "dq-tiny": dq_tiny,
    "dq-digits": dq_digits,
    "dq-digits-vanilla": dq_digits_vanilla,
    "dq-digits-full": dq_digits_full,
    "dq-pictures": dq_pictures,
    "dq-mnist": dq_mnist,
    "dq-cifar10": dq_cifar10,
    "dq-cifar10-vgg": dq_cifar10_vgg,
    "dq-svhn": dq_svhn,
}
