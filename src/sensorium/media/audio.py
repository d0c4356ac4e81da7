"""The sound of a file as a `sensorium.types.Audio`: any span, at any rate, resampled by soxr.

Resampling a span gives the same numbers as resampling the whole and cutting the span out: the input
is cut where an input sample and an output sample fall together, with a margin longer than the
filter.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from math import gcd

import numpy as np
import soxr
import torch
from av.container import InputContainer
from jaxtyping import Float32
from torch import Tensor

from sensorium.media.errors import MediaError, Problems
from sensorium.media.facts import AudioFacts
from sensorium.media.listener import Block, Listener
from sensorium.media.sharing import Shared
from sensorium.types import Audio, Span

MAX_VALUES = 2**30  # of one answer: 4 GiB, three hours of 48 kHz stereo
_MARGIN_SAMPLES = 2048  # of the slower of the two rates; soxr's HQ filter is far shorter


class FileAudio(Audio):
    """An audio stream, lazily; safe for several threads, picklable and forkable.

    Attributes:
        problems: one line for each kind of damage met so far; empty while all is well.
    """

    def __init__(
        self,
        path: str,
        facts: AudioFacts,
        zero: Fraction,
        problems: Problems,
        container: InputContainer | None = None,
    ) -> None:
        base = facts.time_base
        self.path = path
        self.span = Span(float(facts.first * base - zero), float(facts.end * base - zero))
        self.rate, self.channels = facts.rate, facts.channels
        self._problems = problems
        make = partial(Listener, path, facts, zero, problems)
        self._shared: Shared[Listener] = Shared(make, make(container) if container else None)

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each kind of damage met so far."""
        return self._problems.lines()

    def close(self) -> None:
        """Free the file; the next use opens it again."""
        self._shared.close()

    def samples(self, span: Span | None = None, rate: int | None = None) -> Float32[Tensor, "C N"]:
        """The samples of ``span`` (default: all) at ``rate`` hertz (default: own).

        Sample ``k`` of the whole answer lies at ``self.span.start + k / rate`` seconds; a span
        starts at the sample nearest to its own start. Silence where there is no sound.

        Raises:
            ValueError: for a rate below 1 Hz.
            MediaError: for more than `MAX_VALUES` values at once, or when the file can no longer be
                read.
        """
        span, rate = span or self.span, rate or self.rate
        if rate < 1:
            raise ValueError(f"a sampling rate must be 1 Hz or more, got {rate!r}")
        count = round(span.duration * rate)
        if count * self.channels > MAX_VALUES or self._source_count(span) > MAX_VALUES:
            raise MediaError(
                f"{self.path}: {span.duration:.0f} s of sound are too much at once; "
                "ask for shorter spans"
            )
        begin = round((span.start - self.span.start) * rate)
        out = np.zeros((self.channels, count), np.float32)
        with self._shared.use() as listener:
            if rate == self.rate:
                filled = _copy(listener.blocks(begin, begin + count), out, skip=0)
                assert filled == count
            else:
                self._resample(listener, begin, out, rate)
        return torch.from_numpy(np.clip(out, -1.0, 1.0, out=out))

    def _source_count(self, span: Span) -> float:
        return span.duration * self.rate * self.channels

    def _resample(self, listener: Listener, begin: int, out: Block, rate: int) -> None:
        """Fill ``out`` with the samples from ``begin`` on of the whole sound at ``rate``."""
        own = self.rate
        step_in = own // gcd(
            own, rate
        )  # so many input samples last as long as step_out output samples
        step_out = rate // gcd(own, rate)
        margin_in = _MARGIN_SAMPLES * max(1, -(-own // rate))
        total = round(self.span.duration * own)
        count = out.shape[1]
        first_in = max(0, begin * step_in // step_out - margin_in)
        first_in -= first_in % step_in
        last_in = min(total, -(-(begin + count) * step_in // step_out) + margin_in)
        if last_in <= first_in:
            return
        first_out = first_in // step_in * step_out
        skip = begin - first_out
        stretch = _resampled(listener.blocks(first_in, last_in), own, rate, self.channels)
        if skip >= 0:
            _copy(stretch, out, skip)
        else:  # silence before the sound
            _copy(stretch, out[:, min(-skip, count) :], 0)

    def __repr__(self) -> str:
        return f"FileAudio({self.path!r}, {self.channels} x {self.rate} Hz, {self.span})"


def _resampled(blocks: Iterator[Block], own: int, rate: int, channels: int) -> Iterator[Block]:
    """Resample a stream of blocks ``[C, n]`` without seams."""
    stream = soxr.ResampleStream(own, rate, channels, dtype="float32", quality="HQ")
    for block in blocks:
        ready = stream.resample_chunk(np.ascontiguousarray(block.T))  # [C, n] -> [n, C]
        if len(ready):
            yield ready.T
    rest = stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)
    if len(rest):
        yield rest.T


def _copy(blocks: Iterator[Block], out: Block, skip: int) -> int:
    """Leave ``skip`` samples out and fill ``out`` with what follows; returns how much that was."""
    done = 0
    for block in blocks:
        block = block[:, skip:] if (dropped := min(skip, block.shape[1])) else block
        skip -= dropped
        take = min(block.shape[1], out.shape[1] - done)
        out[:, done : done + take] = block[:, :take]
        done += take
        if done == out.shape[1] and not skip:
            break
    return done
