import math

import pytest
import torch

from sensorium.robustness.pse.interpretability import boolean_map, chance, interpretability


def test_the_whole_picture_scores_1_and_half_the_power_its_root():
    d = torch.ones(1, 3, 4, 4)
    full = torch.ones(1, 4, 4, dtype=torch.bool)
    assert float(interpretability(d, full)) == 1
    half = full.clone()
    half[:, :2] = False
    assert float(interpretability(d, half)) == pytest.approx(math.sqrt(0.5))
    assert float(chance(half)) == pytest.approx(math.sqrt(0.5))
    assert float(interpretability(d * half[:, None], half)) == 1
    assert float(interpretability(d * ~half[:, None], half)) == 0
    assert bool(interpretability(0 * d, full).isnan())


def test_noise_scores_the_root_of_the_area(noise):
    d = torch.randn(8, 3, 64, 64, generator=noise)
    mask = boolean_map(torch.rand(8, 64, 64, generator=noise), 70)
    torch.testing.assert_close(interpretability(d, mask), chance(mask), atol=0.02, rtol=0)
    torch.testing.assert_close(chance(mask), torch.full((8,), math.sqrt(0.3)), atol=1e-3, rtol=0)


@pytest.mark.parametrize("percentile", [10.0, 50.0, 70.0, 90.0])
def test_the_percentile_is_of_each_map(percentile, noise):
    maps = torch.rand(3, 20, 20, generator=noise) * torch.tensor([1.0, 10, 100]).view(3, 1, 1)
    areas = boolean_map(maps, percentile).flatten(1).float().mean(1)
    torch.testing.assert_close(areas, torch.full((3,), 1 - percentile / 100), atol=2e-3, rtol=0)


def test_a_constant_map_says_nothing_and_percentile_0_takes_all():
    flat = torch.ones(1, 4, 4)
    assert not boolean_map(flat, 70).any()
    assert boolean_map(flat, 0).all()
    assert float(chance(boolean_map(flat, 70))) == 0


def test_a_clip_has_one_percentile_over_its_frames():
    maps = torch.stack([torch.zeros(2, 2), torch.ones(2, 2)])[None]
    maps[0, 0, 0, 0] = 0.5
    assert boolean_map(maps, 50, clip=True)[0].flatten(1).sum(1).tolist() == [0, 4]


def test_clips_are_scored_whole():
    d = torch.ones(1, 2, 3, 4, 4)
    mask = torch.zeros(1, 2, 4, 4, dtype=torch.bool)
    mask[:, 1] = True
    assert float(interpretability(d, mask)) == pytest.approx(math.sqrt(0.5))


def test_refuses_percentiles_out_of_range():
    with pytest.raises(ValueError, match="within 0..100, got 170"):
        boolean_map(torch.zeros(1, 2, 2), 170)
