"""Which pictures of a window of sound are looked at, and how large."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium import images
from sensorium.types import Span, Video

_DECODE_AT_ONCE = 8  # full-size pictures held at a time


@dataclass(frozen=True)
class SoundView:
    """What the network sees of a window.

    Attributes:
        size: height and width of the pictures in pixels; whole pictures are squashed to it, so
            that a place in the map is a place in the picture.
        fps: frame rate in hertz on which pictures are counted.
        frames: pictures of a window, around its middle.
        stride: pictures at ``fps`` from one to the next.
        close: height and width at which The Sound of Pixels looks at a video to be separated; 0
            for ``size``. Performers who share a picture are smaller in it than a soloist was in
            training; looked at more closely they are as large again.
        mean: per channel, of pixel values in 0..1.
        std: per channel.
    """

    size: int = 224
    fps: float = 8.0
    frames: int = 3
    stride: int = 24
    close: int = 0
    mean: tuple[float, float, float] = images.IMAGENET_MEAN
    std: tuple[float, float, float] = images.IMAGENET_STD

    @property
    def seconds(self) -> float:
        """From the first picture of a window to the last."""
        return (self.frames - 1) * self.stride / self.fps

    def times(self, window: Span) -> list[float]:
        """Time stamps of the pictures of one window, in seconds."""
        step = self.stride / self.fps
        first = window.centre - 0.5 * (self.frames - 1) * step
        return [round(first + i * step, 6) for i in range(self.frames)]

    def pictures(self, video: Video, window: Span) -> UInt8[Tensor, "T 3 S S"]:
        """The pictures of one window, at the network's size."""
        times = self.times(window)
        groups = [times[i : i + _DECODE_AT_ONCE] for i in range(0, len(times), _DECODE_AT_ONCE)]
        return torch.cat([images.resize(video.frames(g), (self.size, self.size)) for g in groups])
