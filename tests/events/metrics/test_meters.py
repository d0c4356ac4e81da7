"""Meters give the figures of `dense_captioning`, however the videos come."""

from __future__ import annotations

import pytest
import torch

from sensorium.events.metrics import dense_captioning
from sensorium.events.metrics.meters import feed, story_meters
from sensorium.types import Span

TOLD = [
    [(Span(0, 9), "a man jumps"), (Span(12, 30), "two dogs bark")],
    [(Span(3, 5), "the woman plays the violin")],
    [],
    [(Span(0, 1), "a cat")],
]
TRUE = [
    [(Span(0, 10), "a man jumps up"), (Span(10, 20), "two dogs bark loudly")],
    [(Span(3, 5), "the woman plays the drum"), (Span(4, 6), "a man jumps")],
    [(Span(0, 10), "a cat sits")],
    [],
]


def names(stories):
    return {str(k): story for k, story in enumerate(stories)}


def test_meters_agree_with_the_figures_of_all_videos_at_once() -> None:
    meters = story_meters()
    for k in (0, 2):
        feed(meters, TOLD[k : k + 2], TRUE[k : k + 2])
    whole = dense_captioning(names(TOLD), [names(TRUE)])
    for name, meter in meters.items():
        scale = 1 if name == "predictions" else 100
        value = meter.compute()
        assert value.shape == ()
        assert scale * float(value) == pytest.approx(whole[name], rel=1e-5), name
    assert 0 < whole["f1"] < 100


def test_only_tensors_are_told_and_only_to_meters_that_are_there() -> None:
    heard = []

    class Listener:
        def update(self, *values) -> None:
            heard.append(values)

        def compute(self) -> float:
            return 0.0

    feed({"f1": Listener(), "soda": Listener(), "miou": Listener()}, TOLD, TRUE)
    assert len(heard) == 2
    assert all(isinstance(value, torch.Tensor) for values in heard for value in values)
    feed({"f1": Listener()}, [[]], [[]])
    assert len(heard) == 2
    with pytest.raises(ValueError, match="2 stories of 1 videos"):
        feed({}, [[], []], [[]])
