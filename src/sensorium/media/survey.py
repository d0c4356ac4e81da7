"""What a file holds, found without decoding it whole: which streams, their starts and ends.

The clip's clock starts at the earliest time stamp of the chosen streams, taken from the first
decoded picture and the first decoded sound: edit lists and encoder priming are then already applied
by FFmpeg.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from sensorium.media.completeness import cut_short
from sensorium.media.ends import Ends, find_ends
from sensorium.media.errors import MediaError, Problems
from sensorium.media.facts import AudioFacts, VideoFacts, base_of, tick_of
from sensorium.media.heads import Heads
from sensorium.media.opening import only, set_threads
from sensorium.media.pixels import turn_of

MAX_APART_SECONDS = 12 * 3600  # sound and picture of one recording start closer than this
MAX_FPS = 1000


@dataclass
class Survey:
    """The chosen streams of a file, and what is wrong with it.

    Attributes:
        video_zero: where the clip's clock starts on the stream's own, in seconds; likewise
            ``audio_zero``.
    """

    path: str
    video: VideoFacts | None = None
    audio: AudioFacts | None = None
    video_zero: Fraction = Fraction(0)
    audio_zero: Fraction = Fraction(0)
    problems: Problems = field(default_factory=Problems)


def choose_video(container: InputContainer) -> VideoStream | None:
    """FFmpeg's best video stream that is not a cover picture."""
    best = container.streams.best("video")
    candidates = [best, *container.streams.video] if best is not None else []
    for stream in candidates:
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails):
            return stream  # type: ignore[return-value]
    return None


def choose_audio(container: InputContainer, track: int, path: str) -> AudioStream | None:
    """The audio stream number ``track``; ``None`` where the file has no sound and 0 was asked for.

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
    streams: list[VideoStream | AudioStream] = [s for s in (video, audio) if s is not None]
    if not streams:
        raise MediaError(f"{path}: the file has neither a video nor an audio stream")
    only(container, streams)
    for stream in streams:
        set_threads(stream, threads if stream.type == "video" else 1)
    heads = Heads(streams)
    heads.find(container, found.problems)
    pictures, sounds, failure = heads.pictures, heads.sounds, heads.failure
    if not pictures and not sounds:
        kinds = " nor ".join(stream.type for stream in streams)
        raise MediaError(
            f"{path}: no {kinds} of it can be decoded ({failure}); the file is damaged or its "
            "codec is unknown: convert it to H.264 mp4 or wav"
        )
    for stream in streams:
        if not (pictures if stream.type == "video" else sounds):
            found.problems.add(f"no {stream.type} can be decoded ({failure})")
    if (remark := cut_short(path, container.format.name or "")) is not None:
        found.problems.add(remark)
    able = [s for s in streams if (pictures if s.type == "video" else sounds)]
    ends = find_ends(container, able, path, found.problems)
    if video is not None and pictures:
        found.video = _video_facts(container, video, heads, ends)
    if audio is not None and sounds:
        found.audio = _audio_facts(audio, sounds, ends)
    _set_clock(found)
    return found


def _video_facts(
    container: InputContainer, stream: VideoStream, heads: Heads, ends: Ends
) -> VideoFacts:
    base = base_of(stream)
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


def _audio_facts(stream: AudioStream, frames: Sequence[AudioFrame], ends: Ends) -> AudioFacts:
    base = base_of(stream)
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
        channels=frames[0].layout.nb_channels,
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
