import struct

import cv2
import numpy as np
import pytest
import torch

from sensorium import media
from sensorium.media import MediaError
from sensorium.questions.pictures import read_picture


@pytest.fixture
def rgb():
    """60 x 80: red on the left, blue on the right, white above."""
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[:, :40], picture[:, 40:], picture[:10] = (250, 10, 10), (10, 20, 240), 255
    return picture


def saved(path, rgb):
    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))
    return path


def near(picture, rgb, most):
    return (picture.permute(1, 2, 0).int() - torch.from_numpy(rgb.astype(int))).abs().max() <= most


@pytest.mark.parametrize(
    ("name", "most"), [("a.png", 0), ("a.bmp", 0), ("a.tiff", 0), ("a.webp", 90), ("a.jpg", 90)]
)
def test_formats(tmp_path, rgb, name, most):
    picture = read_picture(saved(tmp_path / name, rgb))
    assert picture.dtype == torch.uint8
    assert picture.shape == (3, 60, 80)
    assert near(picture, rgb, most)
    assert (picture[:, 40, 20].int() - torch.tensor([250, 10, 10])).abs().max() < 12


def test_grey_16_bit_and_palette(tmp_path, rgb):
    grey = rgb[..., 0]
    cv2.imwrite(str(tmp_path / "g.png"), grey)
    cv2.imwrite(str(tmp_path / "g16.png"), grey.astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / "c16.png"), rgb[..., ::-1].astype(np.uint16) * 257)
    want = np.repeat(grey[..., None], 3, 2)
    assert near(read_picture(tmp_path / "g.png"), want, 0)
    assert near(read_picture(tmp_path / "g16.png"), want, 1)
    assert near(read_picture(tmp_path / "c16.png"), rgb, 1)


def test_transparent_is_grey(tmp_path, rgb):
    alpha = np.full((60, 80, 1), 255, np.uint8)
    alpha[20:], alpha[40:] = 0, 128
    cv2.imwrite(str(tmp_path / "a.png"), np.concatenate([rgb[..., ::-1], alpha], 2))
    picture = read_picture(tmp_path / "a.png")
    assert picture[:, 15, 20].tolist() == [250, 10, 10]
    assert picture[:, 30, 20].tolist() == [128, 128, 128]
    assert (picture[:, 50, 20].int() - torch.tensor([189, 69, 69])).abs().max() <= 1


def test_a_photo_that_lies_on_its_side_is_turned(tmp_path, rgb):
    data = saved(tmp_path / "a.jpg", rgb).read_bytes()
    entry = struct.pack("<HHII", 0x112, 3, 1, 6)  # orientation: turn it clockwise
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    head = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    (tmp_path / "turned.jpg").write_bytes(head + data[2:])
    picture = read_picture(tmp_path / "turned.jpg")
    assert picture.shape == (3, 80, 60)
    assert near(picture, np.rot90(rgb, -1), 90)
    assert picture[:, 20, 20].tolist()[0] > 200


@pytest.mark.parametrize("size", [(1, 1), (20, 20), (3000, 4000)])
def test_tiny_and_huge(tmp_path, rgb, size):
    picture = read_picture(saved(tmp_path / "a.png", cv2.resize(rgb, size[::-1])))
    assert picture.shape == (3, *size)


def test_a_moment_of_a_video(tmp_path):
    frames = torch.zeros(8, 3, 32, 48, dtype=torch.uint8)
    frames[4:] = 200
    film = media.write(tmp_path / "film.mp4", frames, 4.0)
    assert read_picture(film).max() < 60
    assert read_picture(film, at=1.5).min() > 150
    with pytest.raises(ValueError, match=r"lasts 2.00 s, got the moment 9 s"):
        read_picture(film, at=9)
    with pytest.raises(ValueError, match="0 s or later, got -1"):
        read_picture(film, at=-1)
    with pytest.raises(ValueError, match="a still picture has no moment 1 s"):
        read_picture(saved(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8)), at=1)


def test_what_is_no_picture_is_one_line(tmp_path, rgb):
    whole = saved(tmp_path / "a.png", rgb).read_bytes()
    photo = saved(tmp_path / "a.jpg", rgb).read_bytes()
    cases = {
        "half.png": whole[: len(whole) // 2],
        "half.jpg": photo[: len(photo) // 2],
        "junk.png": b"hello" * 100,
        "empty.png": b"",
        "notes.txt": b"some text\n" * 10,
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MediaError, match=name) as caught:
            read_picture(tmp_path / name)
        assert "\n" not in str(caught.value)
    for missing in (tmp_path / "none.png", tmp_path):
        with pytest.raises(MediaError):
            read_picture(missing)
    media.write_audio(tmp_path / "a.wav", torch.zeros(1, 8000), 8000)
    with pytest.raises(ValueError, match="sound only"):
        read_picture(tmp_path / "a.wav")
