"""Windows of sound that a system hears one by one, and the cross-fade of what it says of each.

Windows have the length that the system was trained on and overlap by half. What is cross-faded,
with a Hann weight, is their masks, not their sound: the mixture keeps its own spectrum and nothing
clicks where windows meet. Where the picture is cut, windows of the shot before end and those of the
next begin, unless a shot is shorter than a window: what is seen then belongs to what is heard.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from sensorium.sounds.spectra import SpectraConfig
from sensorium.types import Audio, Span


@dataclass(frozen=True)
class Windows:
    """Where the windows of a sound lie.

    All begin on one grid of analysis frames, which starts with the sound. The last one of a shot
    ends with it, so it overlaps its neighbour by more than half.

    Attributes:
        span: of the sound, in seconds.
        config: of the analysis.
        firsts: each window's first frame.
        shots: of the pictures, in order; none: all is one shot.
    """

    span: Span
    config: SpectraConfig
    firsts: tuple[int, ...]
    shots: tuple[Span, ...] = ()

    @classmethod
    def over(cls, span: Span, config: SpectraConfig, shots: Sequence[Span] = ()) -> Windows:
        """Windows that cover a sound, and do not reach over a cut where they need not."""
        total = 1 + int(span.duration * config.rate) // config.hop
        edges = [0]
        for shot in shots[1:]:
            cut = round((shot.start - span.start) * config.rate / config.hop)
            if cut - edges[-1] >= config.frames and total - cut >= config.frames:
                edges.append(cut)
        step = max(1, config.frames // 2)
        firsts: list[int] = []
        for begin, end in pairwise([*edges, total]):
            last = max(begin, end - config.frames)
            firsts += [*range(begin, last, step), last]
        return cls(span, config, tuple(firsts), tuple(shots))

    def shot(self, index: int) -> int:
        """The number of the shot in which a window's middle lies."""
        middle = self.stretch(index).centre
        return max(0, bisect_right(self.shots, middle, key=lambda shot: shot.start) - 1)

    def __len__(self) -> int:
        return len(self.firsts)

    @property
    def frames(self) -> int:
        """Analysis frames of the whole sound."""
        return 1 + int(self.span.duration * self.config.rate) // self.config.hop

    @property
    def frame_seconds(self) -> float:
        """From one frame to the next."""
        return self.config.hop / self.config.rate

    def stretch(self, index: int) -> Span:
        """What a window hears, in seconds; it may reach beyond a short sound."""
        start = self.span.start + self.firsts[index] * self.frame_seconds
        return Span(start, start + self.config.seconds)

    def spans(self) -> tuple[Span, ...]:
        """The windows' stretches of time, cut at the end of the sound."""
        whole = [self.stretch(k) for k in range(len(self))]
        return tuple(Span(s.start, max(s.start, min(s.end, self.span.end))) for s in whole)

    def meeting(self, first: int, last: int) -> range:
        """The windows that say something about frames ``first`` to ``last``, both included."""
        inside = [
            k for k, f in enumerate(self.firsts) if f <= last and f + self.config.frames > first
        ]
        return range(inside[0], inside[-1] + 1) if inside else range(0)

    def hear(self, audio: Audio, index: int) -> Float32[Tensor, " N"]:
        """A window's sound as the systems take it: mono, at the analysis rate.

        A sound shorter than a window is repeated to its length, as in the released code of
        arXiv:1804.03160.
        """
        config = self.config
        start = self.span.start + self.firsts[index] * self.frame_seconds
        left = min(config.samples, round((self.span.end - start) * config.rate))
        if left <= 0:
            return torch.zeros(config.samples)
        stretch = Span(start, start + left / config.rate)
        mono = audio.samples(stretch, config.rate).mean(0)
        if len(mono) >= config.samples:
            return mono[: config.samples]
        if len(self) > 1:  # the last window of a long sound lacks less than a frame
            return torch.nn.functional.pad(mono, (0, config.samples - len(mono)))
        return mono.repeat(math.ceil(config.samples / len(mono)))[: config.samples]


class CrossFade:
    """Joins what overlapping windows say, frame by frame.

    Args:
        begin: first frame that is wanted.
        end: the frame after the last one.

    Shape:
        windows ``[..., T]``; finished frames ``[..., n]``.
    """

    def __init__(self, begin: int, end: int) -> None:
        self.at, self.end = begin, end
        self._sum: Tensor | None = None  # of the frames from `at` on
        self._weight = torch.zeros(0)

    def add(self, first: int, said: Float[Tensor, "... T"]) -> Float[Tensor, "... n"]:
        """Take in a window that starts at ``first``; returns the frames before it, now finished.

        Windows come in the order of their first frames.
        """
        done = self._take(first)
        frames = said.shape[-1]
        weight = torch.sin(torch.pi * (torch.arange(frames) + 0.5) / frames).square()
        weight = weight.to(said.device)
        skip, stop = max(0, self.at - first), min(frames, self.end - first)
        place = max(0, first - self.at)
        if stop > skip:
            total, sums = self._grown(place + stop - skip, said)
            total[..., place : place + stop - skip] += (weight * said)[..., skip:stop]
            sums[place : place + stop - skip] += weight[skip:stop]
        return done if done is not None else said[..., :0]

    def finish(self) -> Float[Tensor, "... n"]:
        """All frames that are left."""
        done = self._take(self.end)
        assert done is not None, "no window was added"
        return done

    def _grown(self, frames: int, like: Tensor) -> tuple[Tensor, Tensor]:
        if self._sum is None:
            self._sum = like.new_zeros(*like.shape[:-1], 0)
            self._weight = like.new_zeros(0)
        missing = frames - self._sum.shape[-1]
        if missing > 0:
            pad = torch.nn.functional.pad
            self._sum, self._weight = pad(self._sum, (0, missing)), pad(self._weight, (0, missing))
        return self._sum, self._weight

    def _take(self, until: int) -> Tensor | None:
        if self._sum is None:
            return None
        count = min(max(0, until - self.at), self._sum.shape[-1])
        done = self._sum[..., :count] / self._weight[:count]
        self._sum, self._weight = self._sum[..., count:], self._weight[count:]
        self.at += count
        return done
