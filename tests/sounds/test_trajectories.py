"""Trajectories against points followed one by one."""

import numpy as np
import pytest
import torch

from sensorium.sounds.trajectories import scaled, trajectories


def _read(field, x, y):
    """Bilinear, with the border's values outside; a point at a time."""
    height, width = field.shape[1:]
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    left, top = min(int(x), width - 2), min(int(y), height - 2)
    a, b = x - left, y - top
    corners = field[:, top : top + 2, left : left + 2]
    weights = np.array([[(1 - a) * (1 - b), a * (1 - b)], [(1 - a) * b, a * b]])
    return (corners * weights).sum((1, 2))


def _slow(flow, cell):
    steps, _, height, width = flow.shape
    out = np.zeros_like(flow)
    for row in range(height):
        for column in range(width):
            x, y = float(column), float(row)
            for t in range(steps):
                d = _read(flow[t], x, y)
                out[t, :, row, column] = d
                x, y = x + d[0] / cell, y + d[1] / cell
    return out


@pytest.mark.parametrize("cell", [1.0, 4.0])
def test_agree_with_points_followed_one_by_one(cell):
    rng = np.random.default_rng(0)
    flow = rng.normal(0, 1.5, (6, 2, 5, 7))
    got = trajectories(torch.from_numpy(flow).float()[None], cell)[0].numpy()
    assert np.abs(got - _slow(flow, cell)).max() < 1e-4


def test_the_first_step_is_the_flow_itself():
    flow = torch.randn(2, 3, 2, 4, 4)
    assert torch.allclose(trajectories(flow)[:, 0], flow[:, 0], atol=1e-6)


def test_a_thing_that_moves_keeps_its_row():
    """A square of 2 x 2 cells goes one cell right a step; all else stands still."""
    flow = torch.zeros(1, 4, 2, 8, 12)
    for t in range(4):
        flow[0, t, 0, 2:4, 2 + t : 4 + t] = 3.0  # pixels; a cell is 3
    got = trajectories(flow, 3.0)[0, :, 0]
    assert torch.allclose(got[:, 2:4, 2:4], torch.full((4, 2, 2), 3.0), atol=1e-4)
    assert float(got[:, :, :2].abs().max()) < 1e-4
    assert float(flow[0, 3, 0, 2, 2]) == 0.0  # plain flow at that place has lost it


def test_position_does_not_matter():
    flow = torch.zeros(1, 3, 2, 10, 10)
    flow[..., 2:4, 2:4] = 0.4
    moved = flow.roll((5, 4), (-2, -1))
    got, other = trajectories(flow), trajectories(moved)
    assert torch.allclose(got[..., 2:4, 2:4], other[..., 7:9, 6:8], atol=1e-5)


def test_gradients_reach_the_flow():
    flow = torch.randn(1, 4, 2, 6, 6, dtype=torch.float32, requires_grad=True)
    trajectories(flow, 2.0)[:, -1].sum().backward()
    assert (flow.grad[:, 0].abs() > 0).any()  # through the places of later steps
    assert torch.isfinite(flow.grad).all()


def test_half_precision_is_followed_in_single():
    flow = torch.randn(1, 5, 2, 8, 8).half()
    assert trajectories(flow).dtype == torch.float32
    assert torch.allclose(trajectories(flow), trajectories(flow.float()))


def test_scaled_is_clamped_and_keeps_signs():
    motion = torch.tensor([[-50.0], [-5.0], [0.0], [10.0], [40.0]])
    got = scaled(motion, 20.0).flatten().tolist()
    assert got == [-1.0, -0.25, 0.0, 0.5, 1.0]


def test_no_step_gives_no_displacement():
    assert trajectories(torch.zeros(2, 0, 2, 4, 4)).shape == (2, 0, 2, 4, 4)


@pytest.mark.parametrize(
    ("shape", "cell", "said"),
    [((1, 2, 2, 1, 4), 1.0, "at least 2 x 2"), ((1, 2, 2, 4, 4), 0.0, "above 0 pixels")],
)
def test_what_cannot_be_followed_is_said(shape, cell, said):
    with pytest.raises(ValueError, match=said):
        trajectories(torch.zeros(shape), cell)
