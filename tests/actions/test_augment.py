"""Augmentation: sizes and places of the published scheme, flips with their labels, determinism."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from sensorium import images
from sensorium.actions import augment as a
from sensorium.actions.degrade import degrade, jitter_colour
from sensorium.actions.mirror import mirror_labels

CLASSES = ("slide left", "slide right", "clap", "turn left")
MIRROR = mirror_labels(CLASSES)


def rng(seed=0):
    return np.random.default_rng(seed)


def places(T=2, height=40, width=60):
    """Frames whose first two channels say where each pixel was."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([y, x, x + y]).to(torch.uint8).expand(T, 3, height, width)


def test_published_crop_sizes_for_a_100_high_frame():
    # Something V1: height 100, scales 1, .875, .75, .66 -> 100, 87, 75, 66
    sizes = a.crop_sizes(100, 176, 224, (1, 0.875, 0.75, 0.66))
    assert len(sizes) == 10  # pairs at most one scale apart
    assert {h for h, _ in sizes} == {100, 87, 75, 66}
    assert (100, 87) in sizes
    assert (100, 75) not in sizes


def test_sides_snap_to_the_network_within_two_pixels():
    assert a.crop_sizes(256, 340, 224, (0.875,)) == [(224, 224)]
    assert a.crop_sizes(226, 340, 224, (1.0,)) == [(224, 224)]
    assert a.crop_sizes(227, 340, 224, (1.0,)) == [(227, 227)]
    assert a.crop_sizes(222, 340, 224, (1.0,)) == [(222, 222)]  # never larger than the picture


def test_thirteen_anchors():
    anchors = a.crop_anchors(256, 340, (224, 224))
    assert len(set(anchors)) == 13
    assert {(0, 0), (32, 116), (16, 58), (0, 58), (8, 29), (24, 87)} <= set(anchors)


def test_multiscale_crop_is_one_crop_for_all_frames():
    for seed in range(20):
        got = a.multiscale_crop(places(3), 32, (1, 0.8), rng(seed))
        assert got.shape == (3, 3, 32, 32)
        assert torch.equal(got[0], got[2])


def test_squash_keeps_all_of_the_width_among_its_crops():
    got = a.multiscale_crop(places(), 20, (1.0,), rng(), fit="squash")
    assert got.shape[-2:] == (20, 20)
    assert got[0, 1, 0, 0] <= 2
    assert got[0, 1, 0, -1] >= 57


@pytest.mark.parametrize(
    ("fit", "landscape", "portrait"),
    [
        ("crop", (256, 455), (455, 256)),
        ("squash", (224, 224), (224, 224)),
        ("four-thirds", (256, 341), (341, 256)),
    ],
)
def test_fitted_sizes(fit, landscape, portrait):
    assert a.fitted_size(360, 640, 224, fit) == landscape
    assert a.fitted_size(640, 360, 224, fit) == portrait


def test_fit_frames_takes_the_centre():
    got = a.fit_frames(places(2, 64, 64), 56)  # 64 = 56 * 8/7: nothing to resize
    assert torch.equal(got, places(2, 64, 64)[..., 4:60, 4:60])


@pytest.mark.parametrize("crop", ["multiscale", "random", "centre"])
@pytest.mark.parametrize("fit", ["crop", "squash", "four-thirds"])
@pytest.mark.parametrize("shape", [(40, 60), (61, 33), (9, 200)])
def test_every_setting_gives_the_size(crop, fit, shape):
    settings = a.Augmentation(crop=crop, colour=0.4, degrade=1.0)
    augment = a.Augmenter(settings, 28, fit, MIRROR)
    frames, label = augment(places(2, *shape), 2, rng())
    assert (frames.shape, frames.dtype, label) == ((2, 3, 28, 28), torch.uint8, 2)
    again, _ = augment(places(2, *shape), 2, rng())
    assert torch.equal(frames, again)
    assert not torch.equal(frames, augment(places(2, *shape), 2, rng(1))[0])


def test_flips_swap_labels_and_respect_classes_without_partner():
    augment = a.Augmenter(a.Augmentation(crop="centre"), 40, "squash", MIRROR)
    plain = a.fit_frames(places(), 40, "squash")
    for label, partner in ((0, 1), (1, 0), (2, 2)):
        seen = Counter()
        for seed in range(40):
            frames, got = augment(places(), label, rng(seed))
            flipped = torch.equal(frames, images.flip(plain))
            assert flipped or torch.equal(frames, plain)
            assert got == (partner if flipped else label)
            seen[flipped] += 1
        assert min(seen.values()) > 8
    assert all(
        torch.equal(augment(places(), 3, rng(seed))[0], plain) for seed in range(20)
    )  # "turn left" has no "turn right"


def test_no_flip_when_switched_off():
    settings = a.Augmentation(crop="centre", flip=0.0)
    augment = a.Augmenter(settings, 40, "squash", MIRROR)
    assert {augment(places(), 0, rng(seed))[1] for seed in range(20)} == {0}


def test_settings_are_checked():
    with pytest.raises(ValueError, match="flip must lie in 0..1, got 2"):
        a.Augmentation(flip=2)
    with pytest.raises(ValueError, match="crop scales"):
        replace(a.Augmentation(), scales=())


def test_colour_jitter_is_bounded_and_the_same_for_all_frames():
    grey = torch.full((3, 3, 8, 8), 100, dtype=torch.uint8)
    got = {int(jitter_colour(grey, 0.2, rng(seed))[0, 0, 0, 0]) for seed in range(30)}
    assert len(got) > 10
    assert all(100 * 0.8 * 0.8 - 1 <= v <= (100 * 1.2 + 26) * 1.2 + 1 for v in got)
    assert torch.equal(jitter_colour(grey, 0.0, rng()), grey)
    frames = jitter_colour(places(2), 0.4, rng(2))
    assert torch.equal(frames[0], frames[1])


def test_saturation_zero_would_be_grey():
    red = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    red[:, 0] = 200
    spread = [
        int(c.max()) - int(c.min())
        for c in (jitter_colour(red, 1.0, rng(s))[0, :, 0, 0] for s in range(40))
    ]
    assert min(spread) < 60 < max(spread)


def test_degrading_changes_pixels_but_not_the_picture():
    frames = places(2, 48, 48) * 2
    assert torch.equal(degrade(frames, 0.0, rng()), frames)
    for seed in range(10):
        worse = degrade(frames, 1.0, rng(seed))
        difference = (worse.float() - frames.float()).abs().mean()
        assert 0.3 < difference < 20
