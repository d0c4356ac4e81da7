import torch
from torch import nn

from sensorium.robustness.pse.cells import grid
from sensorium.robustness.pse.contributions import (
    contributions,
    first_order,
    rank_correlation,
    unit_contributions,
)


def inputs(noise, shape=(2, 3, 6, 8)):
    x = torch.rand(shape, generator=noise)
    return x, (x + 0.1 * torch.randn(shape, generator=noise)).clamp(0, 1)


def test_exact_on_a_linear_network(linear, noise):
    """m[l, i] is the sum over the cell of weight times change."""
    x, attacked = inputs(noise)
    labels = torch.tensor([[0, 2], [1, 0]])
    cells = grid(x.shape, 2)
    found = contributions(linear, x, attacked, labels, cells, batch=5)
    weights = linear.head.weight.view(-1, *x.shape[1:])
    for b in range(2):
        for k in range(2):
            products = (weights[labels[b, k]] * (attacked - x)[b]).sum(0, keepdim=True)
            torch.testing.assert_close(found[b, k], cells.sums(products)[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        found, first_order(linear, x, attacked, labels, cells), atol=1e-5, rtol=1e-4
    )
    whole = linear(attacked) - linear(x)
    torch.testing.assert_close(found.sum(2), whole.gather(1, labels), atol=1e-4, rtol=1e-4)


def test_agrees_with_a_loop_on_clips_and_skips_unchanged_cells(clips, noise):
    x, attacked = inputs(noise, (2, 2, 3, 6, 6))
    attacked[0, 1, :, :3] = x[0, 1, :, :3]
    cells, labels = grid(x.shape, 3), torch.tensor([[1], [2]])
    found = contributions(clips, x, attacked, labels, cells, batch=3)
    with torch.no_grad():
        for b in range(2):
            for number in range(cells.count):
                without = torch.where((cells.index == number)[:, None], x[b], attacked[b])
                label = labels[b, 0]
                fall = clips(attacked[b : b + 1])[0, label] - clips(without[None])[0, label]
                torch.testing.assert_close(found[b, 0, number], fall, atol=1e-5, rtol=1e-4)
    assert found[0, 0, 4:6].tolist() == [0, 0]
    seen = []

    def counting(batch):
        seen.append(len(batch))
        return clips(batch)

    contributions(counting, x, attacked, labels, cells)
    assert sum(seen) == 2 + 16 - 2  # both whole, all cells but the two unchanged ones


def test_units_of_a_linear_head(pooled, noise):
    """Behind the last maps all is linear: a unit's contribution is its weight times its change."""
    x, attacked = inputs(noise)
    labels = torch.tensor([[0, 1], [2, 0]])

    class Last(nn.Module):
        def forward(self, maps):
            return maps

    pooled.last = Last()
    forward = pooled.fc.forward
    pooled.forward = lambda x: forward(pooled.last(pooled.maps(x)).mean((2, 3)))
    found = unit_contributions(pooled, pooled.last, x, attacked, labels, batch=3)
    with torch.no_grad():
        change = (pooled.maps(attacked) - pooled.maps(x)).mean((2, 3))
        expected = pooled.fc.weight[labels] * change[:, None]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_rank_correlation():
    a = torch.tensor([[1.0, 2, 3, 4], [1, 2, 3, 4], [1, 1, 1, 1]])
    b = torch.tensor([[10.0, 20, 30, 99], [4, 3, 2, 1], [1, 2, 3, 4]])
    found = rank_correlation(a, b)
    torch.testing.assert_close(found[:2], torch.tensor([1.0, -1.0]))
    assert bool(found[2].isnan())
    used = torch.tensor([[True] * 4, [True] * 4, [False] * 4])
    assert bool(rank_correlation(a, b, used)[2].isnan())
