"""The penalty, the simplex and the norms against slow or closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensorium.robustness.lipschitz import (
    ConvexSum,
    MeanNorm,
    conv_norm,
    matrix_norm,
    norm_scale,
    norms_after,
    orthogonality,
    penalty,
    simplex,
)
from sensorium.seeds import torch_generator


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch_generator(seed, "normal"), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (5, 5)])
def test_the_smaller_gram_matrix_differs_by_a_constant(shape: tuple[int, int]) -> None:
    weight = normal(*shape).requires_grad_()
    large = (weight.T @ weight - torch.eye(shape[1])).square().sum()
    ours = orthogonality(weight)
    assert float((large - ours).detach()) == pytest.approx(max(0, shape[1] - shape[0]))
    expected = 4 * (weight @ weight.T - torch.eye(shape[0])) @ weight
    for value in (large, ours):
        (found,) = torch.autograd.grad(value, weight, retain_graph=True)
        assert torch.allclose(found, expected, atol=1e-9)


def test_orthogonal_rows_cost_nothing() -> None:
    layer = nn.Conv2d(4, 6, 3)
    nn.init.orthogonal_(layer.weight)
    assert float(penalty(layer).detach()) == pytest.approx(0, abs=1e-6)
    with torch.no_grad():
        layer.weight *= 2  # singular values 2: (4 - 1)^2 for each of six
    assert float(penalty(layer).detach()) == pytest.approx(6 * 9, rel=1e-5)


def test_penalty_is_the_sum_over_layers_and_leaves_norms_alone() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    value = penalty(network)
    assert float(value.detach()) == pytest.approx(
        float((penalty(network[0]) + penalty(network[3])).detach()), rel=1e-6
    )
    value.backward()
    assert network[1].weight.grad is None
    assert network[3].bias.grad is None


def test_groups_are_matrices_of_their_own() -> None:
    layer = nn.Conv2d(4, 4, 3, groups=4)
    rows = layer.weight.flatten(1)
    expected = (rows.square().sum(1) - 1).square().sum().detach()
    assert float(penalty(layer).detach()) == pytest.approx(float(expected), rel=1e-5)


def test_folded_penalty_sees_the_scale_of_the_norm() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    nn.init.orthogonal_(network[0].weight)
    norm = network[1]
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.data.fill_(3.0)
    assert norms_after(network) == {network[0]: norm}
    assert torch.allclose(norm_scale(norm).detach(), torch.full((4,), 3.0))
    assert float(penalty(network, "raw").detach()) == pytest.approx(0, abs=1e-5)
    assert float(penalty(network, "folded").detach()) == pytest.approx(4 * (9 - 1) ** 2, rel=1e-4)


def test_strict_penalty_bounds_the_convolution_itself() -> None:
    layer = nn.Conv2d(3, 4, 3, padding=1)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.01)
    for _ in range(300):
        optimiser.zero_grad()
        penalty(layer, "strict").backward()
        optimiser.step()
    assert float(penalty(layer, "strict").detach()) < 1e-4
    assert conv_norm(layer, (12, 12)) <= 1.001


def test_simplex_is_the_nearest_point() -> None:
    for seed in range(20):
        values = normal(5, seed=seed) * 2
        found = simplex(values)
        assert float(found.sum()) == pytest.approx(1)
        assert float(found.min()) >= 0
        grid = np.random.default_rng(seed).dirichlet(np.ones(5), 5000)
        nearest = np.square(grid - values.numpy()).sum(1).min()
        assert float((found - values).square().sum()) <= nearest + 1e-9


def test_simplex_of_two_has_a_closed_form() -> None:
    for a, b in itertools.product((-2.0, 0.0, 0.3, 0.9, 3.0), repeat=2):
        share = min(max((a - b + 1) / 2, 0), 1)
        assert simplex(torch.tensor([a, b])).tolist() == pytest.approx([share, 1 - share])
    inside = torch.tensor([0.2, 0.5, 0.3])
    assert torch.allclose(simplex(inside), inside)


def test_convex_sums_stay_convex_while_trained() -> None:
    layer = ConvexSum().train()
    x, y = normal(4, seed=1).float(), normal(4, seed=2).float()
    assert torch.allclose(layer(x, y), (x + y) / 2)
    optimiser = torch.optim.SGD(layer.parameters(), lr=5.0)
    for _ in range(3):
        optimiser.zero_grad()
        (layer(x, y) - 3 * x).square().sum().backward()
        optimiser.step()
    layer.eval()
    given = layer(x, y).detach()
    assert torch.allclose(given, x, atol=1e-6)  # all of it on the shortcut, none beyond
    layer.train()(x, y)
    assert layer.shares.tolist() == [1, 0]


def dense(layer: nn.Conv2d, size: tuple[int, int]) -> Tensor:
    """The convolution with circular padding as one matrix, by trying every unit picture."""
    height, width = size
    tall = layer.dilation[0] * (layer.kernel_size[0] - 1)
    wide = layer.dilation[1] * (layer.kernel_size[1] - 1)
    count = layer.in_channels * height * width
    units = torch.eye(count, dtype=torch.float64).view(count, layer.in_channels, height, width)
    padded = F.pad(units, (0, wide, 0, tall), mode="circular")
    given = F.conv2d(
        padded, layer.weight.double(), None, layer.stride, 0, layer.dilation, layer.groups
    )
    return given.flatten(1).T


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2},
        {"groups": 2},
        {"dilation": 2},
        {"stride": 2, "groups": 2},
        {"kernel_size": 1, "stride": 2},
        {"kernel_size": 5},
    ],
)
def test_conv_norm_is_that_of_the_dense_matrix(options: dict[str, int]) -> None:
    layer = nn.Conv2d(**{"in_channels": 4, "out_channels": 6, "kernel_size": 3, **options})  # type: ignore[arg-type]
    layer.weight.data = normal(*layer.weight.shape, seed=3).float()
    expected = float(torch.linalg.matrix_norm(dense(layer, (8, 6)).detach(), 2))
    assert conv_norm(layer, (8, 6)) == pytest.approx(expected, rel=1e-6)


def test_a_convolution_is_at_most_k_times_its_matrix() -> None:
    layer = nn.Conv2d(2, 2, 3)
    with torch.no_grad():
        layer.weight.fill_(1.0)  # the worst case: all places agree
    assert conv_norm(layer, (6, 6)) == pytest.approx(3 * matrix_norm(layer), rel=1e-6)


def test_norms_take_a_scale() -> None:
    layer = nn.Conv2d(2, 3, 3)
    scale = torch.tensor([2.0, 2.0, 2.0])
    assert matrix_norm(layer, scale) == pytest.approx(2 * matrix_norm(layer), rel=1e-6)
    assert conv_norm(layer, (6, 6), scale) == pytest.approx(2 * conv_norm(layer, (6, 6)), rel=1e-6)
    linear = nn.Linear(3, 5)
    assert conv_norm(linear) == matrix_norm(linear)


def test_wrong_use_is_one_line() -> None:
    with pytest.raises(ValueError, match="raw, folded or strict"):
        penalty(nn.Linear(1, 1), "l2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no convolution and no linear layer"):
        penalty(nn.ReLU())


def test_mean_norm_shifts_and_nothing_else() -> None:
    norm = MeanNorm(3, momentum=1.0)
    norm.bias.data = torch.tensor([1.0, 2.0, 3.0])
    x = torch.rand(4, 3, 5, 5, generator=torch_generator(0, "x"))
    trained = norm.train()(x).detach()
    assert torch.allclose(trained.mean((0, 2, 3)), norm.bias.detach(), atol=1e-6)
    assert torch.allclose(
        trained - x, (norm.bias - x.mean((0, 2, 3))).detach()[:, None, None], atol=1e-6
    )
    assert torch.allclose(norm.eval()(x).detach(), trained, atol=1e-6)
    other = torch.rand(4, 3, 5, 5, generator=torch_generator(1, "x"))
    kept = (norm(x) - norm(other)).detach()
    assert torch.allclose(kept, x - other, atol=1e-6)


def test_gain_is_what_singular_values_are_held_at() -> None:
    layer = nn.Conv2d(4, 6, 3)
    nn.init.orthogonal_(layer.weight, 1.5)
    assert float(penalty(layer, gain=1.5).detach()) == pytest.approx(0, abs=1e-5)
    assert float(penalty(layer).detach()) == pytest.approx(6 * (1.5**2 - 1) ** 2, rel=1e-4)
