"""A picture from a file, on the grey that is about the ground of the worlds of blocks."""

from __future__ import annotations

from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from sensorium.media import stills

BEHIND = stills.MID_GREY
"""Grey level behind transparent pixels."""


def read_picture(path: str | Path, at: float = 0.0) -> UInt8[Tensor, "3 H W"]:
    """A still picture, or a video's frame ``at`` seconds after its first one.

    Raises:
        MediaError: when there is none, with what to do.
        ValueError: when the video is shorter than ``at`` seconds, or a still picture is asked for
            a later moment than 0.
    """
    return stills.read_picture(path, at, behind=BEHIND)
