"""A copy of a video with the story's sentences as chapters; pictures and sound are not touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
            for packet in _dated(given.demux([given.streams[i] for i in streams])):
                late = round(zero / packet.time_base)
                packet.dts -= late
                packet.pts = packet.dts if packet.pts is None else packet.pts - late
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    except (av.FFmpegError, ValueError) as error:
        raise ValueError(
            f"{source}: cannot be copied into a {target.suffix[1:]} with chapters "
            f"({getattr(error, 'strerror', None) or error}); do without --chapters"
        ) from error


def _dated(packets: Iterable[Any]) -> Iterator[Any]:
    """Packets with the time of decoding that the first of a stream may lack (Matroska)."""
    waiting: dict[int, list[Any]] = {}
    for packet in packets:
        early = waiting.setdefault(packet.stream.index, [])
        if packet.dts is None and packet.size:
            early.append(packet)
            continue
        time = packet.dts  # the last packet of a stream is empty, without a time
        for before in reversed(early):
            time = before.pts if time is None else time - max(1, before.duration or 1)
            before.dts = time if before.pts is None else min(time, before.pts)
        yield from (before for before in early if before.dts is not None)
        early.clear()
        if packet.dts is not None:
            yield packet


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
