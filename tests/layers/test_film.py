"""FiLM over time against its formula."""

import pytest
import torch

from sensorium.layers.film import FiLM, align


def _random(features, channels):
    torch.manual_seed(0)
    film = FiLM(features, channels)
    for parameter in film.parameters():
        torch.nn.init.normal_(parameter)
    return film


def test_starts_as_the_identity():
    x = torch.randn(2, 8, 4, 16)
    assert torch.equal(FiLM(3, 8)(x, torch.randn(2, 3, 5)), x)


def test_is_the_formula_at_every_moment():
    film = _random(3, 8)
    x, condition = torch.randn(2, 8, 4, 16), torch.randn(2, 3, 16)
    out = film(x, condition)
    for t in range(16):
        gamma = condition[:, :, t] @ film.gamma.weight.T + film.gamma.bias
        beta = condition[:, :, t] @ film.beta.weight.T + film.beta.bias
        expected = gamma[:, :, None] * x[..., t] + beta[:, :, None]
        assert torch.allclose(out[..., t], expected, atol=1e-5)


def test_a_moment_of_the_condition_moves_its_own_moment_only():
    film = _random(3, 8)
    x, condition = torch.randn(1, 8, 4, 8), torch.randn(1, 3, 8)
    other = condition.clone()
    other[:, :, 5] += 1.0
    changed = (film(x, condition) - film(x, other)).abs().amax((0, 1, 2)) > 1e-6
    assert changed.tolist() == [False] * 5 + [True] + [False] * 2


def test_gradients_reach_the_condition_once_it_is_no_identity():
    condition = torch.randn(1, 3, 8, requires_grad=True)
    _random(3, 4)(torch.randn(1, 4, 2, 8), condition).sum().backward()
    assert (condition.grad.abs() > 0).all()


def test_align_keeps_the_mean_where_it_shortens():
    x = torch.randn(2, 3, 24)
    assert torch.allclose(align(x, 8), x.unflatten(-1, (8, 3)).mean(-1), atol=1e-6)


@pytest.mark.parametrize("steps", [1, 7, 23, 48, 64])
def test_align_keeps_ramps_in_place(steps):
    ramp = (torch.arange(24) + 0.5) / 24  # the middle of each share of the stretch
    out = align(ramp.view(1, 1, -1), steps)[0, 0]
    middle = (torch.arange(steps) + 0.5) / steps
    inside = (middle > 0.5 / 24) & (middle < 1 - 0.5 / 24)
    assert out.shape == (steps,)
    assert (out - middle)[inside].abs().max() < 0.5 / 24


def test_align_of_a_single_step_is_that_step_everywhere():
    assert torch.equal(align(torch.full((1, 2, 1), 3.0), 5), torch.full((1, 2, 5), 3.0))
