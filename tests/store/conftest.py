from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from sensorium.store import Card, save


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The small system and its data set, shared with the tests of training."""
    path = Path(__file__).parents[1] / "training" / "tiny.py"
    if "tiny" in sys.modules:  # one copy of its classes for all tests
        return sys.modules["tiny"]
    spec = importlib.util.spec_from_file_location("tiny", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tiny"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def system(tiny: ModuleType) -> Any:
    """A system whose normalisation has seen data."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        system = tiny.Tiny(
            tiny.TinyConfig(width=tiny.Width(5, norm=True), classes=("a", "b", "c"), note="hello")
        )
        for _ in range(3):
            system(torch.randn(6, 8))
    system.weights = "tiny-best"
    return system


@pytest.fixture
def card() -> Card:
    return Card(
        description="Three directions.",
        recipe="tiny-recipe",
        seeds=(0, 1),
        steps=24,
        trained_on="vectors",
        evaluated_on="the test split",
        metrics={"top1": 0.75, "top1/a": 1.0},
        limits="Knows vectors only.",
        paper="Nobody 2026",
        notes=("one", "two"),
    )


@pytest.fixture
def folder(system: Any, card: Card, tmp_path: Path) -> Path:
    """A saved system."""
    return save(system, tmp_path / "saved", card)
