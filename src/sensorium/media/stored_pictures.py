"""A picture file of a data set as a tensor: JPEG, PNG, TIFF, WebP, BMP or PPM by its content.

`stills` opens whatever FFmpeg does and minds alpha; that takes some 15 ms a picture. Data sets have
a million of them, plain ones but for a few oddities (a PNG called ``.JPEG``, CMYK, grey, 16 bits),
which OpenCV reads in well under a millisecond each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium.media.errors import MediaError

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"})


def read_stored(path: str | Path) -> UInt8[Tensor, "3 H W"]:
    """One picture in RGB; grey ones have three equal channels.

    Raises:
        MediaError: when the file is missing, empty, cut off, damaged or no picture.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        what = "no such file" if not path.exists() else (error.strerror or "cannot be read").lower()
        raise MediaError(f"{path}: {what}; expected a picture") from None
    whole = _ends(data)
    pixels = _decoded(data) if data and whole else None
    if pixels is None:
        why = "an empty file" if not data else "damaged" if whole else "cut off"
        raise MediaError(f"{path}: not a picture that can be read ({why}); get the file again")
    # BGR [H, W, 3] -> RGB [3, H, W]
    return torch.from_numpy(np.ascontiguousarray(pixels[..., ::-1].transpose(2, 0, 1)))


def _decoded(data: bytes) -> UInt8[np.ndarray, "H W 3"] | None:
    """In BGR; ``None`` where it is no picture."""
    try:
        pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(pixels, np.uint8)


def _ends(data: bytes) -> bool:
    """Whether JPEG and PNG files have their end: decoders fill up what was cut off with grey."""
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" in data[-65536:]
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-4096:]
    return True
