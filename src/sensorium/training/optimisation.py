"""Optimiser, learning-rate schedule and frozen parameters of one stage."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from sensorium.recipe import Optimiser, Schedule, Stage
from sensorium.suggest import did_you_mean
from sensorium.system import System


@runtime_checkable
class HasParameterGroups(Protocol):
    """A system whose parameters learn at different rates (optional)."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups with the keys ``params`` (a list), ``lr_factor`` and ``weight_decay_factor``."""


def lr_factor(schedule: Schedule, step: int, steps: int) -> float:
    """Factor of the learning rate in step ``step`` (from 0) of a stage of ``steps``.

    The warm-up rises linearly to 1 over its share of the stage; the schedule proper has the rest
    (``cosine``) or counts fractions of the whole stage (``steps``).
    """
    warm = round(schedule.warmup * steps)
    if step < warm:
        return (step + 1) / warm
    if schedule.kind == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
    if schedule.kind == "steps":
        passed = sum(step >= milestone * steps for milestone in schedule.milestones)
        return schedule.gamma**passed
    return 1.0


def freeze(system: System, stage: Stage, trainable: frozenset[str]) -> None:
    """Put ``system`` in training mode with the stage's prefixes frozen.

    Frozen batch normalisation also keeps its running statistics.

    Args:
        system: in any mode.
        stage: its ``freeze`` names prefixes.
        trainable: names of the parameters that may be trained at all.

    Raises:
        ValueError: when a prefix names nothing, or nothing is left to train.
    """
    system.train()
    names = [name for name, _ in system.named_parameters()]
    for prefix in stage.freeze:
        if not any(name.startswith(prefix) for name in names):
            hint = did_you_mean(prefix, {name.rsplit(".", 1)[0] for name in names})
            raise ValueError(
                f"stage {stage.name!r}: nothing to freeze starts with {prefix!r}{hint}"
            )
    for name, parameter in system.named_parameters():
        parameter.requires_grad_(name in trainable and not name.startswith(stage.freeze))
    if not any(p.requires_grad for p in system.parameters()):
        raise ValueError(f"stage {stage.name!r} freezes every parameter; leave some to train")
    for name, module in system.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and name.startswith(stage.freeze):
            module.eval()


@dataclass
class Optimisation:
    """An optimiser whose groups keep their own base rates.

    Attributes:
        optimiser: torch's; `fit` replaces it by the one that Accelerate prepared.
        schedule: of the stage.
        steps: of the stage.
        lr: base rate of factor 1.
        factors: of the base rate, per group.
    """

    optimiser: torch.optim.Optimizer
    schedule: Schedule
    steps: int
    lr: float
    factors: tuple[float, ...]

    def set_rate(self, step: int) -> float:
        """Set the groups' rates for ``step`` (from 0, within the stage); returns factor 1's."""
        rate = self.lr * lr_factor(self.schedule, step, self.steps)
        for group, factor in zip(self.optimiser.param_groups, self.factors, strict=True):
            group["lr"] = rate * factor
        return rate


def optimisation(system: System, stage: Stage) -> Optimisation:
    """The stage's optimiser over what is not frozen.

    Raises:
        ValueError: when the system's parameter groups leave out a trainable parameter.
    """
    settings = stage.optimiser
    groups = [
        {
            "params": parameters,
            "weight_decay": settings.weight_decay * group.get("weight_decay_factor", 1.0),
            "lr_factor": group.get("lr_factor", 1.0),
        }
        for group in _groups(system)
        if (parameters := [p for p in group["params"] if p.requires_grad])
    ]
    _refuse_missing(system, groups)
    factors = tuple(group.pop("lr_factor") for group in groups)
    return Optimisation(_make(settings, groups), stage.schedule, stage.steps, settings.lr, factors)


def _groups(system: System) -> list[dict[str, Any]]:
    """The system's own groups, or one of everything."""
    if isinstance(system, HasParameterGroups):
        return system.parameter_groups()
    return [{"params": list(system.parameters())}]


def _make(settings: Optimiser, groups: Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
    """Torch's optimiser of that kind."""
    if settings.kind == "adamw":
        return torch.optim.AdamW(groups, lr=settings.lr)
    if settings.kind == "adam":
        return torch.optim.Adam(groups, lr=settings.lr, betas=(settings.momentum, 0.999))
    nesterov = settings.kind == "nesterov"
    return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=nesterov)


def _refuse_missing(system: System, groups: list[dict[str, Any]]) -> None:
    """A parameter in no group would silently stay as it was initialised."""
    grouped = [id(p) for group in groups for p in group["params"]]
    for name, parameter in system.named_parameters():
        if parameter.requires_grad and grouped.count(id(parameter)) != 1:
            found = grouped.count(id(parameter))
            raise ValueError(
                f"{system.name}: parameter {name!r} is in {found} parameter groups, expected one; "
                "correct parameter_groups()"
            )
