"""Soft masks in steps of the valid length, and pooling."""

from __future__ import annotations

import math

import pytest
import torch

from sensorium.events.masks import pooled, soft_masks, valid


def test_masks_are_the_published_sigmoids() -> None:
    masks = soft_masks(torch.tensor([[[0.4, 0.2]]]), torch.tensor([50]), 60, 0.3)
    centre, width = 0.4 * 50, 0.2 * 50

    def sigmoid(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    for t in range(50):
        left, right = t + 0.5 - centre + width / 2, t + 0.5 - centre - width / 2
        inside = sigmoid(0.3 * left) - sigmoid(0.3 * right)
        assert float(masks.inside[0, 0, t]) == pytest.approx(inside, abs=1e-5)
        assert float(masks.left[0, 0, t]) == pytest.approx(sigmoid(-0.3 * left), abs=1e-5)
        assert float(masks.right[0, 0, t]) == pytest.approx(sigmoid(0.3 * right), abs=1e-5)
    whole = masks.inside + masks.left + masks.right
    assert torch.allclose(whole[..., :50], torch.ones(1, 1, 50), atol=1e-5)
    assert not whole[..., 50:].any()


def test_steep_masks_crop() -> None:
    masks = soft_masks(torch.tensor([[[0.5, 0.5]]]), torch.tensor([8]), 8, 100.0)
    assert masks.inside[0, 0].round().tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


def test_padding_changes_nothing() -> None:
    spans, length = torch.tensor([[[0.7, 0.5]]]), torch.tensor([12])
    states = torch.randn(1, 20, 3)
    short = pooled(soft_masks(spans, length, 12, 0.5).inside, states[:, :12])
    long = pooled(soft_masks(spans, length, 20, 0.5).inside, states)
    assert torch.allclose(short, long)
    assert valid(length, 20).sum() == 12


def test_pooled_is_a_mean_whatever_the_slope() -> None:
    states = torch.full((1, 30, 2), 5.0)
    for slope in (0.05, 1.0):
        masks = soft_masks(torch.tensor([[[0.5, 0.1]]]), torch.tensor([30]), 30, slope)
        assert torch.allclose(pooled(masks.inside, states), torch.tensor(5.0), rtol=1e-3)
    assert not pooled(torch.zeros(1, 1, 30), states).any()


def test_gradient_moves_a_span_towards_what_is_wanted() -> None:
    """A bump right of the span: its mean grows when the centre goes right."""
    states = torch.zeros(1, 40, 1)
    states[:, 24:30] = 1
    spans = torch.tensor([[[0.5, 0.2]]], requires_grad=True)
    mean = pooled(soft_masks(spans, torch.tensor([40]), 40, 0.5).inside, states).sum()
    mean.backward()
    assert spans.grad is not None
    assert float(spans.grad[0, 0, 0]) > 0
