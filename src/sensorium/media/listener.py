"""Walking through an audio stream: its samples at their places on the stream's clock, in blocks.

A decoded frame lies where its time stamp says. Two things keep coarse clocks (Matroska counts
milliseconds) from tearing the sound: frames that follow each other within the clock's precision are
joined without a seam, and the first one after a seek snaps to the grid of the codec's frame length.
So a span comes out as the same stretch of the whole file; where frames have no constant length, to
within the clock's precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import floor

import av
import numpy as np
import numpy.typing as npt
import soxr
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from sensorium.media.errors import Problems
from sensorium.media.facts import AudioFacts
from sensorium.media.opening import close_quietly, only, open_input, packets, reason, set_threads

Block = npt.NDArray[np.float32]
Placed = tuple[int, Block]  # samples from the stream's start, and what lies there

PREROLL_SECONDS = 0.5  # decoded before a span, so that codecs with memory have settled
JOIN_TICKS = 1.5  # time stamps this close to the expected ones are taken as exact
HOLE_SECONDS = 0.01
_MAX_PLANES = 7  # PyAV 18 does not find the end of more and reads on into other memory
_SEEK_TRIES = 6


class Listener:
    """A decoder of one audio stream and its position.

    Args:
        zero: seconds on the file's own clock where the clip's clock starts.
        container: already open on ``path``, if one is at hand.
    """

    def __init__(
        self,
        path: str,
        facts: AudioFacts,
        zero: Fraction,
        problems: Problems,
        container: InputContainer | None = None,
    ) -> None:
        self.path, self.facts, self.zero, self.problems = path, facts, zero, problems
        self._start = facts.first * facts.time_base
        self._total = round((facts.end - facts.first) * facts.time_base * facts.rate)
        self._join = max(JOIN_TICKS * float(facts.time_base * facts.rate), 1.5)
        self._pending: list[AudioFrame] = []
        self._ready: Placed | None = None
        self._next: int | None = None  # where the next frame is expected, in samples
        self._packets: Iterator[Packet[Stream]]
        self._opened(container or open_input(path))
        self._reset()

    def close(self) -> None:
        """Free the file."""
        close_quietly(self.container)

    def blocks(self, begin: int, stop: int) -> Iterator[Block]:
        """Samples ``begin`` to ``stop``, counted at the stream's own rate from its first sample.

        Yields:
            Blocks ``[C, n]`` that follow each other without gaps and cover the whole; silence where
            there is no sound.
        """
        channels = self.facts.channels
        at, heard = begin, min(stop, self._total)
        if at < heard:
            self._seek(begin)
        while at < heard:
            placed = self._ready or self._decode_next()
            if placed is None or placed[0] >= heard:
                break
            position, data = placed
            if position > at:
                yield from _silence(channels, position - at)
                at = position
            end = position + data.shape[1]
            if end > at:
                take = min(end, heard)
                yield data[:, at - position : take - position]
                at = take
            if end > heard:
                break
            self._ready = None
        yield from _silence(channels, stop - at)

    def _opened(self, container: InputContainer) -> None:
        self.container = container
        stream = container.streams[self.facts.index]
        assert isinstance(stream, AudioStream)
        self.stream = stream
        only(container, [stream])
        set_threads(stream, 1)

    def _reset(self) -> None:
        self._packets = packets(self.container, [self.stream], self.problems)
        self._pending.clear()
        self._ready = self._next = None
        self._drained = False

    def _seek(self, begin: int) -> None:
        """Stand a pre-roll before sample ``begin``, unless already there or just before it."""
        rate = self.facts.rate
        here = self._ready[0] if self._ready is not None else self._next
        if here is not None and here <= begin < here + rate:
            return
        back = Fraction(PREROLL_SECONDS)
        for _ in range(_SEEK_TRIES):
            seconds = self._start + Fraction(begin, rate) - back
            if seconds <= self._start:
                break
            self._reset()
            try:
                self.container.seek(floor(seconds / self.facts.time_base), stream=self.stream)
            except (av.FFmpegError, OverflowError):
                break
            placed = self._decode_next()
            if placed is not None and placed[0] <= begin:
                if placed[0] + placed[1].shape[1] <= begin:
                    self._ready = None  # the first frame after a seek lacks what came before it
                return
            back *= 4
        self._rewind()

    def _rewind(self) -> None:
        """Stand at the very start, with a new decoder: only then is the priming cut off."""
        self.close()
        self._opened(open_input(self.path))
        self._reset()

    def _decode_next(self) -> Placed | None:
        """Make the next frame ready; ``None`` at the end."""
        while True:
            while self._pending:
                if (placed := self._place(self._pending.pop(0))) is not None:
                    return placed
            if self._drained:
                return None
            packet = next(self._packets, None)
            self._drained = packet is None
            stamp = packet.pts if packet is not None else None
            if packet is not None and packet.is_corrupt:
                self._damage("part of the sound is missing", stamp)
            try:
                self._pending = list(self.stream.codec_context.decode(packet))
            except (av.FFmpegError, ValueError) as error:
                self._damage(f"a piece of sound cannot be decoded ({reason(error)})", stamp)

    def _place(self, frame: AudioFrame) -> Placed | None:
        """Give a frame its position; ``None`` where it has none that makes sense."""
        stamp = frame.pts if frame.pts is not None else frame.dts
        if not frame.samples or not frame.sample_rate:
            return None
        if stamp is None and self._next is None:
            self._damage("sound without a time stamp", None)
            return None
        expected = self._next
        position = self._position(stamp) if stamp is not None else expected
        assert position is not None
        if position > self._total + self.facts.rate:
            self._damage("sound outside the recording", None)
            return None
        if expected is not None and abs(position - expected) > HOLE_SECONDS * self.facts.rate:
            self._damage("the sound has a hole or runs backwards", stamp)
        try:
            data = self._matched(frame)
        except (av.FFmpegError, ValueError) as error:
            self._damage(f"a piece of sound cannot be used ({reason(error)})", stamp)
            return None
        self._ready = (position, data)
        self._next = position + data.shape[1]
        return self._ready

    def _position(self, stamp: int) -> int:
        """Samples from the stream's start to ``stamp``."""
        facts = self.facts
        seconds = stamp * facts.time_base
        raw = float((seconds - self._start) * facts.rate)
        if self._next is not None and abs(raw - self._next) <= self._join:
            return self._next
        if facts.frame and stamp != facts.first:  # the first is shortened by the priming
            origin = float((facts.grid - self._start) * facts.rate)
            snapped = origin + round((raw - origin) / facts.frame) * facts.frame
            if abs(snapped - raw) <= self._join:
                return round(snapped)
        return round(raw)

    def _matched(self, frame: AudioFrame) -> Block:
        """The frame's samples in the stream's layout and rate, whatever the frame says."""
        channels, rate = self.facts.channels, self.facts.rate
        if frame.layout.nb_channels > _MAX_PLANES >= channels:
            raise ValueError(f"{frame.layout.nb_channels} channels of a sudden")
        data = float_samples(frame)
        if data.shape[0] != channels:
            self.problems.add("the number of channels changes")
            data = np.resize(data, (channels, data.shape[1]))
        if frame.sample_rate != rate:
            self.problems.add("the sampling rate changes")
            data = np.ascontiguousarray(soxr.resample(data.T, frame.sample_rate, rate).T)
        return data

    def _damage(self, kind: str, stamp: int | None) -> None:
        base, zero = self.facts.time_base, self.zero
        self.problems.add(kind, None if stamp is None else float(stamp * base - zero))


def float_samples(frame: AudioFrame) -> Block:
    """A decoded frame as ``float32 [C, n]`` in -1..1; what is not a number becomes silence."""
    channels = frame.layout.nb_channels
    if frame.format.is_planar and channels > _MAX_PLANES:
        (frame,) = av.AudioResampler("flt", frame.layout, frame.sample_rate).resample(frame)
    data = frame.to_ndarray()
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T  # [1, n*C] -> [C, n]
    if data.dtype == np.uint8:
        scaled = (data.astype(np.float32) - 128.0) / 128.0
    elif data.dtype.kind == "i":
        scaled = (data / float(2 ** (8 * data.dtype.itemsize - 1))).astype(np.float32)
    else:
        scaled = np.nan_to_num(data.astype(np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
    return np.ascontiguousarray(np.clip(scaled, -1.0, 1.0))


def _silence(channels: int, count: int, block: int = 1 << 16) -> Iterator[Block]:
    for begin in range(0, count, block):
        yield np.zeros((channels, min(block, count - begin)), np.float32)
