"""The benchmark of a story's cost: it runs, and its parts are all of the time."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def module(name: str) -> Any:
    return importlib.import_module(name)


def test_parts_are_disjoint_and_all() -> None:
    spent = {"pictures read": 1.0, "seen": 3.0, "sound read": 0.5, "heard": 0.75}
    parts = module("events_speed").parts_of(spent, 5.0)
    assert parts["features of what is seen"] == 2.0
    assert parts["features of what is heard"] == 0.25
    assert sum(parts.values()) == pytest.approx(5.0)


def test_growth_is_from_the_shortest_to_the_longest() -> None:
    rows = [
        {"video_seconds": n, "total_seconds": 2 * n, "cpu_seconds": n, "peak_mib": 100 + n}
        for n in (10.0, 20.0, 40.0)
    ]
    grown = module("events_speed").growth(rows)
    assert grown == {"video": 4.0, "time": 4.0, "cpu_time": 4.0, "peak_memory": 1.273}
    assert module("events_speed").label_of(120) == "2 h"
    assert module("events_speed").label_of(0.1) == "6 s"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_it_runs_and_its_table_is_written(tmp_path: Path) -> None:
    speed = module("events_speed")
    assert speed.main(["--lengths", "0.075", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "events_speed.json").read_text())
    (row,) = found["lengths"].values()
    assert row["video_seconds"] == pytest.approx(4.5, abs=0.2)
    assert sum(row["parts_cpu_seconds"].values()) == pytest.approx(row["cpu_seconds"], abs=0.01)
    assert all(seconds >= 0 for seconds in row["parts_cpu_seconds"].values())
    assert row["parts_cpu_seconds"]["features of what is seen"] > 0
    assert found["networks"]["ratio"] > 0
    text = module("events_tables").speed(module("write_docs").table, found)
    assert "finding and telling, % of the time" in text
