import math

import pytest
import torch

from sensorium.robustness.attacks import PGD
from sensorium.robustness.pse.refining import both, refine, summary, supports


def test_controls_have_the_area_of_the_mask(noise):
    maps = torch.rand(3, 12, 16, generator=noise)
    found = supports(maps, noise)
    area = found.inside.flatten(1).sum(1)
    assert torch.equal(found.shifted.flatten(1).sum(1), area)
    assert torch.equal(found.lowest.flatten(1).sum(1), area)
    assert torch.equal(found.outside, ~found.inside)
    assert not (found.lowest & found.inside).any()
    assert float(maps[found.lowest].max()) < float(maps[found.inside].min())
    assert not torch.equal(found.shifted, found.inside)
    assert list(found.named()) == ["inside", "shifted", "lowest", "outside"]


def test_all_frames_of_a_clip_are_shifted_alike(noise):
    maps = torch.rand(1, 12, 16, generator=noise).expand(3, -1, -1)[None].clone()
    shifted = supports(maps, noise).shifted[0]
    assert torch.equal(shifted[0], shifted[2])


def test_union():
    a, b = torch.tensor([[[True, False]]]), torch.tensor([[[False, False]]])
    assert both(a, b).tolist() == [[[True, False]]]


def test_the_attack_stays_within_its_mask(pooled, noise):
    x = torch.rand(4, 3, 8, 8, generator=noise)
    y = pooled(x).argmax(1)
    target = (y + 1) % 3
    masks = supports(torch.rand(4, 8, 8, generator=noise), noise).named()
    found = refine(PGD(eps=0.5, steps=10), pooled, x, y, target, masks)
    assert list(found) == ["free", *masks]
    for name, mask in masks.items():
        moved = (found[name].x != x).any(1)
        assert not (moved & ~mask).any()
        pixels = summary(found[name], x)["pixels"]
        assert math.isnan(pixels) or pixels <= int(mask.flatten(1).sum(1).max())
    free = summary(found["free"], x)
    assert free["success"] == float(found["free"].success.double().mean())
    reached = found["free"].success
    change = (found["free"].x - x)[reached].flatten(1).abs().amax(1)
    assert math.isnan(free["linf"]) or free["linf"] == pytest.approx(float(change.mean()))
