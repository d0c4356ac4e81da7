"""Tiny systems with sensible norms, and one export of each kind for all tests to look at."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sensorium.actions.recipes import RECIPES
from sensorium.actions.systems import ActionSystem
from sensorium.export import Exported, export
from sensorium.recipe import Recipe
from sensorium.store import Card, system_of

Make = Callable[..., ActionSystem]
Export = Callable[[str], tuple[ActionSystem, Exported]]


def small(name: str) -> Recipe:
    """A tiny recipe whose held-out splits are smaller still."""
    recipe = RECIPES[name]()
    return replace(recipe, data=replace(recipe.data, held_out=12))


def make(name: str, **network: Any) -> ActionSystem:
    """The system of a recipe with random weights, norms and logits of about 1."""
    recipe = small(name)
    config = recipe.data.adapt(recipe.system)
    config = replace(config, network=replace(config.network, **network))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        system = system_of(config)(config).eval()
        for module in system.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                nn.init.uniform_(module.running_mean, -0.2, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 2.0)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.2, 0.2)
        features = system.network.head.in_features
        nn.init.normal_(system.network.head.weight, std=features**-0.5)
    assert isinstance(system, ActionSystem)
    system.weights, system.card = name, Card(recipe=name)
    return system


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A system and its export: ``tsm``, ``stnet``, ``i3d`` or ``stream``, with ``-int8``."""

    @cache
    def of(kind: str) -> tuple[ActionSystem, Exported]:
        base = kind.removesuffix("-int8")
        name = "tsm-tiny" if base == "stream" else f"{base}-tiny"
        system = make(name, **({"direction": "past"} if base == "stream" else {}))
        path = tmp_path_factory.mktemp("exported") / f"{kind}.onnx"
        done = export(
            system,
            path,
            int8=kind.endswith("-int8"),
            streaming=base == "stream",
            calibration=small(name).data,
            max_drop=1.0,
        )
        return system, done

    return of


@pytest.fixture
def tsm() -> ActionSystem:
    return make("tsm-tiny")


@pytest.fixture
def make_actions() -> Make:
    """What makes the system of a recipe."""
    return make


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder in which nothing must be left."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder
