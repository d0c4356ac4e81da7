"""Facts about the streams of a file that decoding needs; found by `sensorium.media.survey`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.container import InputContainer
from av.frame import Frame
from av.packet import Packet
from av.stream import Stream

from sensorium.media.pixels import Turn


@dataclass(frozen=True)
class VideoFacts:
    """One video stream; times in ticks of ``time_base`` on the file's own clock.

    Attributes:
        index: the stream's number in the file.
        head: time stamp of the first packet; ``None`` in raw streams, which have none at all.
        by_dts: whether only decoding time stamps are true (H.264 in AVI); they come out in order of
            display.
        first: time stamp of the first picture.
        end: where the last picture ends.
        height: as displayed; likewise ``width``.
    """

    index: int
    time_base: Fraction
    head: int | None
    by_dts: bool
    first: int
    end: int
    fps: float
    height: int
    width: int
    turn: Turn


@dataclass(frozen=True)
class AudioFacts:
    """One audio stream; ``first`` and ``end`` in ticks of ``time_base`` on the file's own clock.

    Attributes:
        frame: samples per coded frame where that is constant, else 0.
        grid: seconds on the file's clock where such a frame starts.
    """

    index: int
    time_base: Fraction
    first: int
    end: int
    rate: int
    channels: int
    frame: int
    grid: Fraction


def tick_of(item: Packet[Any] | Frame, *, by_dts: bool = False) -> int | None:
    """When a packet or frame is presented; its decoding time stamp where no other is true."""
    return item.dts if by_dts or item.pts is None else item.pts


def base_of(stream: Stream) -> Fraction:
    """Seconds in a tick of the stream's clock."""
    return stream.time_base or Fraction(1, 1_000_000)


def rough_stamps(container: InputContainer) -> bool:
    """Whether time stamps just after a seek are guesses: MPEG program streams carry few."""
    return container.format.name == "mpeg"
