"""Anchors, `decode` and overlaps."""

from __future__ import annotations

import itertools

import pytest
import torch

from sensorium.events.anchors import (
    NARROWEST,
    PUBLISHED,
    AnchorsConfig,
    anchors_of,
    decode,
    dense,
    edges,
    iou,
)
from sensorium.types import Span


def test_published_anchors_are_fifteen_and_tile_the_video() -> None:
    anchors = anchors_of(AnchorsConfig())
    assert anchors.shape == (15, 2)
    assert {round(w, 4) for _, w in PUBLISHED} == {0.5, 0.3333, 0.125, 1.0}
    ends = edges(anchors)
    assert torch.allclose(ends[:, 1] - ends[:, 0], anchors[:, 1], atol=1e-6)
    eighths = sorted(c for c, w in PUBLISHED if w == 1 / 8)
    assert eighths == [(2 * i + 1) / 16 for i in range(8)]


def test_dense_anchors_go_from_end_to_end_with_even_gaps() -> None:
    made = dense((1 / 4,), 4)
    starts = [c - w / 2 for c, w in made]
    assert len(made) == 13
    assert starts[0] == pytest.approx(0)
    assert made[-1][0] + made[-1][1] / 2 == pytest.approx(1)
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert gaps == pytest.approx([1 / 16] * 12)
    assert dense((1.0,), 4) == [(0.5, 1.0)]


def test_single_anchor_reaches_any_span() -> None:
    settings = AnchorsConfig(kind="single", scale=1.0)
    anchors = anchors_of(settings)
    assert anchors.tolist() == [[0.5, 0.5]]
    far = decode(anchors, torch.tensor([[-20.0, 20.0]]), settings.scale)
    assert far[0].tolist() == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize("relative", [False, True])
def test_decode_is_the_anchor_at_zero_and_symmetric_about_it(relative: bool) -> None:
    anchors = torch.tensor([[0.5, 0.4], [0.3, 0.25]])
    offsets = torch.randn(2, 2, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(decode(anchors, 0 * offsets, 0.3, relative=relative), anchors)
    up = decode(anchors, offsets, 0.3, relative=relative) - anchors
    down = decode(anchors, -offsets, 0.3, relative=relative) - anchors
    assert torch.allclose(up, -down, atol=1e-6)
    unit = anchors[:, 1:] if relative else torch.ones(2, 1)
    assert (up.abs() <= 0.15 * unit).all()
    assert torch.allclose(decode(anchors, offsets, 0.0, relative=relative), anchors)


def test_decoded_spans_stay_spans() -> None:
    spans = decode(torch.tensor([[0.02, 1 / 8]]), torch.tensor([[-9.0, -9.0]]), 0.3)
    assert spans[0].tolist() == [0.0, NARROWEST]


def test_gradients_reach_offsets() -> None:
    offsets = torch.zeros(15, 2, requires_grad=True)
    decode(anchors_of(AnchorsConfig()), offsets, 0.3).sum().backward()
    assert offsets.grad is not None
    assert torch.allclose(offsets.grad[:-1], torch.tensor(0.075))


def test_iou_is_that_of_spans_in_seconds() -> None:
    drawn = torch.rand(50, 2, 2, generator=torch.Generator().manual_seed(1))
    a, b = drawn[:, 0], drawn[:, 1]
    ours = iou(a, b)
    for row, (first, second) in enumerate(zip(edges(a), edges(b), strict=True)):
        slow = Span(*first.tolist()).iou(Span(*second.tolist()))
        assert float(ours[row]) == pytest.approx(slow, abs=1e-5)


@pytest.mark.parametrize(
    "wrong", [{"widths": (0.0,)}, {"widths": (1.5,)}, {"steps": 0}, {"scale": 2.0}]
)
def test_bad_settings_are_one_line(wrong: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match="anchors: ") as caught:
        AnchorsConfig(**wrong)
    assert "\n" not in str(caught.value)
