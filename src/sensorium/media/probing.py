"""What a file is, as plain facts for reports and the curious."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from sensorium.media.errors import MediaError
from sensorium.media.folders import DEFAULT_FPS, FolderVideo, read_folder
from sensorium.media.opening import close_quietly, open_input, reason
from sensorium.media.survey import Survey, survey

_HDR = {16: "PQ", 18: "HLG"}


@dataclass(frozen=True)
class VideoInfo:
    """The chosen video stream.

    Attributes:
        width: as displayed, rotation applied; likewise ``height``.
        fps: average rate in hertz.
        variable_rate: whether the header's average and base rates differ.
        rotation: clockwise degrees that the pictures are turned by when read.
        frames: how many, where the header says.
    """

    codec: str
    width: int
    height: int
    fps: float
    variable_rate: bool
    rotation: int
    pixel_format: str
    frames: int | None


@dataclass(frozen=True)
class AudioInfo:
    """One audio track; ``rate`` in hertz, ``language`` as the file names it."""

    codec: str
    rate: int
    channels: int
    language: str | None
    seconds: float | None


@dataclass(frozen=True)
class FileInfo:
    """A file's facts.

    Attributes:
        container: FFmpeg's name of the format; ``folder`` for a folder of frames.
        seconds: from the earliest start to the latest end of picture and sound.
        bytes: its size.
        notes: plain remarks on what is unusual or damaged.
    """

    file: str
    container: str
    seconds: float
    bytes: int
    video: VideoInfo | None
    audio: tuple[AudioInfo, ...]
    subtitles: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        facts = asdict(self)
        return {**facts, "audio": list(facts["audio"]), "notes": list(self.notes)}


def probe(path: str | Path, *, fps: float = DEFAULT_FPS) -> FileInfo:
    """The facts of a file (or a folder of frames at ``fps``), decoding only its beginning.

    Raises:
        MediaError: when nothing of it can be decoded.
    """
    name = str(path)
    if Path(name).is_dir():
        return _folder_info(read_folder(name, fps))
    container = open_input(name)
    try:
        return _file_info(container, survey(container, name))
    except (av.FFmpegError, OSError, OverflowError) as error:
        raise MediaError(f"{name}: the file cannot be read ({reason(error)})") from error
    finally:
        close_quietly(container)


def _file_info(container: InputContainer, found: Survey) -> FileInfo:
    ends = []
    for facts, zero in ((found.video, found.video_zero), (found.audio, found.audio_zero)):
        if facts is not None:
            ends.append(facts.end * facts.time_base - zero)
    notes: list[str] = []
    video = _video_info(container, found, notes)
    tracks = tuple(map(_audio_info, container.streams.audio))
    shown = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if len(shown) < len(container.streams.video):
        notes.append("has a cover picture, which is not read as video")
    if len(shown) > 1 and found.video is not None:
        notes.append(f"{len(shown)} video streams, number {found.video.index} is read")
    if len(tracks) > 1:
        notes.append(f"{len(tracks)} audio tracks, the first is read unless another is asked for")
    if found.video and found.audio:
        starts = [
            float(facts.first * facts.time_base - zero)
            for facts, zero in ((found.video, found.video_zero), (found.audio, found.audio_zero))
        ]
        if abs(starts[0] - starts[1]) > 0.02:
            later = "the sound" if starts[1] > starts[0] else "the picture"
            notes.append(f"{later} starts {abs(starts[0] - starts[1]):.3f} s later than the rest")
    return FileInfo(
        file=found.path,
        container=container.format.name or "unknown",
        seconds=round(float(max(ends)), 6),
        bytes=int(container.size),
        video=video,
        audio=tracks,
        subtitles=len(container.streams.subtitles),
        notes=(*notes, *found.problems.lines()),
    )


def _video_info(container: InputContainer, found: Survey, notes: list[str]) -> VideoInfo | None:
    facts = found.video
    if facts is None:
        return None
    stream = container.streams[facts.index]
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    average, base = stream.average_rate, stream.base_rate
    variable = bool(average and base and abs(float(average / base) - 1) > 0.01)
    aspect = context.sample_aspect_ratio
    if aspect and aspect not in (0, 1):
        notes.append(f"pixels are not square ({aspect.numerator}:{aspect.denominator}), left so")
    if facts.turn.degrees:
        notes.append(f"turned by {facts.turn.degrees} degrees when read")
    if context.color_trc in _HDR:
        notes.append(f"high dynamic range ({_HDR[context.color_trc]}), read without tone mapping")
    if context.field_order > 1:
        notes.append("interlaced, read without deinterlacing")
    return VideoInfo(
        codec=context.codec.canonical_name,
        width=facts.width,
        height=facts.height,
        fps=round(facts.fps, 6),
        variable_rate=variable,
        rotation=facts.turn.degrees,
        pixel_format=context.pix_fmt or "unknown",
        frames=stream.frames or None,
    )


def _audio_info(stream: AudioStream) -> AudioInfo:
    context = stream.codec_context
    seconds = None
    if stream.duration is not None and stream.time_base is not None:
        seconds = round(float(Fraction(stream.duration) * stream.time_base), 6)
    return AudioInfo(
        codec="unknown" if context is None else context.codec.canonical_name,
        rate=0 if context is None else context.sample_rate,
        channels=0 if context is None else context.channels,
        language=stream.language,
        seconds=seconds,
    )


def _folder_info(video: FolderVideo) -> FileInfo:
    files = [Path(video.path, name) for name in video.files]
    kind = VideoInfo(
        codec=files[0].suffix.lower().lstrip("."),
        width=video.width,
        height=video.height,
        fps=video.fps,
        variable_rate=False,
        rotation=0,
        pixel_format="unknown",
        frames=len(files),
    )
    return FileInfo(
        file=video.path,
        container="folder",
        seconds=video.span.duration,
        bytes=sum(file.stat().st_size for file in files),
        video=kind,
        audio=(),
        subtitles=0,
        notes=video.problems,
    )
