"""Where a file really ends, by its last packets' time stamps; nothing is decoded or kept.

Headers lie, and some say nothing. The packets after the last key frame tell; where they cannot be
had, or claim what the file's size makes unlikely, every packet is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from sensorium.media.errors import MediaError, Problems
from sensorium.media.facts import base_of, rough_stamps, tick_of
from sensorium.media.opening import close_quietly, only, open_input, packets

JUMP_SECONDS = 12 * 3600  # a longer hole between packets is damage
MAX_SECONDS = 24 * 3600  # longer than this needs MIN_BYTES_PER_SECOND to be believed
MIN_BYTES_PER_SECOND = 100

Ends = dict[int, int]  # by the stream's number, in its ticks


def find_ends(
    container: InputContainer,
    streams: Sequence[VideoStream | AudioStream],
    path: str,
    problems: Problems,
) -> Ends:
    """Where each stream's last packet ends.

    Raises:
        MediaError: when the time stamps cannot be true.
    """
    ends: Ends = {}
    for stream in streams:
        if stream.index not in ends:
            ends |= _tail(container, stream, streams, problems)
    claimed = 0 if container.duration is None else container.duration / 1e6
    begin = (container.start_time or 0) / 1e6
    size = max(int(container.size), 1)
    for stream in streams:
        seconds = float(ends.get(stream.index, 0) * base_of(stream)) - begin
        thin = seconds > 60 and size / seconds < MIN_BYTES_PER_SECOND
        if stream.index not in ends or thin or (claimed and seconds > 1.5 * claimed + 10):
            ends |= _scan(path, streams, problems)
            break
    for stream in streams:
        seconds = float(ends.get(stream.index, 0) * base_of(stream)) - begin
        if seconds > MAX_SECONDS and size / seconds < MIN_BYTES_PER_SECOND:
            raise MediaError(
                f"{path}: its time stamps claim {seconds / 3600:.0f} hours in {size} bytes; "
                "the file is damaged"
            )
    _compare(container, streams, ends, problems)
    return ends


def _compare(
    container: InputContainer,
    streams: Sequence[VideoStream | AudioStream],
    ends: Ends,
    problems: Problems,
) -> None:
    """Report streams that end before the header says."""
    begin = (container.start_time or 0) / 1e6
    others = {*container.streams.video, *container.streams.audio} - {*streams}
    for stream in streams:
        base = base_of(stream)
        reached = float(ends.get(stream.index, 0) * base) - begin
        claimed = float((stream.start_time or 0) * base) - begin
        if stream.duration is not None:
            claimed += float(stream.duration * base)
        elif len(streams) == 1 and not others and container.duration is not None:
            claimed = container.duration / 1e6
        else:
            continue
        frame = 0.03
        if isinstance(stream, VideoStream) and stream.average_rate:
            frame = max(0.05, 1 / float(stream.average_rate))
        if claimed - reached > max(2 * frame, 0.001 * claimed):
            problems.add(
                f"the {stream.type} ends at {reached:.2f} s of the {claimed:.2f} s in its header"
            )


def _tail(
    container: InputContainer,
    stream: VideoStream | AudioStream,
    streams: Sequence[VideoStream | AudioStream],
    problems: Problems,
) -> Ends:
    """Ends of the streams that have packets after the last key frame of ``stream``."""
    if container.duration is None or rough_stamps(container):
        return {}
    last = Fraction(container.duration + (container.start_time or 0), 1_000_000)
    try:
        container.seek(int(last / base_of(stream)), stream=stream)
    except (av.FFmpegError, OverflowError):
        return {}
    return _reach(container, streams, problems, jump_seconds=None)


def _scan(path: str, streams: Sequence[VideoStream | AudioStream], problems: Problems) -> Ends:
    """Ends of all the streams by a pass over every packet, stopping at jumps of the clock."""
    fresh = open_input(path)  # not every format can go back to its start
    try:
        same = [stream for stream in fresh.streams if stream.index in {s.index for s in streams}]
        only(fresh, same)
        return _reach(fresh, same, problems, jump_seconds=JUMP_SECONDS)
    finally:
        close_quietly(fresh)


def _reach(
    container: InputContainer,
    streams: Sequence[Stream],
    problems: Problems,
    jump_seconds: float | None,
) -> Ends:
    bases = {stream.index: base_of(stream) for stream in streams}
    usual = {stream.index: _usual_duration(stream) for stream in streams}
    ends: Ends = {}
    for packet in packets(container, streams, problems):
        if packet.is_corrupt:
            problems.add("part of the data is missing")
        if packet.is_discard:
            continue
        index, stamp = packet.stream_index, tick_of(packet)
        if stamp is None:  # rare: some streams have time stamps now and then, raw ones none
            stamp = ends.get(index, 0 if jump_seconds is not None else None)
        if stamp is None:
            continue
        end = stamp + max(packet.duration or usual[index], 0)
        reach = ends.get(index, end)
        if jump_seconds is not None and (end - reach) * bases[index] > jump_seconds:
            problems.add("time stamps jump by hours, what lies beyond is ignored")
            continue
        ends[index] = max(reach, end)
    return ends


def _usual_duration(stream: Stream) -> int:
    """Ticks that a picture lasts where its packet does not say."""
    if isinstance(stream, VideoStream) and stream.average_rate:
        return int(1 / (stream.average_rate * base_of(stream)))
    return 0
