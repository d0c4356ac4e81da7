"""More is in tests/questions/test_pictures.py: formats, depths, transparency, turning, damage."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from sensorium.media import MediaError
from sensorium.media.loops import write_loop
from sensorium.media.stills import read_picture, write_still


def drift(height, width):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns * 200 // width, rows * 200 // height, 90 + 0 * rows], 2).astype(
        np.uint8
    )


@pytest.mark.parametrize("width", [62, 66, 68, 71, 72, 100])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_the_last_columns_are_there(tmp_path, suffix, width):
    rgb = drift(40, width)
    path = tmp_path / f"a{suffix}"
    Image.fromarray(rgb).save(path, quality=98)
    theirs = np.asarray(Image.open(path).convert("RGB")).astype(int)
    ours = read_picture(path).permute(1, 2, 0).numpy()
    assert np.abs(ours - theirs).max() <= 6
    assert np.abs(ours[:, -4:] - theirs[:, -4:]).mean() < 2


@pytest.mark.parametrize("width", [66, 100])
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_what_is_transparent(tmp_path, suffix, width):
    rgba = np.concatenate([drift(40, width), np.full((40, width, 1), 255, np.uint8)], 2)
    rgba[:, width // 2 :, 3] = 0
    Image.fromarray(rgba).save(tmp_path / f"a{suffix}", lossless=False, quality=98)
    for ground in (0, 128, 255):
        picture = read_picture(tmp_path / f"a{suffix}", behind=ground)
        assert (picture[:, :, width // 2 :] == ground).all()
        seen = picture[:, :, : width // 2].permute(1, 2, 0).numpy().astype(int)
        assert np.abs(seen - rgba[:, : width // 2, :3]).mean() < 4


def test_the_first_picture_of_an_animated_webp(tmp_path):
    frames = [torch.full((3, 40, 66), level, dtype=torch.uint8) for level in (200, 20, 20)]
    path = write_loop(tmp_path / "a.webp", frames, 8.0)
    picture = read_picture(path)
    assert picture.shape == (3, 40, 66)
    assert (picture.int() - 200).abs().max() < 4
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(MediaError, match="the animation cannot be decoded"):
        read_picture(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_writing(tmp_path, suffix):
    rgb = drift(31, 47)
    path = write_still(tmp_path / f"a{suffix}", torch.from_numpy(rgb.transpose(2, 0, 1).copy()))
    back = cv2.imread(str(path))[..., ::-1].astype(int)
    assert np.abs(back - rgb).mean() < (0.001 if suffix == ".png" else 4)
    with pytest.raises(MediaError, match="cannot be written"):
        write_still(tmp_path / "none" / f"a{suffix}", torch.zeros(3, 4, 4, dtype=torch.uint8))
