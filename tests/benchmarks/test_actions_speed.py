import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from sensorium.layers.temporal_shift import TemporalShift

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the quick run writes."""
    folder = tmp_path_factory.mktemp("results")
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "actions_speed.py", "--quick", "--out", folder],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "actions_speed.json").read_text())


def test_every_network_is_timed_on_every_path(results):
    assert list(results["clips"]) == ["batch 1", "batch 2"]
    for rows in results["clips"].values():
        assert set(rows) == {"tsn", "tsm", "tsm-slices", "i3d"}
        assert set(rows["tsm"]) > {"fp32", "bf16 channels-last", "onnx int8"}
        assert all(0 < f["min_ms"] <= f["median_ms"] for row in rows.values() for f in row.values())
    assert results["peak_memory"]["mib"]["tsm"]["fp32"] > 0
    assert results["machine"]["torch_threads"] == 1


def test_goals_are_judged_on_what_was_measured(results):
    goals = results["goals"]
    shift = goals["shift <= 3 % of the 2D network, fp32"]
    assert shift["value"] == results["shift_overhead"]["fp32"]["tsm"]["of_min_percent"]
    assert shift["met"] is (shift["value"] <= 3)
    row = results["clips"]["batch 1"]["tsm"]
    best = max(row[p]["times_as_fast_as_fp32"] for p in ("bf16 channels-last", "onnx int8"))
    assert goals["bf16 or int8 >= 3 times fp32 NCHW, batch 1"]["value"] == best


def test_both_ways_to_shift_do_the_same_work(results, monkeypatch):
    networks = results["networks"]
    assert networks["tsm"] == networks["tsn"] == networks["tsm-slices"]
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    paths = importlib.import_module("actions_paths")
    x = torch.arange(2.0 * 4 * 16 * 9).view(8, 16, 3, 3)
    assert torch.equal(paths.SliceCopies()(x, 4), TemporalShift()(x, 4))
