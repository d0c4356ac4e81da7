import json

import pytest
import torch

from sensorium.robustness.classifier import LabelledData
from sensorium.robustness.curve import NAIVE, CurvePlan, RobustnessCurve, measure_curve, wilson


class Bright(torch.nn.Module):
    classes = ("dark", "grey", "bright")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = 10 * x.flatten(1).mean(1)
        return torch.stack([4 - mean, torch.ones_like(mean) * 0, mean - 6], 1)


def greys(count: int = 41) -> LabelledData:
    x = torch.linspace(0.0, 1.0, count)[:, None, None, None].expand(count, 3, 4, 4).contiguous()
    return LabelledData(x, Bright()(x).argmax(1), Bright.classes)


PLAN = CurvePlan(eps=(0.0, 0.11, 0.06, 0.21), steps=10, restarts=1, queries=20, batch=16)


@pytest.fixture(scope="module")
def curve() -> RobustnessCurve:
    told = []
    found = measure_curve(
        Bright(), greys(), PLAN, names=("bright", "greys"), told=lambda *n: told.append(n)
    )
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    return found


def test_accuracy_falls_by_what_lies_near_the_borders(curve):
    assert curve.clean == 1.0
    mean = greys().x.flatten(1).mean(1)
    border = torch.minimum((mean - 0.4).abs(), (mean - 0.6).abs())
    for point in curve.points[1:]:
        expected = float((border > point.eps + 1e-4).float().mean())
        assert point.robust == pytest.approx(expected, abs=1e-6)
    robust = [p.robust for p in curve.points]
    assert robust == sorted(robust, reverse=True)
    assert all(p.robust <= p.naive for p in curve.points)


def test_who_broke_what_adds_up(curve):
    for before, point in zip(curve.points, curve.points[1:], strict=False):
        assert sum(point.broken_by.values()) == pytest.approx(before.robust - point.robust)


def test_the_worst_case_is_never_above_the_naive_figure():
    weak = CurvePlan(eps=(0.06, 0.11), steps=1, restarts=1, queries=1, batch=16)
    found = measure_curve(Bright(), greys(), weak)
    assert all(p.robust <= p.naive for p in found.points)
    assert found.points[0].broken_by[NAIVE] > 0


def test_it_can_be_believed_or_not(curve):
    assert curve.masking is not None
    assert curve.masking.zero_gradients == 0.0
    assert curve.masking.search_only == 0.0


def test_saved(curve, tmp_path):
    record, drawn = curve.save(tmp_path)
    said = json.loads(record.read_text())
    assert said == curve.to_dict()
    assert list(said["metrics"]["robust"]) == ["0", "0.06", "0.11", "0.21"]
    assert drawn.stat().st_size > 1000


def test_wilson_against_scipy():
    from scipy.stats import binomtest

    for wins, count in ((0, 10), (3, 10), (97, 100)):
        there = binomtest(wins, count).proportion_ci(0.95, "wilson")
        assert wilson(wins / count, count) == pytest.approx((there.low, there.high), abs=1e-6)


def test_no_samples():
    empty = object.__new__(LabelledData)
    object.__setattr__(empty, "x", torch.empty(0, 3, 4, 4))
    with pytest.raises(ValueError, match="no samples"):
        measure_curve(Bright(), empty, PLAN)


def test_a_classifier_that_is_always_wrong():
    data = greys(6)
    wrong = LabelledData(data.x, (data.y + 1) % 3, data.classes)
    found = measure_curve(Bright(), wrong, CurvePlan(eps=(0.1,), steps=2, queries=2))
    assert found.clean == found.points[0].robust == 0.0
    assert found.masking is None
