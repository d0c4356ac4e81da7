"""A picture of a face from any file: what is transparent is white, as on a page."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium import images
from sensorium.media import stills

BEHIND = 255
"""Grey level behind transparent pixels."""


def read_picture(path: str | Path) -> UInt8[Tensor, "3 H W"]:
    """A still picture of any kind and size, or the first frame of a video or an animation.

    Raises:
        MediaError: when there is none, with what to do.
    """
    return stills.read_picture(path, behind=BEHIND)


def no_larger(picture: UInt8[Tensor, "3 H W"], side: int) -> UInt8[Tensor, "3 h w"]:
    """The picture, its longer side at most ``side`` pixels."""
    height, width = picture.shape[1:]
    if max(height, width) <= side:
        return picture
    scale = side / max(height, width)
    return images.resize(picture, (max(1, round(height * scale)), max(1, round(width * scale))))


def enlarged(frame: UInt8[Tensor, "3 H W"], side: int) -> UInt8[Tensor, "3 h w"]:
    """A frame whose shorter side has ``side`` pixels: bicubic, averaged where it shrinks."""
    height, width = images.short_side_size(frame.shape[1], frame.shape[2], side)
    if frame.shape[1:] == (height, width):
        return frame
    how = cv2.INTER_CUBIC if side > min(frame.shape[1:]) else cv2.INTER_AREA
    pixels = np.ascontiguousarray(frame.permute(1, 2, 0).numpy())  # [3, H, W] -> [H, W, 3]
    scaled = cv2.resize(pixels, (width, height), interpolation=how)
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))  # -> [3, h, w]
