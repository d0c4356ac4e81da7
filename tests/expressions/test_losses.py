"""The terms written out, and whose gradients they give."""

from __future__ import annotations

import math

import pytest
import torch

from sensorium.expressions.discriminators import Critics
from sensorium.expressions.losses import (
    continuity,
    discrimination,
    landmark_distance,
    neighbours,
    persuasion,
    reconstruction,
)
from sensorium.expressions.recipes import SMALL
from sensorium.expressions.systems import ExpressionsConfig
from sensorium.expressions.teaching import attention


def test_neighbours_stay_within_the_range() -> None:
    degrees = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.0, 1.0], [0.95, 0.0]])
    direction = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    steps = neighbours(degrees, direction)
    assert steps[:, 0].tolist() == degrees.tolist()
    assert steps[:, 1].amax(1).tolist() == pytest.approx([0.0, 0.4, 0.9, 0.85])
    assert steps[:, 2].amax(1).tolist() == pytest.approx([0.1, 0.6, 1.0, 1.0])
    assert (steps[2, :, 0] == 0).all()


def test_continuity_is_both_differences() -> None:
    pictures = torch.rand(3, 3, 3, 4, 4)
    wanted = 0.0
    for now, before, after in pictures:
        wanted += float((now - before).abs().mean() + (now - after).abs().mean()) / 3
    assert float(continuity(pictures)) == pytest.approx(wanted, rel=1e-5)
    assert float(continuity(torch.ones(2, 3, 3, 4, 4))) == 0


def test_landmark_distance_is_the_norm_per_point() -> None:
    true = torch.rand(2, 68, 2)
    told = true.clone()
    told[0] += torch.tensor([0.03, 0.04])
    assert float(landmark_distance(told, true)) == pytest.approx(0.05 / 2, abs=1e-5)


def setting() -> tuple[Critics, torch.Tensor, torch.Tensor, torch.Tensor]:
    critics = Critics(width=4, crop=16)
    painted = torch.rand(2, 3, 32, 32, requires_grad=True)
    return critics, painted, torch.rand(2, 3, 32, 32), torch.ones(2, 32, 32, dtype=torch.bool)


def test_discriminators_learn_alone() -> None:
    critics, painted, true, mouth = setting()
    losses = discrimination(critics, true, painted, true, mouth)
    torch.stack(losses).sum().backward()
    assert painted.grad is None
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in critics.parameters())
    fake = torch.sigmoid(critics.whole(painted))
    real = torch.sigmoid(critics.whole(true))
    wanted = -(torch.log(real).mean() + torch.log(1 - fake).mean()) / 2
    assert float(losses[0].detach()) == pytest.approx(float(wanted.detach()), rel=1e-4)


def test_generator_learns_alone() -> None:
    critics, painted, true, mouth = setting()
    losses = persuasion(critics, painted, true, mouth)
    torch.stack(losses).sum().backward()
    assert all(p.grad is None for p in critics.parameters())
    assert painted.grad is not None
    assert painted.grad.abs().sum() > 0
    assert float(losses[1].detach()) == pytest.approx(math.log(2), abs=0.2)  # it knows nothing yet


def test_no_local_term_without_a_local_discriminator() -> None:
    critics = Critics(width=4, local=False)
    _, painted, true, mouth = setting()
    assert len(discrimination(critics, true, painted, true, mouth)) == 1
    assert len(persuasion(critics, painted, true, mouth)) == 1


def test_reconstruction_weighs_pixels_and_squares() -> None:
    made, true = torch.rand(2, 2, 3, 8, 8)
    error = (made - true).abs()
    assert float(reconstruction(made, true)) == pytest.approx(float(error.mean()), rel=1e-5)
    face, mouth = torch.zeros(2, 2, 8, 8)
    face[:, 2:] = mouth[:, 4:6] = 1
    weight = attention({"face": face, "mouth": mouth}, SMALL)
    assert weight is not None
    assert weight[0, :, 0].tolist() == [1, 1, 4, 4, 12, 12, 4, 4]
    wanted = sum(
        float(weight[b, y, x] * (error + 2 * error**2)[b, c, y, x])
        for b in range(2)
        for c in range(3)
        for y in range(8)
        for x in range(8)
    )
    assert float(reconstruction(made, true, weight, 2.0)) == pytest.approx(wanted / 384, rel=1e-4)
    assert attention({}, ExpressionsConfig()) is None
