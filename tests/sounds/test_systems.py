"""What the systems for sound share: pooling over regions."""

import torch

from sensorium.training import recipe
from sensorium.training.building import build


def test_pooling_takes_the_maximum_of_a_region_and_zeros_of_an_empty_one():
    system = build(recipe("motions-tiny"))
    maps = torch.randn(1, 3, 2, 4, 5)
    regions = torch.zeros(1, 2, 4, 5, dtype=torch.bool)
    regions[0, 0, 1, 2:4] = True
    pooled = system.pool(maps, regions)
    assert torch.equal(pooled[0, 0], maps[0, :, :, 1, 2:4].amax(-1))
    assert torch.equal(pooled[0, 1], torch.zeros(3, 2))
    assert torch.equal(system.pool(maps)[0, 0], maps[0].amax((-2, -1)))
