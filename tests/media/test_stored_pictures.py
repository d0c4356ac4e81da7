"""Plain pictures of data sets, and what is none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sensorium.media import MediaError
from sensorium.media.stills import read_picture
from sensorium.media.stored_pictures import read_stored

PIXELS = np.random.default_rng(3).integers(0, 256, (7, 9, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".ppm", ".webp"])
def test_lossless_pictures_are_exact(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    options = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []
    assert cv2.imwrite(str(path), PIXELS[..., ::-1], options)
    assert torch.equal(read_stored(path), torch.from_numpy(PIXELS).permute(2, 0, 1))


def test_it_agrees_with_the_reader_of_everything(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    cv2.imwrite(str(path), PIXELS)
    assert torch.equal(read_stored(path), read_picture(path))
    y, x = np.mgrid[0:70, 0:90]
    smooth = np.stack([y * 3, x * 2, 200 - y - x], -1).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "y.jpg"), smooth, [cv2.IMWRITE_JPEG_QUALITY, 95])
    ours, theirs = (f(tmp_path / "y.jpg").float() for f in (read_stored, read_picture))
    assert (ours - theirs).abs().mean() < 2


def test_grey_and_deep_pictures_have_three_channels_of_bytes(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((4, 5), 200, np.uint8))
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((4, 5, 3), 200 * 256 + 7, np.uint16))
    for name in ("grey", "deep"):
        found = read_stored(tmp_path / f"{name}.png")
        assert found.shape == (3, 4, 5)
        assert found.unique().tolist() == [200]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "an empty file"),
        (b"not a picture", "damaged"),
        (cv2.imencode(".jpg", PIXELS)[1].tobytes()[:-2], "cut off"),
        (cv2.imencode(".png", PIXELS)[1].tobytes()[:-20], "cut off"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    with pytest.raises(MediaError, match=f"x.jpg: not a picture that can be read .{why}."):
        read_stored(path)
    with pytest.raises(MediaError, match="no such file"):
        read_stored(tmp_path / "y.jpg")
    with pytest.raises(MediaError, match=str(tmp_path.name)):
        read_stored(tmp_path)
