"""Windows over long videos, and standardised features."""

from __future__ import annotations

import pytest
import torch

from sensorium.events.standard import Standard
from sensorium.events.windows import windowed, windows


@pytest.mark.parametrize("total", [1, 7, 8, 9, 11, 12, 13, 100, 203])
def test_every_moment_belongs_to_one_window(total: int) -> None:
    made = windows(total, 8)
    for tenth in range(total * 10):
        owners = [w for w in made if w.owns(tenth / 10 - 1e-3, tenth / 10 + 1e-3)]
        inside = [w for w in owners if w.first <= tenth / 10 <= w.first + w.real]
        assert len(inside) == len(owners) == 1
    assert made[-1].first + made[-1].real == total
    assert all(w.steps == 8 for w in made)


def test_an_events_window_is_the_one_in_which_its_middle_is_farthest_from_an_edge() -> None:
    made = windows(100, 8)
    for middle in (5.5, 17.2, 50.4, 93.0, 95.9):
        (owner,) = (w for w in made if w.owns(middle - 0.5, middle + 0.5))
        reach = {w: min(middle - w.first, w.first + w.real - middle) for w in made}
        assert reach[owner] == pytest.approx(max(reach.values()))


@pytest.mark.parametrize("total", [3, 8, 21, 64])
def test_each_step_is_fetched_once_and_stands_where_it_belongs(total: int) -> None:
    rows, fetched = torch.arange(float(total))[:, None], []

    def fetch(first: int, last: int) -> torch.Tensor:
        fetched.extend(range(first, last))
        return rows[first:last]

    for window, values in windowed(total, 8, fetch):
        assert torch.equal(values, rows[window.first : window.first + window.real])
        assert len(values) <= 8
    assert fetched == list(range(total))


def test_standard_is_the_mean_and_deviation_of_all_batches() -> None:
    rng = torch.Generator().manual_seed(0)
    standard, seen = Standard(3), []
    assert torch.allclose(standard(torch.ones(2, 3)), torch.ones(2, 3))
    for _ in range(5):
        features = 4 + 2 * torch.randn(4, 10, 3, generator=rng)
        real = torch.arange(10) < torch.tensor([10, 10, 10, 10])[:, None]
        standard.learn(features, real)
        seen.append(features.flatten(0, 1))
    rows = torch.cat(seen)
    assert torch.allclose(standard.mean, rows.mean(0), atol=1e-5)
    assert torch.allclose(standard(rows).std(0), torch.ones(3), atol=1e-2)


def test_standard_does_not_count_padding_and_bears_what_never_changes() -> None:
    standard = Standard(2)
    features = torch.zeros(1, 6, 2)
    features[:, 3:] = 100
    standard.learn(features, torch.tensor([[True] * 3 + [False] * 3]))
    assert not standard.mean.any()
    assert torch.isfinite(standard(features)).all()
