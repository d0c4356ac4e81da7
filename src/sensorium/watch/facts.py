"""The file's facts in words."""

from __future__ import annotations

from sensorium.media import AudioInfo, FileInfo, VideoInfo
from sensorium.watch import wording

_CODECS = {
    "h264": "H.264",
    "hevc": "H.265",
    "av1": "AV1",
    "vp8": "VP8",
    "vp9": "VP9",
    "mpeg4": "MPEG-4",
    "mpeg2video": "MPEG-2",
    "mjpeg": "Motion JPEG",
    "aac": "AAC",
    "mp3": "MP3",
    "opus": "Opus",
    "vorbis": "Vorbis",
    "flac": "FLAC",
    "ac3": "AC-3",
}
_CONTAINERS = {
    "folder": "folder of pictures",
    "mov,mp4,m4a,3gp,3g2,mj2": "MP4 or MOV",
    "matroska,webm": "Matroska or WebM",
}
_CHANNELS = {1: "mono", 2: "stereo", 6: "5.1"}


def headline(info: FileInfo) -> str:
    """One line under the title."""
    parts = [wording.length(info.seconds)]
    if info.video is not None:
        parts.append(f"{info.video.width} \u00d7 {info.video.height}")
        parts.append(f"{info.video.fps:.4g} pictures per second")
    parts.append("with sound" if info.audio else "no sound")
    return " \u00b7 ".join(parts)


def lines(info: FileInfo, damage: tuple[str, ...]) -> list[tuple[str, str]]:
    """Name and text of each fact."""
    kind = _CONTAINERS.get(info.container, info.container)
    found = [
        ("Name", info.file),
        ("Length", wording.length(info.seconds)),
        ("Size", f"{wording.size(info.bytes)}, {kind}"),
        ("Picture", "none" if info.video is None else _picture(info.video)),
        ("Sound", "; ".join(map(_sound, info.audio)) or "none: this video is silent"),
    ]
    if info.subtitles:
        found.append(
            ("Subtitles", "1 track" if info.subtitles == 1 else f"{info.subtitles} tracks")
        )
    remarks = dict.fromkeys([*info.notes, *damage])
    found += [("Note", remark) for remark in remarks]
    return found


def _picture(video: VideoInfo) -> str:
    rate = f"{video.fps:.4g} Hz{' on average' if video.variable_rate else ''}"
    codec = _CODECS.get(video.codec, video.codec.upper())
    return f"{codec}, {video.width} \u00d7 {video.height}, {rate}"


def _sound(audio: AudioInfo) -> str:
    channels = _CHANNELS.get(audio.channels, f"{audio.channels} channels")
    language = f" ({audio.language})" if audio.language and audio.language != "und" else ""
    codec = _CODECS.get(audio.codec, audio.codec.upper())
    return f"{codec}, {channels}, {audio.rate / 1000:.4g} kHz{language}"
