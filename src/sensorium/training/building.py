"""A recipe's system, initialised from the recipe's seed."""

from __future__ import annotations

import logging

import torch

from sensorium.recipe import Recipe
from sensorium.seeds import derive
from sensorium.store import read_weights, system_of
from sensorium.system import System
from sensorium.training.randomness import seeded

logger = logging.getLogger("sensorium.training")


def build(recipe: Recipe, kind: type[System] | None = None, *, start: bool = True) -> System:
    """The system with its config fitted to the data, and ``recipe.init`` taken over.

    Args:
        recipe: whose.
        kind: the system's class; default: the one of the package whose config it is.
        start: whether to take over ``recipe.init`` (not needed when a checkpoint follows).

    Raises:
        ValueError: when no system takes the config, or the initial weights do not fit.
    """
    cls = system_of(recipe.system) if kind is None else system_of(recipe.system, [kind])
    config = recipe.data.adapt(recipe.system)
    with seeded(derive(recipe.seed, "init")):
        system = cls(config)
        if recipe.init is not None and start:
            _start(system, recipe.init)
    system.weights = recipe.name
    return system


def _start(system: System, source: str) -> None:
    """Take over weights, and say what was not among them.

    Raises:
        ValueError: when no parameter was.
    """
    before = {name: p.detach().clone() for name, p in system.named_parameters()}
    system.start_from(read_weights(source))
    fresh = [n for n, p in system.named_parameters() if torch.equal(p, before[n])]
    if len(fresh) == len(before):
        raise ValueError(
            f"{source}: no parameter fits this system by name and shape; "
            "start from weights of the same network, or without"
        )
    if fresh:
        logger.warning(
            "%s: gave %d of %d parameters; the others start anew: %s",
            source,
            len(before) - len(fresh),
            len(before),
            ", ".join(fresh[:3]) + (" …" if len(fresh) > 3 else ""),
        )
