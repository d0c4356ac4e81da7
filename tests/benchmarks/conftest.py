"""Benchmarks quieten the log of their process; tests after them want to hear it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def log_is_heard_again() -> Iterator[None]:
    """Undo ``logging.disable``."""
    before = logging.root.manager.disable
    yield
    logging.disable(before)
