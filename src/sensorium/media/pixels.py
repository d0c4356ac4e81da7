"""A decoded picture to ``uint8 [3, H, W]``: RGB, exactly sized, the right way up.

Pictures go through FFmpeg's planar ``gbrp`` where they can: its planes are copied straight into the
tensor, which is faster than taking interleaved RGB apart. Where the width is no multiple of 16,
FFmpeg 8.1 leaves up to eight columns at the right unwritten on that way, so those pictures go
through ``rgb24``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import torch
from av.video.frame import VideoFrame
from jaxtyping import UInt8
from torch import Tensor

_RGB_OF_GBR = (2, 0, 1)  # where red, green and blue lie among the planes of gbrp
_SAFE_GBR_WIDTH = 16


@dataclass(frozen=True)
class Turn:
    """How a picture is brought upright: first transposed, then mirrored."""

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    def apply(self, picture: UInt8[Tensor, "3 H W"]) -> UInt8[Tensor, "3 H2 W2"]:
        """The picture as it is meant to be seen."""
        if self.transpose:
            picture = picture.transpose(1, 2)
        dims = [dim for dim, on in ((1, self.flip_rows), (2, self.flip_columns)) if on]
        return picture.flip(dims) if dims else picture

    @property
    def degrees(self) -> int:
        """The clockwise turn, leaving out a mirroring: 0, 90, 180 or 270."""
        if self.transpose:
            return 90 if self.flip_columns else 270
        return 180 if self.flip_rows else 0


_QUARTERS = (Turn(), Turn(True, flip_rows=True), Turn(False, True, True), Turn(True, False, True))
"""By quarter turns counter-clockwise."""


def turn_of(frame: VideoFrame) -> Turn:
    """The turn that the frame's display matrix asks for, rounded to right angles."""
    try:
        raw = bytes(frame.side_data["DISPLAYMATRIX"])  # type: ignore[typeddict-item]
    except KeyError:
        return Turn()
    except ValueError:  # side data that PyAV does not know, such as EXIF of stills
        return _QUARTERS[frame.rotation // 90 % 4]
    if len(raw) != 36:
        return Turn()
    # Stored points (x, y), y down, are shown at (a x + c y, b x + d y).
    a, b, _, c, d, *_rest = struct.unpack("=9i", raw)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(False, flip_rows=d < 0, flip_columns=a < 0)
    return Turn(True, flip_rows=b < 0, flip_columns=c < 0)


def write_picture(frame: VideoFrame, out: UInt8[Tensor, "3 H W"], turn: Turn) -> None:
    """Convert ``frame`` to RGB into ``out``, scaled where its size is another."""
    height, width = int(out.shape[1]), int(out.shape[2])
    if turn.transpose:
        height, width = width, height
    upright = turn == Turn()
    stored = out if upright else torch.empty(3, height, width, dtype=torch.uint8)
    if width % _SAFE_GBR_WIDTH == 0:
        _through_planes(frame, stored)
    else:
        _through_pixels(frame, stored)
    if not upright:
        out.copy_(turn.apply(stored))


def _through_planes(frame: VideoFrame, out: UInt8[Tensor, "3 H W"]) -> None:
    height, width = int(out.shape[1]), int(out.shape[2])
    planar = frame.reformat(width=width, height=height, format="gbrp", threads=1)
    target = out.numpy()
    for channel, index in enumerate(_RGB_OF_GBR):
        plane = planar.planes[index]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        target[channel] = rows[:height, :width]


def _through_pixels(frame: VideoFrame, out: UInt8[Tensor, "3 H W"]) -> None:
    import cv2

    height, width = int(out.shape[1]), int(out.shape[2])
    mixed = frame.reformat(width=width, height=height, format="rgb24", threads=1).to_ndarray()
    cv2.split(mixed, list(out.numpy()))  # [H, W, 3] -> [3, H, W]
