"""The benchmark of integers compares what it says it compares."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sensorium.robustness.systems import DQConfig, DQSystem


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("robustness_int8")


def size(benchmark: Any) -> Any:
    return benchmark.Size(steps=8, restarts=1, rounds=2)


class Linear(nn.Module):
    """Two classes: is the left half brighter than the right one?"""

    classes = ("left", "right")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right = x[..., :4].mean((1, 2, 3)), x[..., 4:].mean((1, 2, 3))
        return torch.stack([left, right], 1)


def pair(benchmark: Any, shift: float) -> Any:
    """Pictures that differ by 0.05 between their halves, and a copy of the network."""
    x = torch.full((6, 3, 8, 8), 0.5)
    x[:3, ..., :4] += 0.05
    x[3:, ..., 4:] += 0.05
    y = torch.tensor([0, 0, 0, 1, 1, 1])

    def copy(given: torch.Tensor) -> torch.Tensor:
        return (Linear()(given) + torch.tensor([shift, 0.0])).detach()

    return benchmark.Pair("linear", Linear(), copy, x, y, 6, (0.01, 0.05))


def test_equal_networks_agree_and_fall_together(benchmark: Any) -> None:
    row = benchmark.compare(pair(benchmark, 0.0), size(benchmark))
    assert row["accuracy_simulated"] == row["accuracy_integers"] == row["same_answer"] == 1
    small, large = row["robust"]
    assert small["simulated"] == small["integers"] == small["integers_white_box"] == 1
    assert large["simulated"] == large["integers"] == large["integers_white_box"] == 0
    assert row["largest_gap_robust"] == 0


def test_a_network_that_differs_is_noticed(benchmark: Any) -> None:
    row = benchmark.compare(
        pair(benchmark, 0.045), size(benchmark)
    )  # its right side is easily lost
    assert row["robust"][0]["integers_white_box"] < row["robust"][0]["simulated"]
    assert row["largest_gap_robust"] > 0.3


def test_latency_counts_integers(benchmark: Any, tmp_path: Path) -> None:
    tables = importlib.import_module("robustness_int8_tables")
    table = importlib.import_module("write_docs").table
    system = DQSystem(DQConfig("small", 4, 4, ("a", "b"), size=16)).eval()
    row = benchmark.latency("small", system, tmp_path, size(benchmark))
    assert (row["int8_convolutions"], row["float_convolutions"]) == (4, 0)
    assert row["batch_1_ratio"] > 0
    results = {"latency": [row], "threads": 1}
    assert "| small | 4 | 4/4 |" in tables.latency(table, results)
    answers = benchmark.compare(pair(benchmark, 0.0), size(benchmark))
    done = {"int8_convolutions": 4, "float_convolutions": 0}
    results = {"answers": [answers], "exports": {"linear": done}, "attack": "PGD"}
    assert "| `linear` | 6 | 6 | 2.55/255 | 100.0 |" in tables.answers(table, results)
