"""Frame tensors: sizes, layouts, and agreement with independent ways to compute the same."""

import cv2
import numpy as np
import pytest
import torch

from sensorium import images


@pytest.fixture
def frames():
    noise = np.random.default_rng(0).integers(0, 256, (4, 60, 80, 3), dtype=np.uint8)
    smooth = np.stack([cv2.GaussianBlur(f, (0, 0), 3) for f in noise])
    return torch.from_numpy(smooth).permute(0, 3, 1, 2)  # [T, H, W, 3] -> [T, 3, H, W]


@pytest.mark.parametrize("size", [(30, 40), (17, 80), (90, 33), (60, 80), (1, 1)])
def test_resize_gives_the_size_and_keeps_dtype(frames, size):
    for given in (frames, frames.float()):
        got = images.resize(given, size)
        assert got.shape == (4, 3, *size)
        assert got.dtype == given.dtype


def test_uint8_resize_is_the_float_resize_to_one_level(frames):
    exact = images.resize(frames.float(), (23, 31))
    assert (images.resize(frames, (23, 31)).float() - exact).abs().max() <= 1.01


def test_halving_is_close_to_area_averaging(frames):
    ours = images.resize(frames, (30, 40)).permute(0, 2, 3, 1).numpy().astype(int)
    area = np.stack(
        [cv2.resize(f, (40, 30), interpolation=cv2.INTER_AREA) for f in _pictures(frames)]
    )
    assert np.abs(ours - area)[:, 1:-1, 1:-1].max() <= 3


def test_reducing_does_not_alias():
    stripes = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    stripes[..., ::2] = 255
    small = images.resize(stripes, (20, 20)).float()
    assert small[..., 2:-2].std() < 10  # without a low-pass: 127


def test_layout_does_not_change_the_values(frames):
    assert torch.equal(
        images.resize(frames, (25, 35)), images.resize(frames.contiguous(), (25, 35))
    )


def test_resize_takes_pictures_and_batches(frames):
    one, batch = frames[0], frames.view(2, 2, 3, 60, 80)
    assert torch.equal(images.resize(one, (12, 16)), images.resize(frames, (12, 16))[0])
    assert images.resize(batch, (12, 16)).shape == (2, 2, 3, 12, 16)


def test_short_side_keeps_the_aspect_ratio(frames):
    assert images.resize_short_side(frames, 30).shape[-2:] == (30, 40)
    assert images.resize_short_side(frames.transpose(-1, -2), 30).shape[-2:] == (40, 30)
    assert images.short_side_size(1080, 1920, 256) == (256, 455)


def test_crops_are_the_pixels(frames):
    assert torch.equal(images.crop(frames, 3, 5, 10, 20), frames[..., 3:13, 5:25])
    assert torch.equal(images.centre_crop(frames, 20), frames[..., 20:40, 30:50])
    assert torch.equal(images.centre_crop(frames, (60, 10)), frames[..., 35:45])


def test_flip_twice_is_nothing(frames):
    assert torch.equal(images.flip(frames)[..., 0], frames[..., -1])
    assert torch.equal(images.flip(images.flip(frames)), frames)


def test_normalise_by_hand(frames):
    got = images.normalise(frames)
    by_hand = (_pictures(frames) / 255 - images.IMAGENET_MEAN) / images.IMAGENET_STD
    assert got.dtype == torch.float32
    assert np.allclose(got.permute(0, 2, 3, 1).numpy(), by_hand, atol=1e-5)
    assert torch.allclose(images.normalise(frames.float() / 255), got, atol=1e-5)


def test_errors_say_what_to_do(frames):
    with pytest.raises(ValueError, match="does not fit into frames of 60 x 80; resize"):
        images.centre_crop(frames, 70)
    with pytest.raises(ValueError, match="at least 1 x 1"):
        images.resize(frames, (0, 4))
    with pytest.raises(ValueError, match=r"\[\.\.\., C, H, W\], got \[60, 80\]"):
        images.resize(frames[0, 0], (4, 4))
    with pytest.raises(ValueError, match="one number per channel"):
        images.normalise(frames, (0.5,), (0.5,))
    with pytest.raises(ValueError, match="uint8 or floating"):
        images.normalise(frames.int())


def _pictures(frames):
    return frames.permute(0, 2, 3, 1).numpy()
