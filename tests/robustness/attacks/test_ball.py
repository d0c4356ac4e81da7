import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorium.robustness.attacks.ball import Ball, lengths, norms

SHAPES = [(2, 3, 5, 4), (3, 1, 6, 6), (2, 4, 3, 3, 5)]
budgets = st.floats(0, 1, allow_nan=False)


def pictures(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Values in 0..1 with many at the ends."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator).mul(1.4).sub(0.2).clamp(0, 1)


@settings(deadline=None, max_examples=60)
@given(
    shape=st.sampled_from(SHAPES),
    eps=budgets,
    norm=st.sampled_from(["linf", "l2"]),
    wide=st.floats(0, 5),
    masked=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_a_projection_is_inside_the_ball_the_range_and_the_support(
    shape, eps, norm, wide, masked, seed
):
    x = pictures(shape, seed)
    support = pictures(shape[-2:], seed + 1) > 0.5 if masked else None
    ball = Ball(x, eps, norm, support)
    far = x + wide * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    for y in (ball.project(far), ball.start(torch.Generator().manual_seed(seed))):
        assert float(y.min()) >= 0
        assert float(y.max()) <= 1
        d = y.double() - x.double()
        size = d.abs().amax() if norm == "linf" else d.flatten(1).norm(dim=1).amax()
        assert float(size) <= eps + (0 if norm == "linf" else 1e-6)  # linf: exactly, not nearly
        if support is not None:
            assert torch.equal(y[..., ~support], x[..., ~support])


@settings(deadline=None, max_examples=40)
@given(eps=st.floats(0.01, 1), norm=st.sampled_from(["linf", "l2"]), seed=st.integers(0, 1000))
def test_what_is_inside_stays(eps, norm, seed):
    x = pictures((2, 3, 4, 4), seed)
    ball = Ball(x, eps, norm)
    y = ball.start(torch.Generator().manual_seed(seed))
    assert torch.allclose(ball.project(y), y, atol=1e-6)


def test_the_whole_linf_ball_can_be_reached():
    x = torch.full((1, 1, 2, 2), 0.5)
    y = Ball(x, 8 / 255, "linf").project(x + 1)
    assert float((y - x).amax()) == pytest.approx(8 / 255, abs=1e-7)


def test_random_starts_lie_at_every_distance():
    x = torch.full((2000, 3, 4, 4), 0.5)
    y = Ball(x, 0.4, "l2").start(torch.Generator().manual_seed(0))
    assert float((lengths(y - x) < 0.2).float().mean()) == pytest.approx(0.5, abs=0.04)
    assert float((y - x).mean()) == pytest.approx(0, abs=1e-3)


def test_uphill_has_length_one_and_is_none_where_the_gradient_is_none():
    x = torch.full((2, 3, 4, 4), 0.5)
    gradient = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    gradient[1] = 0
    assert lengths(Ball(x, 0.1, "l2").uphill(gradient)).tolist() == pytest.approx([1, 0])
    steps = Ball(x, 0.1, "linf").uphill(gradient).abs()
    assert (float(steps[0].min()), float(steps[1].max())) == (1, 0)


def test_norms_by_hand():
    d = torch.tensor([[[[3.0, 0.0], [0.0, -4.0]]]])
    found = {name: float(value) for name, value in norms(d).items()}
    assert found == {"l0": 2, "l1": 7, "l2": 5, "linf": 4}


@pytest.mark.parametrize(
    ("eps", "norm", "message"),
    [
        (8, "linf", "did you mean 8/255?"),
        (-0.1, "linf", "eps must be 0 or more"),
        (float("nan"), "linf", "eps must be 0 or more"),
        (128, "l2", "did you mean 128/255?"),
        (0.1, "l1", "norm must be linf or l2"),
    ],
)
def test_impossible_budgets(eps, norm, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        Ball(torch.zeros(1, 3, 4, 4), eps, norm)


def test_a_support_that_does_not_fit():
    with pytest.raises(ValueError, match=r"support \[5, 5\] does not fit samples \[1, 3, 4, 4\]"):
        Ball(torch.zeros(1, 3, 4, 4), 0.1, "linf", torch.ones(5, 5))
