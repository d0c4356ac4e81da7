"""A `Recipe` says everything about a training run: data, system, and one or more stages.

Recipes are frozen dataclasses of plain values, so they print, compare, save as JSON and can be
overridden field by field on the command line. `sensorium.training.fit` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from torch import Tensor

Split = Literal["train", "val", "test"]


class Examples(Protocol):
    """A data set whose example depends on nothing but the numbers asked for."""

    def __len__(self) -> int:
        """Number of different examples in one epoch."""

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Example ``index``; ``seed`` drives the augmentation and nothing else does."""


class Data(Protocol):
    """A frozen dataclass that names a data set and opens its splits."""

    def open(self, split: Split) -> Examples:
        """The examples of one split.

        Raises:
            ValueError: when the data are missing or malformed, with what to do.
        """

    def adapt(self, config: Any) -> Any:
        """The system's config made to fit these data (say, its class names)."""


@dataclass(frozen=True)
class Optimiser:
    """Which optimiser; ``clip_norm`` 0 means no clipping of the gradient's norm.

    ``momentum`` is that of ``sgd`` and ``nesterov``, and the first beta of ``adam``; ``adamw`` has
    betas of 0.9 and 0.999.
    """

    kind: Literal["sgd", "nesterov", "adam", "adamw"] = "sgd"
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    clip_norm: float = 20.0


@dataclass(frozen=True)
class Schedule:
    """Learning rate over a stage, as a factor of the optimiser's ``lr``.

    ``steps``: times ``gamma`` at each fraction of the stage in ``milestones``. ``cosine``: to zero.
    Both after a linear warm-up over ``warmup`` (a fraction of the stage).
    """

    kind: Literal["constant", "steps", "cosine"] = "cosine"
    warmup: float = 0.0
    milestones: tuple[float, ...] = ()
    gamma: float = 0.1


@dataclass(frozen=True)
class Stage:
    """One stretch of training.

    Attributes:
        name: shown in the log.
        steps: optimiser steps.
        optimiser: and its settings.
        schedule: of the learning rate.
        weights: factor per loss name; when given, their weighted sum is minimised, not ``loss``.
        freeze: parameters whose names start with one of these are not trained in this stage.
        data: trained on in this stage instead of the recipe's (a curriculum); validation stays with
            the recipe's.
        anneal: scalar buffers of the system that go from one value to another over the stage, by
            equal factors: ``(name, first, last)``, positive unless both are the same.
    """

    name: str = "train"
    steps: int = 1000
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    weights: tuple[tuple[str, float], ...] = ()
    freeze: tuple[str, ...] = ()
    data: Any = None
    anneal: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a run.

    Attributes:
        name: the recipe's, shown by ``sensorium train``.
        description: one line.
        data: a frozen dataclass that answers `Data`.
        system: the system's frozen ``Config``.
        stages: carried out in order.
        batch: examples per step over all processes together.
        seed: of the weights' initialisation, of the order of the data and of the augmentation.
        precision: mixed precision, by Accelerate.
        accumulate: micro-batches per step.
        workers: data-loading processes per training process.
        init: weights to start from: a bundled name, a system folder, a ``.safetensors`` file or
            a Hub id (``hf://timm/resnet50.tv_in1k``); what fits is taken (`System.start_from`).
        validate_every: steps between validations (0: only at the end).
        save_every: steps between checkpoints (the end is always saved).
    """

    name: str
    description: str
    data: Any
    system: Any
    stages: tuple[Stage, ...] = (Stage(),)
    batch: int = 32
    seed: int = 0
    precision: Literal["no", "bf16", "fp16"] = "no"
    accumulate: int = 1
    workers: int = 2
    init: str | None = None
    validate_every: int = 500
    save_every: int = 100
