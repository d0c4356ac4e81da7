"""R@1 and mean IoU, over sentences and over videos."""

from __future__ import annotations

import numpy as np
import pytest

from sensorium.events.metrics.localisation import localisation, overlaps
from sensorium.types import Span


def test_overlaps_are_those_of_spans() -> None:
    rng = np.random.default_rng(0)
    spans = [Span(s, s + d) for s, d in rng.integers(0, 8, (20, 2)).tolist()]
    table = overlaps(spans, spans[:7])
    assert table.shape == (20, 7)
    for i, a in enumerate(spans):
        for j, b in enumerate(spans[:7]):
            assert table[i, j] == pytest.approx(a.iou(b))
    assert overlaps([], spans).shape == (0, 20)
    assert overlaps(spans[:1], spans[:1], 1e-8)[0, 0] < 1


def test_by_hand() -> None:
    true = {"a": [Span(0, 10), Span(10, 20), Span(0, 4)], "b": [Span(0, 10)], "c": []}
    found = {"a": [Span(0, 10), Span(0, 10), Span(0, 8)], "b": [Span(0, 10)], "c": []}
    scores = localisation(found, true)
    assert scores["miou"] == pytest.approx((1 + 0 + 0.5 + 1) / 4)
    assert scores["miou_macro"] == pytest.approx((0.5 + 1) / 2)
    assert scores["recall1_iou0.3"] == scores["recall1_iou0.5"] == 0.75
    assert scores["recall1_iou0.7"] == 0.5
    assert scores["recall1_iou0.7_macro"] == pytest.approx((1 / 3 + 1) / 2)
    assert scores["sentences"] == 4


@pytest.mark.parametrize(
    ("found", "true", "what"),
    [
        ({"a": []}, {"b": []}, "only one of found and true, such as 'a'"),
        ({"a": [Span(0, 1)]}, {"a": [Span(0, 1)] * 2}, "a: got 1 spans for 2 sentences"),
        ({"a": []}, {"a": []}, "no sentence"),
    ],
)
def test_what_does_not_fit_is_one_line(found, true, what) -> None:
    with pytest.raises(ValueError, match=what):
        localisation(found, true)
