"""A file or a folder of frames to a `sensorium.types.Clip`, lazily."""

from __future__ import annotations

from pathlib import Path

import av

from sensorium.media.audio import FileAudio
from sensorium.media.errors import MediaError
from sensorium.media.folders import DEFAULT_FPS, FolderVideo, read_folder
from sensorium.media.opening import close_quietly, open_input, reason
from sensorium.media.survey import survey
from sensorium.media.video import FileVideo, decoding_threads
from sensorium.types import Clip


def read(path: str | Path, *, audio_track: int = 0, fps: float | None = None) -> Clip:
    """A media file, or a folder of numbered frames, as a clip.

    Only the head and the tail of a file are looked at: pictures are decoded when `Video.frames`
    asks for them, sound when `Audio.samples` does. Time 0 is the earliest time stamp of the chosen
    streams, after edit lists and encoder priming. Damage met while decoding is listed by
    `problems(clip)`.

    Args:
        path: what to read.
        audio_track: which of the file's sound tracks, counted from 0.
        fps: the frame rate of a folder (default 25); a file has its own.

    Raises:
        MediaError: when nothing of it can be decoded, or there is no such track.
    """
    name = str(path)
    if Path(name).is_dir():
        return Clip(read_folder(name, DEFAULT_FPS if fps is None else fps), None, name)
    if fps is not None:
        raise ValueError(f"{name}: fps is for folders of frames, a file has its own; leave it out")
    container = open_input(name)
    try:
        found = survey(container, name, audio_track, decoding_threads())
        video = audio = None
        if found.video is not None:
            video = FileVideo(name, found.video, found.video_zero, found.problems, container)
        if found.audio is not None:
            ready = container if video is None else None
            audio = FileAudio(name, found.audio, found.audio_zero, found.problems, ready)
    except (av.FFmpegError, OSError, OverflowError) as error:
        close_quietly(container)
        raise MediaError(f"{name}: the file cannot be read ({reason(error)})") from error
    except ValueError:
        close_quietly(container)
        raise
    return Clip(video, audio, name)


def problems(clip: Clip) -> tuple[str, ...]:
    """Damage met so far in a clip from a file: a line for each kind, none while all is well."""
    parts = (clip.video, clip.audio)
    lines = [
        line
        for part in parts
        if isinstance(part, FileVideo | FileAudio | FolderVideo)
        for line in part.problems
    ]
    return tuple(dict.fromkeys(lines))
