"""Shots of a long video: where its pictures change at once (The Sound of Motions, 1904.05979).

As in the paper, adjacent pictures' colour histograms are compared and two thresholds are used as
in Canny's edges: differences above ``low`` belong together while they follow one another, and such
a run is a boundary if it is ``high`` as a whole. Here "as a whole" is the difference between the
picture before the run and the one after it, as in twin comparison (Zhang, Kankanhalli, Smoliar,
1993): a dissolve adds up to a boundary although no step of it is high, and a flash, after which all
is as before, is none. The paper does not give its thresholds; ours are measured on the stage.

Trajectories must not be followed across a boundary, and windows of one shot make the curriculum's
last stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from sensorium import images
from sensorium.types import Span, Video

_LEVELS = 8  # per colour
_SIDE = 64  # pixels of the shorter side on which histograms are counted
_AT_ONCE = 8  # full-size pictures held at a time

Histogram = Float[Tensor, " 512"]


@dataclass(frozen=True)
class ShotConfig:
    """How shots are found.

    Attributes:
        fps: rate in hertz at which pictures are compared (at most the video's own); boundaries are
            then found to the video's own frame.
        low: difference of histograms, 0..1, at which something may be changing.
        high: difference before to after at which it has become another shot.
        flash_seconds: two boundaries no further apart, with the same picture before the first and
            after the second, are a flash and none.
    """

    fps: float = 8.0
    low: float = 0.12
    high: float = 0.4
    flash_seconds: float = 0.6

    def __post_init__(self) -> None:
        if not (0.0 < self.low <= self.high <= 1.0 and self.fps > 0):
            raise ValueError(
                "shots need 0 < low <= high <= 1 and fps above 0, got "
                f"low {self.low:g}, high {self.high:g}, fps {self.fps:g}"
            )


@dataclass
class _Run:
    """Differences above ``low`` that follow one another."""

    before: Histogram
    between: tuple[float, float]  # times of the two pictures that differ most, seconds
    most: float


@dataclass(frozen=True)
class _Boundary:
    between: tuple[float, float]
    before: Histogram


def find_shots(
    video: Video, config: ShotConfig | None = None, told: Callable[[float], None] | None = None
) -> tuple[Span, ...]:
    """The shots of a video, in order and without gaps: one if nothing changes at once.

    Holds a few pictures at a time, whatever the video's length.
    """
    config = config or ShotConfig()
    found: list[_Boundary] = []
    for boundary, after in _boundaries(video, config, told or (lambda share: None)):
        near = found and boundary.between[1] - found[-1].between[0] <= config.flash_seconds
        if near and difference(found[-1].before, after) < config.high:
            found.pop()
        else:
            found.append(boundary)
    cuts = [_refined(video, b.between) for b in found]
    edges = [video.span.start, *cuts, video.span.end]
    return tuple(Span(a, b) for a, b in pairwise(edges) if b > a)


def _boundaries(
    video: Video, config: ShotConfig, told: Callable[[float], None]
) -> Iterator[tuple[_Boundary, Histogram]]:
    """Each boundary with the histogram after it."""
    last: tuple[float, Histogram] | None = None
    run: _Run | None = None
    for time, now in _histograms(video, min(config.fps, video.fps), told):
        if last is not None:
            step = difference(last[1], now)
            if step >= config.low:
                run = run or _Run(last[1], (last[0], time), 0.0)
                if step > run.most:
                    run.between, run.most = (last[0], time), step
            elif run is not None:
                if difference(run.before, last[1]) >= config.high:
                    yield _Boundary(run.between, run.before), last[1]
                run = None
        last = (time, now)
    if run is not None and last is not None and difference(run.before, last[1]) >= config.high:
        yield _Boundary(run.between, run.before), last[1]


def _histograms(
    video: Video, fps: float, told: Callable[[float], None]
) -> Iterator[tuple[float, Histogram]]:
    times = video.times(fps)
    for start in range(0, len(times), _AT_ONCE):
        some = times[start : start + _AT_ONCE]
        yield from zip(some, histograms(video.frames(some)), strict=True)
        told((start + len(some)) / len(times))


def histograms(frames: UInt8[Tensor, "T 3 H W"]) -> Float[Tensor, "T 512"]:
    """Shares of 8 x 8 x 8 colours; a colour between two levels counts for both.

    That way a light that grows a little does not empty a whole level into the next.
    """
    side = min(_SIDE, *frames.shape[-2:])
    small = images.resize_short_side(frames, side).float()
    place = (small / 256 * _LEVELS - 0.5).clamp(0, _LEVELS - 1).flatten(2)  # [T, 3, N]
    below = place.floor().clamp_max(_LEVELS - 2)
    share = place - below
    red, green, blue = below.long().unbind(1)
    first = torch.arange(len(frames))[:, None] * _LEVELS**3
    index = first + (red * _LEVELS + green) * _LEVELS + blue
    out = torch.zeros(len(frames) * _LEVELS**3)
    for corner in range(8):
        bits = [corner >> 2 & 1, corner >> 1 & 1, corner & 1]
        up = (bits[0] * _LEVELS + bits[1]) * _LEVELS + bits[2]
        parts = [share[:, c] if bit else 1 - share[:, c] for c, bit in enumerate(bits)]
        weight = parts[0] * parts[1] * parts[2]
        out += torch.bincount((index + up).flatten(), weight.flatten(), len(out))
    return out.view(len(frames), -1) / place.shape[-1]  # [T*512] -> [T, 512]


def difference(a: Histogram, b: Histogram) -> float:
    """Share of the picture that has changed its colour: half the L1 distance, 0..1."""
    return 0.5 * float((a - b).abs().sum())


def _refined(video: Video, between: tuple[float, float]) -> float:
    """The time of the cut: halving the step that differs most, until one frame's edge is in it."""
    first, second = between
    ends = histograms(video.frames([first, second]))
    while second - first > 0.51 / video.fps:
        middle = 0.5 * (first + second)
        (now,) = histograms(video.frames([middle]))
        if difference(ends[0], now) > difference(now, ends[1]):
            second = middle
        else:
            first = middle
    middle = 0.5 * (first + second)
    edge = video.span.start + round((middle - video.span.start) * video.fps) / video.fps
    return edge if first <= edge <= second else middle  # frames may last differently long
