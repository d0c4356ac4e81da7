"""``sensorium info``: what a file is, and whether it says that it was generated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sensorium.cli.options import SPEECH, Files, Speaking, need_files

if TYPE_CHECKING:
    from sensorium.cli.console import Console


@dataclass(frozen=True)
class Info:
    """Say what files are (streams, size, length) and read the marks of generated media."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium info smile.mp4",
        "sensorium info *.png --json > marks.jsonl",
        "sensorium info expressions",
    )

    files: Files = ()
    """Videos, sounds, pictures, folders of frames; or weights: a name or a system folder."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Tells of file after file."""
        need_files(self.files, "info")

        def work(file: str) -> None:
            facts, lines = _weights(file) if _is_system(file) else _media(file)
            console.record(facts)
            console.show(file)
            for line in lines:
                console.show(f"  {line}")
            console.show("")

        return console.each(self.files, work)


def _is_system(name: str) -> bool:
    """Whether this names weights and not a file."""
    path = Path(name)
    if path.exists():
        return path.is_dir() and (path / "model.safetensors").is_file()
    from sensorium.store.sources import bundled_names

    return name in bundled_names()


def _weights(name: str) -> tuple[dict[str, Any], list[str]]:
    """What a system's card says."""
    from sensorium import store
    from sensorium.store.sources import locate

    header = store.read_header(locate(name))
    card = header.card
    facts = {
        "system": header.system,
        "description": card.description,
        "paper": card.paper,
        "parameters": card.parameters,
        "trained_on": card.trained_on,
        "recipe": card.recipe,
        "limits": card.limits,
        "licence": card.licence,
    }
    lines = [f"{key.replace('_', ' '):<16} {value}" for key, value in facts.items() if value]
    return {"file": name, **facts, "metrics": card.metrics}, lines


def _media(file: str) -> tuple[dict[str, Any], list[str]]:
    """The streams of a file, and its marks."""
    from sensorium.media.marks import read_marks

    facts, lines = _streams(file)
    marks = read_marks(file)
    return {**facts, "marks": marks.to_dict()}, [*lines, *marks.lines()]


def _streams(file: str) -> tuple[dict[str, Any], list[str]]:
    """Container, size, pictures and sound."""
    from sensorium import media
    from sensorium.media.loops import webp_facts

    path = Path(file)
    webp = (
        webp_facts(path.read_bytes()) if path.suffix.lower() == ".webp" and path.is_file() else None
    )
    if webp is not None:
        video = {"codec": "webp", "width": webp.width, "height": webp.height, "frames": webp.frames}
        size = path.stat().st_size
        facts = {"file": file, "container": "webp", "seconds": webp.seconds, "bytes": size}
        line = f"picture          webp, {webp.width} x {webp.height}, {webp.frames} frames"
        return {**facts, "video": video, "audio": []}, [_head("webp", webp.seconds, size), line]
    found = media.probe(file)
    lines = [_head(found.container, found.seconds, found.bytes)]
    if (picture := found.video) is not None:
        counted = f", {picture.frames} frames" if picture.frames else ""
        lines.append(
            f"picture          {picture.codec}, {picture.width} x {picture.height}, "
            f"{picture.fps:g} per second{counted}"
        )
    lines += [
        f"sound            {track.codec}, {track.rate} Hz, {track.channels} channels"
        for track in found.audio
    ]
    lines += [f"note             {note}" for note in found.notes]
    return found.to_dict(), lines


def _head(container: str, seconds: float, size: int) -> str:
    return f"file             {container}, {size / 1000:.1f} kB, {seconds:.2f} s"
