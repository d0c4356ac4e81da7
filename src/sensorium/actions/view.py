"""How a video becomes the network's input: windows over time, frames in a window, size, colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium import images
from sensorium.actions.augment import Fit, fit_frames
from sensorium.actions.sampling import Sampling
from sensorium.types import Span, Video

_DECODE_AT_ONCE = 8  # full-size frames held at a time


@dataclass(frozen=True)
class View:
    """What the network sees of a video.

    Attributes:
        size: height and width of the input in pixels.
        fit: how a whole picture becomes square, see ``augment.fitted_size``.
        sampling: which frames of a window.
        window_seconds: length of the windows that slide over a long video; 0 takes the whole
            video as one window, as the papers do with trimmed clips.
        hop_seconds: from one window's start to the next.
        fps: frame rate at which a window is looked at, whatever the file's own; 0 takes the file's.
        mean: per channel, of pixel values in 0..1.
        std: per channel.
    """

    size: int = 224
    fit: Fit = "crop"
    sampling: Sampling = field(default_factory=Sampling)
    window_seconds: float = 0.0
    hop_seconds: float = 0.5
    fps: float = 0.0
    mean: tuple[float, float, float] = images.IMAGENET_MEAN
    std: tuple[float, float, float] = images.IMAGENET_STD

    def windows(self, span: Span) -> list[Span]:
        """The windows that cover ``span``; the last one is moved back so that it ends with it."""
        length = self.window_seconds
        if not length or span.duration <= length:
            return [span]
        count = max(1, -int(-(span.duration - length) // self.hop_seconds))  # ceil
        starts = [span.start + i * self.hop_seconds for i in range(count)]
        starts.append(span.end - length)
        return [Span(s, s + length) for s in starts]

    def times(self, window: Span, fps: float) -> list[float]:
        """Time stamps of the frames to look at in one window, in seconds."""
        rate = self.fps or fps
        length = max(1, round(window.duration * rate))
        index = self.sampling.indices(length, "test")
        return [round(window.start + (k + 0.5) / rate, 6) for k in index]

    def fitted(self, frames: UInt8[Tensor, "T 3 H W"]) -> UInt8[Tensor, "T 3 S S"]:
        """Full-size frames brought to the network's size."""
        return fit_frames(frames, self.size, self.fit)

    def batches(
        self, video: Video, windows: Sequence[Span], batch: int = 16
    ) -> Iterator[UInt8[Tensor, "B T 3 S S"]]:
        """The frames of successive windows, decoding each frame once per batch."""
        for first in range(0, len(windows), batch):
            times = [self.times(w, video.fps) for w in windows[first : first + batch]]
            wanted = sorted({t for row in times for t in row})
            groups = [
                wanted[i : i + _DECODE_AT_ONCE] for i in range(0, len(wanted), _DECODE_AT_ONCE)
            ]
            small = torch.cat([self.fitted(video.frames(group)) for group in groups])
            place = {t: i for i, t in enumerate(wanted)}
            yield torch.stack([small[[place[t] for t in row]] for row in times])
