"""The slow, independent metrics, and sentences to score."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="session")
def independent() -> ModuleType:
    """The module ``independent`` beside this file."""
    path = Path(__file__).with_name("independent.py")
    spec = importlib.util.spec_from_file_location("events_independent_metrics", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def corpus(independent: ModuleType) -> tuple[list, list]:
    """30 predictions with one to three references each, as words."""
    from sensorium.events.metrics.tokeniser import tokenise

    rng = np.random.default_rng(3)
    predictions = [tokenise(independent.sentence(rng)) for _ in range(30)]
    references = [
        [tokenise(independent.sentence(rng)) for _ in range(rng.integers(1, 4))] for _ in range(30)
    ]
    return predictions, references
