"""A picture of a face from any file: what is transparent is white, as on a page."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from sensorium.media import stills

BEHIND = 255
"""Grey level behind transparent pixels."""


def read_picture(path: str | Path) -> UInt8[Tensor, "3 H W"]:
    """A still picture of any kind and size, or the first frame of a video or an animation.

    Raises:
        MediaError: when there is none, with what to do.
    """
    return stills.read_picture(path, behind=BEHIND)


def middle_square(picture: UInt8[Tensor, "3 H W"]) -> UInt8[Tensor, "3 S S"]:
    """The largest square in the middle."""
    height, width = picture.shape[1:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[:, top : top + side, left : left + side]


def resized(
    frames: UInt8[Tensor, "T 3 H W"], height: int, width: int
) -> UInt8[Tensor, "T 3 h w"]:
    """Frames at another size: bicubic, averaged where they shrink."""
    if frames.shape[2:] == (height, width):
        return frames
    scaled: Float[Tensor, "T 3 h w"] = functional.interpolate(
        frames.float(), (height, width), mode="bicubic", antialias=True, align_corners=False
    )
    return scaled.round_().clamp_(0, 255).to(torch.uint8)
