"""The vocabulary: what flows between files, worlds, systems and reports.

Time is in seconds on one clock per clip, rates are in hertz, frames are ``uint8 [T, 3, H, W]`` RGB
until ``images.normalise``, audio is ``float32 [C, N]`` in -1..1. `Video` and `Audio` are lazy:
nothing is decoded or rendered until frames at given times, or the samples of a span, are asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of time, ``start <= t < end``, in seconds.

    Raises:
        ValueError: if ``end < start`` or either is not finite.
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        finite = abs(self.start) != float("inf") and abs(self.end) != float("inf")
        if not (finite and self.end >= self.start):
            raise ValueError(
                f"a span needs start <= end in seconds, got {self.start!r} to {self.end!r}"
            )

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start

    @property
    def centre(self) -> float:
        """Middle in seconds."""
        return 0.5 * (self.start + self.end)

    def overlap(self, other: Span) -> float:
        """Seconds that both spans share (0 when they do not meet)."""
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))

    def iou(self, other: Span) -> float:
        """Temporal intersection over union, 0..1."""
        shared = self.overlap(other)
        union = self.duration + other.duration - shared
        return shared / union if union > 0 else 0.0


class Video(ABC):
    """Pictures over time, decoded or rendered only when asked for.

    Attributes:
        span: from the first frame's time to the end of the last one, in seconds.
        fps: average frame rate in hertz (a variable-rate file has no other).
        height: in pixels, as displayed (rotation applied).
        width: in pixels, as displayed.
    """

    span: Span
    fps: float
    height: int
    width: int

    @abstractmethod
    def frames(self, times: Sequence[float]) -> UInt8[Tensor, "T 3 H W"]:
        """The frame on display at each time (seconds, any order; outside the span the nearest)."""

    def times(self, fps: float | None = None) -> list[float]:
        """Evenly spaced times at ``fps`` (default: own rate) from the middle of the first frame."""
        rate = fps or self.fps
        count = max(1, round(self.span.duration * rate))
        return [self.span.start + (i + 0.5) / rate for i in range(count)]


class Audio(ABC):
    """Sound over time, decoded or synthesised only when asked for.

    Attributes:
        span: on the clip's clock, in seconds; need not equal the video's.
        rate: sampling rate in hertz.
        channels: number of channels.
    """

    span: Span
    rate: int
    channels: int

    @abstractmethod
    def samples(self, span: Span | None = None, rate: int | None = None) -> Float32[Tensor, "C N"]:
        """The samples of ``span`` (default: all) at ``rate`` hertz (default: own).

        Silence where there is no sound. ``N`` is ``round(span.duration * rate)``.
        """


class FrameVideo(Video):
    """Frames already in memory.

    Shape:
        ``data``: ``uint8 [T, 3, H, W]``.
    """

    def __init__(self, data: UInt8[Tensor, "T 3 H W"], fps: float, start: float = 0.0) -> None:
        if data.dtype != torch.uint8 or data.ndim != 4 or data.shape[1] != 3 or len(data) == 0:
            raise ValueError(
                "frames must be uint8 [T, 3, H, W] with T >= 1, got "
                f"{data.dtype} {list(data.shape)}; scale to 0..255 and call .to(torch.uint8)"
            )
        if not fps > 0:
            raise ValueError(f"fps must be above 0 Hz, got {fps!r}")
        self.data = data
        self.fps = float(fps)
        self.span = Span(start, start + len(data) / fps)
        self.height, self.width = int(data.shape[2]), int(data.shape[3])

    def frames(self, times: Sequence[float]) -> UInt8[Tensor, "T 3 H W"]:
        """The frame on display at each time."""
        index = [int((t - self.span.start) * self.fps + 1e-6) for t in times]
        return self.data[[min(max(i, 0), len(self.data) - 1) for i in index]]

    def __repr__(self) -> str:
        return f"FrameVideo({list(self.data.shape)}, fps={self.fps:g}, span={self.span})"


@dataclass(frozen=True)
class Clip:
    """What flows: a video, a sound, or both on one clock.

    Attributes:
        video: the pictures, or ``None``.
        audio: the sound (the default track), or ``None``.
        name: what to call it in reports, usually the file's path.
    """

    video: Video | None
    audio: Audio | None
    name: str = "clip"

    def __post_init__(self) -> None:
        if self.video is None and self.audio is None:
            raise ValueError(f"{self.name}: a clip needs a video, a sound or both, got neither")

    @property
    def span(self) -> Span:
        """From the earliest start to the latest end of picture and sound."""
        spans = [s.span for s in (self.video, self.audio) if s is not None]
        return Span(min(s.start for s in spans), max(s.end for s in spans))

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.span.duration

    def need_video(self) -> Video:
        """The video.

        Raises:
            ValueError: when there is none.
        """
        if self.video is None:
            raise ValueError(
                f"{self.name}: got sound only, expected pictures; give a file with a video stream"
            )
        return self.video

    def need_audio(self) -> Audio:
        """The audio.

        Raises:
            ValueError: when there is none.
        """
        if self.audio is None:
            raise ValueError(
                f"{self.name}: got no audio track, expected sound; give a file with an audio stream"
            )
        return self.audio
