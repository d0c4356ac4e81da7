"""Adversarial pictures: the sampled budgets, never outside them, and they do hurt."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sensorium.robustness.adversarial_training import adversarial, budgets, pgd, rfgsm
from sensorium.seeds import torch_generator

DELTA = 8 / 255


def problem() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(48, 20), nn.ReLU(), nn.Linear(20, 4))
        x = torch.rand(40, 3, 4, 4, generator=torch_generator(0, "x"))
        return network, x, network(x).argmax(1)


def seeded_budgets(count: int) -> torch.Tensor:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return budgets(torch.zeros(count, 3, 4, 4), DELTA)


def test_budgets_are_folded_normals_cut_at_two_deltas() -> None:
    eps = seeded_budgets(20_000).flatten()
    assert float(eps.min()) >= 0
    assert float(eps.max()) == pytest.approx(2 * DELTA)
    assert float((eps == eps.max()).float().mean()) == pytest.approx(0.0455, abs=0.006)
    assert float((eps < DELTA).float().mean()) == pytest.approx(0.6827, abs=0.015)


@pytest.mark.parametrize("kind", ["rfgsm", "pgd"])
def test_never_outside_the_budget_or_the_range(kind: str) -> None:
    network, x, y = problem()
    eps = seeded_budgets(len(x))
    with torch.random.fork_rng():
        torch.manual_seed(2)
        found = (rfgsm if kind == "rfgsm" else pgd)(network, x, y, eps)
    assert bool(((found - x).abs() <= eps + 1e-6).all())
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert all(p.grad is None for p in network.parameters())
    before, after = (F.cross_entropy(network(z), y).detach() for z in (x, found))
    assert float(after) > float(before)


def test_pgd_hurts_more_than_one_step() -> None:
    network, x, y = problem()
    eps = torch.full((len(x), 1, 1, 1), 16 / 255)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        one, many = rfgsm(network, x, y, eps), pgd(network, x, y, eps)
    assert F.cross_entropy(network(many), y) > F.cross_entropy(network(one), y)


def test_none_is_the_pictures_themselves() -> None:
    network, x, y = problem()
    assert adversarial("none", network, x, y, DELTA) is x
    with pytest.raises(ValueError, match="none, rfgsm or pgd"):
        adversarial("fgsm", network, x, y, DELTA)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="use delta / 255"):
        adversarial("pgd", network, x, y, 8.0)
