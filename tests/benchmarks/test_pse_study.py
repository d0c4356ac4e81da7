"""The study of promotion and suppression: its statistics, a tiny run, tables and figures."""

from __future__ import annotations

import importlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

NETWORK = """
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(
    nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(),
    nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 8),
)
with torch.no_grad():  # decided, and not always of one mind
    net[-1].weight.mul_(40)
    net[-1].bias.copy_(-net(torch.full((1, 3, 32, 32), 0.5))[0])
"""


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def module(name: str) -> Any:
    return importlib.import_module(name)


def test_intervals_hold_the_mean_and_leave_out_what_has_no_value() -> None:
    interval = module("pse_attacks").interval
    values = torch.tensor([0.0, 1.0, float("nan"), 1.0, 0.0])
    found = interval(values)
    assert found["mean"] == 0.5
    assert found["pictures"] == 4
    assert 0 <= found["low"] < 0.5 < found["high"] <= 1
    assert math.isnan(interval(torch.tensor([float("nan")]))["mean"])


def test_relation_is_spearmans() -> None:
    relation = module("pse_units").relation
    iou = torch.linspace(0.1, 0.9, 24)
    same = relation(iou, iou.exp(), 0)
    assert same["rho"] == pytest.approx(1)
    assert same["p"] < 0.001
    assert same["iou_of_most_sensitive_quarter"] > same["iou_of_rest"]
    noise = torch.rand(24, generator=torch.Generator().manual_seed(3))
    from scipy.stats import spearmanr

    other = relation(iou, noise, 0)
    expected = spearmanr(iou.numpy(), noise.numpy())
    assert other["rho"] == pytest.approx(float(expected.statistic), abs=1e-6)
    assert other["p"] == pytest.approx(float(expected.pvalue), abs=0.05)
    assert other["low"] < other["rho"] < other["high"]


def test_silent_units_are_left_out() -> None:
    iou = torch.cat([torch.linspace(0.1, 0.9, 10), torch.zeros(10)])
    found = module("pse_units").relation(iou, iou.flip(0).roll(10), 0)
    assert found["units"] == 10
    assert found["rho"] == pytest.approx(-1)


def test_holm() -> None:
    rows = [{"p": 0.01}, {"p": 0.04}, {"p": 0.03}]
    module("pse_units").holm(rows)
    assert [row["p_adjusted"] for row in rows] == pytest.approx([0.03, 0.06, 0.06])


def test_layers_are_the_rectified_maps() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3600, 2)).eval()
    assert list(module("pse_study").layers_of(network)) == ["1"]


def test_a_tiny_study_makes_every_table_and_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny_network.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    study = module("pse_study")
    monkeypatch.setattr(study, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(module("pse_attacks"), "attacks", lambda fast: few(study))
    words = ["pse_study.py", "--network", "tiny_network:net", "--pictures", "4", "--fast", "0.05"]
    words += ["--parts", "cells", "refinement", "units", "silencing"]
    words += ["--out", str(tmp_path), "--figures", str(tmp_path / "figures")]
    monkeypatch.setattr(sys, "argv", words)
    threads = torch.get_num_threads()
    try:
        study.main()
    finally:
        torch.set_num_threads(threads)
    results = json.loads((tmp_path / "pse_study.json").read_text())
    assert results["cells"].keys() == few(study).keys()
    shares = results["cells"]["IFGSM 8/255"]["kinds"]
    assert sum(v["mean"] for v in shares.values()) == pytest.approx(1)
    table = module("write_docs").table
    for name, make in module("pse_tables").TABLES.items():
        text = make(table, results)
        assert text.count("|") > 10 or name == "pse-video", name
        assert "nan" not in text
    drawn = sorted(p.name for p in (tmp_path / "figures").iterdir())
    assert drawn == [
        *("pse_cw.png", "pse_ifgsm.png", "pse_kept.png", "pse_kinds.png", "pse_places.png"),
        *("pse_silencing.png", "pse_units.png"),
    ]


def few(study: Any) -> dict[str, Any]:
    """Two of the attacks, large and short enough for weights that were never trained."""
    from sensorium.robustness.attacks import BIM, CW

    attack = BIM(eps=0.5, steps=5, step=0.1, stop=False)
    least = CW(steps=20, searches=3, constant=1.0)
    return {"IFGSM 8/255": attack, "IFGSM 8/255, until it works": attack, "C&W": least}
