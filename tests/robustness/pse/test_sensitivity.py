import math

import pytest
import torch
from torch import nn

from sensorium.robustness.pse.sensitivity import divergence, mask_units, rank_units, sensitivity


def test_divergence_is_0_for_equal_and_1_for_apart(noise):
    a = torch.rand(400, 3, generator=noise)
    assert divergence(a, a).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert divergence(a, a + 10, smoothing=0).tolist() == pytest.approx([1, 1, 1])
    mixed = divergence(a, torch.rand(400, 3, generator=noise))
    assert bool(((mixed > 0) & (mixed < 0.1)).all())
    torch.testing.assert_close(divergence(a, a + 0.5), divergence(a + 0.5, a))


def test_divergence_by_its_formula():
    a = torch.tensor([[0.0], [0.0], [0.0], [1.0]])
    b = torch.tensor([[0.0], [1.0], [1.0], [1.0]])
    p, q, m = [0.75, 0.25], [0.25, 0.75], [0.5, 0.5]
    expected = 0.5 * sum(
        u * math.log2(u / w) for one in (p, q) for u, w in zip(one, m, strict=True)
    )
    assert float(divergence(a, b, bins=2, smoothing=0)) == pytest.approx(expected)


def test_a_unit_that_is_always_the_same_does_not_diverge():
    assert float(divergence(torch.zeros(5, 1), torch.zeros(5, 1))) == 0


class Units(nn.Module):
    """Three units: the red channel, twice the green one, and nothing."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(3, 3, 1, bias=False)
        weight = torch.zeros(3, 3, 1, 1)
        weight[0, 0], weight[1, 1] = 1, 2
        self.maps.weight.data.copy_(weight)

    def forward(self, x):
        return self.maps(x).mean((2, 3))


def test_only_the_units_that_see_the_change_are_sensitive(noise):
    network = Units().eval()
    x = 0.5 * torch.rand(64, 3, 6, 6, generator=noise)
    attacked = x.clone()
    attacked[:, 1] += 0.4
    found = sensitivity(network, {"maps": network.maps}, x, attacked, batch=20)["maps"]
    assert found.jsd[0] == 0
    assert found.jsd[1] > 0.7
    assert found.halves[1] > found.baseline[1]
    expected = 0.4 * 6 * 8 / float(x[:, 1].norm())
    assert found.relative_l2.tolist() == pytest.approx([0, expected, 0], rel=1e-4)
    assert rank_units(found.jsd)[0] == 1


def test_masking_units_takes_their_class_away(noise):
    network = Units().eval()
    x = torch.zeros(30, 3, 2, 2)
    labels = torch.arange(30) % 2
    x[torch.arange(30), labels] = 1
    rows = mask_units(
        network, network.maps, torch.tensor([1, 0, 2]), (x, 1 - x), labels, counts=(0, 1)
    )
    assert [row.units for row in rows] == [0, 1]
    assert (rows[0].clean, rows[1].clean) == (1.0, 0.5)
    assert rows[0].attacked == 0
    assert math.isnan(rows[0].again)
    again = mask_units(
        network,
        network.maps,
        torch.tensor([1, 0, 2]),
        (x, x),
        labels,
        counts=(1,),
        attack=lambda: 1 - x,
    )
    assert again[0].again == pytest.approx(0.5)  # class 1 stands for its unit, class 0 is right
