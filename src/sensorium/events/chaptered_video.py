"""A copy of a video with the story's sentences as chapters; pictures and sound are not touched."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from sensorium.events.subtitle_files import Cue, chapters

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
"""Of files that can hold chapters."""

_CARRIED = ("video", "audio", "subtitle")
_TICK = Fraction(1, 1000)


def write_with_chapters(source: str | Path, target: str | Path, cues: Sequence[Cue]) -> Path:
    """Copy ``source`` packet by packet and name stretches of it; its own chapters are replaced.

    The copy starts at 0 even where the file does not, as players count. A target that ends in
    ``.mkv`` takes any codec.

    Raises:
        ValueError: when the file's kind holds no chapters, or source and target are one file.
    """
    source, target = Path(source), Path(target)
    if target.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{target}: such a file holds no chapters, expected {', '.join(SUFFIXES)}")
    if not source.is_file():
        raise ValueError(f"{source}: chapters go into a copy of a video file, and this is none")
    if target.exists() and target.samefile(source):
        raise ValueError(f"{target}: the copy with chapters would replace the file itself")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.stem}.unfinished{target.suffix}")
    try:
        _copy(source, unfinished, cues)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _copy(source: Path, target: Path, cues: Sequence[Cue]) -> None:
    """Every picture, sound and subtitle of the source.

    Raises:
        ValueError: when the target's kind cannot hold them.
    """
    import av

    try:
        with av.open(str(source)) as given, av.open(str(target), "w") as made:
            streams = {
                stream.index: made.add_stream_from_template(stream, opaque=True)
                for stream in given.streams
                if stream.type in _CARRIED and not _is_cover(stream)
            }
            made.metadata.update(given.metadata)
            made.set_chapters(_named(cues))
            zero = Fraction(given.start_time or 0, 1_000_000)
            for packet in given.demux([given.streams[i] for i in streams]):
                if packet.dts is None:
                    continue
                late = round(zero / packet.time_base)
                packet.dts -= late
                if packet.pts is not None:
                    packet.pts -= late
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    except av.FFmpegError as error:
        raise ValueError(
            f"{source}: cannot be copied into {target.suffix[1:]} ({error.strerror}); try .mkv"
        ) from error


def _is_cover(stream: Any) -> bool:
    return bool(getattr(stream, "disposition", 0) & 0x400)  # AV_DISPOSITION_ATTACHED_PIC


def _named(cues: Sequence[Cue]) -> list[dict[str, Any]]:
    """Chapters as PyAV takes them."""
    return [
        {
            "id": number,
            "start": round(span.start * 1000),
            "end": round(span.end * 1000),
            "time_base": _TICK,
            "metadata": {"title": text},
        }
        for number, (span, text) in enumerate(chapters(cues))
    ]
