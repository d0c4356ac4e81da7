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

    Where the first cue starts later than the video, an unnamed chapter comes before it: players
    take the first one to start at 0.

    Raises:
        ValueError: when the file's kind holds no chapters, or source and target are one file.
    """
    import av

    source, target = Path(source), Path(target)
    if target.suffix.lower() not in SUFFIXES or not source.is_file():
        raise ValueError(
            f"{source}: a file that ends in {', '.join(SUFFIXES)} can hold chapters, this does not"
        )
    if target.exists() and target.samefile(source):
        raise ValueError(f"{target}: the copy with chapters would replace the file itself")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.stem}.unfinished{target.suffix}")
    try:
        with av.open(str(source)) as given, av.open(str(unfinished), "w") as made:
            streams = {
                stream.index: made.add_stream_from_template(stream, opaque=True)
                for stream in given.streams
                if stream.type in _CARRIED and not _is_cover(stream)
            }
            made.metadata.update(given.metadata)
            made.set_chapters(_named(cues))
            for packet in given.demux([given.streams[i] for i in streams]):
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    made.mux(packet)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _is_cover(stream: Any) -> bool:
    return bool(getattr(stream, "disposition", 0) & 0x400)  # AV_DISPOSITION_ATTACHED_PIC


def _named(cues: Sequence[Cue]) -> list[dict[str, Any]]:
    """Chapters as PyAV takes them."""
    rows = [(round(s.start * 1000), round(s.end * 1000), text) for s, text in chapters(cues)]
    if rows and rows[0][0] > 0:
        rows.insert(0, (0, rows[0][0], ""))
    return [
        {"id": i, "start": start, "end": end, "time_base": _TICK, "metadata": {"title": text}}
        for i, (start, end, text) in enumerate(rows)
    ]
