"""What a file holds, found without decoding it whole: which streams, when they start and end, their first picture.

The clip's clock starts at the earliest time stamp of the chosen streams, taken from the first decoded picture
and the first decoded sound: edit lists and encoder priming are then already applied by FFmpeg. Ends come from the
last packets' time stamps (headers lie, and some say nothing), read without decoding, in bounded memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.frame import Frame
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sensorium.media.errors import MediaError, Problems
from sensorium.media.opening import (
    close_quietly,
    only,
    open_input,
    packets,
    reason,
    set_threads,
)
from sensorium.media.pixels import Turn, turn_of

MAX_ATTEMPTS = 5000  # packets given to a decoder in search of its first picture or sound
JUMP_SECONDS = 12 * 3600  # a longer hole between packets is damage
MAX_SECONDS = 24 * 3600  # longer than this needs MIN_BYTES_PER_SECOND to be believed
MIN_BYTES_PER_SECOND = 100
MAX_APART_SECONDS = 12 * 3600  # sound and picture of one recording start closer than this
MAX_FPS = 1000


@dataclass(frozen=True)
class VideoFacts:
    """One video stream; times in ticks of ``time_base`` on the file's own clock.

    Attributes:
        index: the stream's number in the file.
        head: time stamp of the first packet; ``None`` in raw streams, which have none at all.
        by_dts: whether only decoding time stamps are true (H.264 in AVI); they come out in order of display.
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


@dataclass
class Survey:
    """The chosen streams of a file, where its clock starts (seconds, on the file's own), what is wrong."""

    path: str
    video: VideoFacts | None = None
    audio: AudioFacts | None = None
    video_zero: Fraction = Fraction(0)
    audio_zero: Fraction = Fraction(0)
    problems: Problems = field(default_factory=Problems)


def rough_stamps(container: InputContainer) -> bool:
    """Whether time stamps just after a seek are guesses: MPEG program streams carry them only now and then."""
    return container.format.name == "mpeg"


def choose_video(container: InputContainer) -> VideoStream | None:
    """FFmpeg's best video stream that is not a cover picture."""
    best = container.streams.best("video")
    candidates = [best, *container.streams.video] if best is not None else []
    for stream in candidates:
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails):
            return stream  # type: ignore[return-value]
    return None


def choose_audio(container: InputContainer, track: int, path: str) -> AudioStream | None:
    """The audio stream number ``track``; ``None`` where the file has no sound and the first was asked for.

    Raises:
        MediaError: when there is no such track.
    """
    tracks = container.streams.audio
    if not tracks and track == 0:
        return None
    if not 0 <= track < len(tracks):
        raise MediaError(
            f"{path}: got audio_track={track}, but the file has {len(tracks)} audio track(s), "
            "counted from 0"
        )
    return tracks[track]


def survey(container: InputContainer, path: str, audio_track: int = 0, threads: int = 1) -> Survey:
    """Survey a freshly opened file, decoding with ``threads``.

    Raises:
        MediaError: when neither sound nor pictures can be decoded.
    """
    found = Survey(path)
    video, audio = choose_video(container), choose_audio(container, audio_track, path)
    streams = [stream for stream in (video, audio) if stream is not None]
    if not streams:
        raise MediaError(f"{path}: the file has neither a video nor an audio stream")
    only(container, streams)
    for stream in streams:
        set_threads(stream, threads if stream.type == "video" else 1)
    heads = _Heads(streams)
    heads.find(container, found.problems)
    pictures, sounds, failure = heads.pictures, heads.sounds, heads.failure
    if not pictures and not sounds:
        kinds = " nor ".join(stream.type for stream in streams)
        raise MediaError(
            f"{path}: no {kinds} of it can be decoded ({failure}); the file is damaged or its "
            "codec is unknown: convert it to H.264 mp4 or wav"
        )
    for stream, decoded in ((video, pictures), (audio, sounds)):
        if stream is not None and not decoded:
            found.problems.add(f"no {stream.type} can be decoded ({failure})")
    ends = _ends(container, [s for s, h in ((video, pictures), (audio, sounds)) if s and h], found)
    if video is not None and pictures:
        found.video = _video_facts(container, video, heads, ends)
    if audio is not None and sounds:
        found.audio = _audio_facts(audio, sounds, ends)
    _set_clock(found)
    return found


def tick_of(item: Packet[Any] | Frame, *, by_dts: bool = False) -> int | None:
    """When a packet or frame is presented; its decoding time stamp where it has no other (or none true)."""
    return item.dts if by_dts or item.pts is None else item.pts


class _Heads:
    """The first picture and the first three sounds that can be decoded, and why not more."""

    def __init__(self, streams: Sequence[VideoStream | AudioStream]) -> None:
        self.streams = {stream.index: stream for stream in streams}
        self.pictures: list[VideoFrame] = []
        self.sounds: list[AudioFrame] = []
        self.failure = "no data"
        self.first_stamps: dict[int, int | None] = {}
        self._attempts = dict.fromkeys(self.streams, 0)

    def find(self, container: InputContainer, problems: Problems) -> None:
        """Read and decode from the start until all is found, or so much that it never will be."""
        for stream in self.streams.values():
            if stream.codec_context is None:
                self.failure = "no decoder for its codec"
                self._attempts[stream.index] = MAX_ATTEMPTS
        for packet in packets(container, list(self.streams.values()), problems):
            stream = self.streams[packet.stream_index]
            self.first_stamps.setdefault(stream.index, tick_of(packet))
            if self._wanted(stream):
                self._attempts[stream.index] += 1
                self._decode(stream, packet)
            if not any(map(self._wanted, self.streams.values())):
                break
        for stream in self.streams.values():
            if self._wanted(stream) and stream.codec_context is not None:
                self._decode(stream, None)

    def _wanted(self, stream: VideoStream | AudioStream) -> bool:
        missing = not self.pictures if stream.type == "video" else len(self.sounds) < 3
        return missing and self._attempts[stream.index] < MAX_ATTEMPTS

    def _decode(self, stream: VideoStream | AudioStream, packet: Packet[Any] | None) -> None:
        try:
            frames = stream.codec_context.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            self.failure = reason(error)
            return
        for frame in frames:
            if isinstance(frame, VideoFrame) and frame.width and frame.height:
                self.pictures.append(frame)
            elif isinstance(frame, AudioFrame) and frame.samples and frame.sample_rate:
                self.sounds.append(frame)


def _ends(
    container: InputContainer, streams: Sequence[VideoStream | AudioStream], found: Survey
) -> dict[int, int]:
    """Where each stream's last packet ends, in its ticks; a full pass where the short way finds nothing."""
    ends: dict[int, int] = {}
    for stream in streams:
        if stream.index not in ends:
            ends |= _tail(container, stream, streams)
    claimed = 0 if container.duration is None else container.duration / 1e6
    begin = (container.start_time or 0) / 1e6
    size = max(int(container.size), 1)
    for stream in streams:
        seconds = float(ends.get(stream.index, 0) * stream.time_base) - begin
        thin = seconds > 60 and size / seconds < MIN_BYTES_PER_SECOND
        if stream.index not in ends or thin or (claimed and seconds > 1.5 * claimed + 10):
            ends |= _scan(found.path, streams, found.problems)
            break
    for stream in streams:
        seconds = float(ends.get(stream.index, 0) * stream.time_base) - begin
        if seconds > MAX_SECONDS and size / seconds < MIN_BYTES_PER_SECOND:
            raise MediaError(
                f"{found.path}: its time stamps claim {seconds / 3600:.0f} hours in {size} bytes; "
                "the file is damaged"
            )
    longest = max((float(ends.get(s.index, 0) * s.time_base) for s in streams), default=0) - begin
    if claimed - longest > max(1.0, 0.02 * claimed):
        found.problems.add(f"the file ends at {longest:.2f} s of the {claimed:.2f} s in its header")
    return ends


def _tail(
    container: InputContainer,
    stream: VideoStream | AudioStream,
    streams: Sequence[VideoStream | AudioStream],
) -> dict[int, int]:
    """Ends of the streams whose packets lie between the last key frame of ``stream`` and the end."""
    if container.duration is None or stream.time_base is None or rough_stamps(container):
        return {}
    last = Fraction(container.duration + (container.start_time or 0), 1_000_000)
    try:
        container.seek(int(last / stream.time_base), stream=stream)
    except (av.FFmpegError, OverflowError):
        return {}
    return _reach(container, streams, Problems(), jump_seconds=None)


def _scan(
    path: str, streams: Sequence[VideoStream | AudioStream], problems: Problems
) -> dict[int, int]:
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
) -> dict[int, int]:
    bases = {stream.index: stream.time_base or Fraction(1, 1_000_000) for stream in streams}
    ends: dict[int, int] = {}
    for packet in packets(container, streams, problems):
        if packet.is_discard:
            continue
        index, stamp = packet.stream_index, tick_of(packet)
        if stamp is None:  # rare: some streams have time stamps now and then, raw ones none
            stamp = ends.get(index, 0 if jump_seconds is not None else None)
        if stamp is None:
            continue
        end = stamp + max(packet.duration or 0, 0)
        reach = ends.get(index, end)
        if jump_seconds is not None and (end - reach) * bases[index] > jump_seconds:
            problems.add("time stamps jump by hours, what lies beyond is ignored")
            continue
        ends[index] = max(reach, end)
    return ends


def _video_facts(
    container: InputContainer, stream: VideoStream, heads: _Heads, ends: dict[int, int]
) -> VideoFacts:
    base = stream.time_base or Fraction(1, 1_000_000)
    frame = heads.pictures[0]
    by_dts = container.format.name == "avi" and stream.codec_context.name in ("h264", "hevc")
    first = tick_of(frame, by_dts=by_dts) or 0
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    fps = next((float(rate) for rate in rates if rate and 0 < rate <= MAX_FPS), 25.0)
    end = max(ends.get(stream.index, first), first)
    last_duration = max(int(1 / fps / base), 1)
    end = max(end, first + last_duration)
    seconds = float((end - first) * base)
    if stream.frames > 1 and not 0.5 < stream.frames / (fps * seconds) < 2:
        fps = min(stream.frames / seconds, MAX_FPS)
    turn = turn_of(frame)
    height, width = (frame.width, frame.height) if turn.transpose else (frame.height, frame.width)
    return VideoFacts(
        index=stream.index,
        time_base=base,
        head=heads.first_stamps.get(stream.index),
        by_dts=by_dts,
        first=first,
        end=end,
        fps=fps,
        height=height,
        width=width,
        turn=turn,
    )


def _audio_facts(
    stream: AudioStream, frames: Sequence[AudioFrame], ends: dict[int, int]
) -> AudioFacts:
    base = stream.time_base or Fraction(1, 1_000_000)
    rate, first = frames[0].sample_rate, tick_of(frames[0]) or 0
    regular = len(frames) >= 3 and frames[1].samples == frames[2].samples
    heard = first + int(sum(frame.samples for frame in frames) / (rate * base))
    end = max(ends.get(stream.index, heard), first + 1)
    return AudioFacts(
        index=stream.index,
        time_base=base,
        first=first,
        end=end,
        rate=rate,
        channels=len(frames[0].layout.channels),
        frame=frames[1].samples if regular else 0,
        grid=first * base + Fraction(frames[0].samples, rate),
    )


def _set_clock(found: Survey) -> None:
    starts = [facts.first * facts.time_base for facts in (found.video, found.audio) if facts]
    found.video_zero = found.audio_zero = min(starts)
    if max(starts) - min(starts) > MAX_APART_SECONDS and found.video and found.audio:
        found.video_zero = found.video.first * found.video.time_base
        found.audio_zero = found.audio.first * found.audio.time_base
        found.problems.add("sound and picture claim to start hours apart, taken as together")
