from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from sensorium.store import load, models, save, systems
from sensorium.store.sources import bundled_names


def test_models_are_listed_from_their_cards(system: Any, card: Any, tmp_path: Path) -> None:
    for name in ("b", "a"):
        save(system, tmp_path / "weights" / name, card)
    first, second = models(tmp_path / "weights")
    assert (first.name, second.name) == ("a", "b")
    assert first.system == "tiny"
    assert first.parameters == sum(p.numel() for p in system.parameters())
    assert first.megabytes == pytest.approx(
        (tmp_path / "weights" / "a" / "model.safetensors").stat().st_size / 1e6
    )
    assert first.metrics == card.metrics
    assert first.licence == "Apache-2.0"


def test_what_is_bundled_loads() -> None:
    infos = models()
    assert [info.name for info in infos] == bundled_names()
    assert sum(info.megabytes for info in infos) < 30
    for info in infos:
        system = load(info.name)
        assert system.name == info.system
        assert system.weights == info.name
        assert sum(p.numel() for p in system.parameters()) == info.parameters
        assert all(math.isfinite(value) for value in info.metrics.values())


def test_systems_go_by_their_names() -> None:
    for name, cls in systems().items():
        assert cls.name == name
