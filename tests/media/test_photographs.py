"""Photographs lie on their side and say so in EXIF, which PyAV cannot list as side data."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

import sensorium


def photograph(path: Path, pixels: np.ndarray, orientation: int) -> Path:
    """A JPEG whose EXIF holds nothing but the orientation."""
    _, data = cv2.imencode(".jpg", pixels[..., ::-1])
    raw = data.tobytes()
    entry = struct.pack("<HHII", 0x112, 3, 1, orientation)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    path.write_bytes(raw[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + raw[2:])
    return path


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (8, 1), (3, 2), (6, -1)])
def test_photographs_come_upright(tmp_path: Path, orientation: int, turns: int) -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32, 0] = 250
    pixels[24:, 32:, 2] = 250
    path = photograph(tmp_path / "photo.jpg", pixels, orientation)
    seen = sensorium.read(path).need_video().frames([0.0])[0].permute(1, 2, 0).numpy()
    wanted = np.rot90(pixels, turns)
    assert seen.shape == wanted.shape
    assert np.abs(seen.astype(int) - wanted).mean() < 12
