"""``sensorium separate``: each source of sound in a video as its own track."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import tyro

from sensorium.cli.folders import free_folder
from sensorium.cli.options import (
    SPEECH,
    Device,
    Files,
    Folder,
    Name,
    Speaking,
    UsageError,
    need_files,
)

if TYPE_CHECKING:
    from sensorium.cli.console import Console
    from sensorium.sounds.results import Stems

Points = Annotated[
    tuple[str, ...],
    tyro.conf.UseAppendAction,
    tyro.conf.arg(metavar="X,Y", help_behavior_hint="(repeatable)"),
]


@dataclass(frozen=True)
class Separate:
    """Take the sound of videos apart: a track per source, and where in the picture each sounds."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium separate duet.mp4",
        "sensorium separate *.mp4 --out stems --sources 2 --format flac",
        "sensorium separate duet.mp4 --at 0.25,0.5 --at 0.7,0.5",
    )

    files: Files = ()
    """Videos with sound."""

    out: Folder = "separated"
    """Where the stems go: a folder per file, with stems/, heat.mp4, heat.png and stems.json."""

    system: Name = "pixels"
    """Weights: pixels, motions, concepts, a system folder, run folder or hf://owner/name."""

    sources: Annotated[str, tyro.conf.arg(metavar="N|auto")] = "auto"
    """How many sources to separate; auto counts the places that sound different."""

    at: Points = ()
    """Separate what sounds at this place: fractions of width and height from the top left."""

    format: Literal["wav", "flac"] = "wav"
    """Of the stems: wav has 32-bit floating point, flac 24 bits."""

    film: bool = True
    """--no-film leaves out heat.mp4, the video with heat, which takes longest for long files."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Separates file after file."""
        need_files(self.files, "separate")
        from sensorium import media
        from sensorium.cli.devices import load_system
        from sensorium.sounds.separation import Options, separate
        from sensorium.sounds.systems import SoundSystem

        try:
            options = Options(_number(self.sources), tuple(_point(text) for text in self.at))
        except ValueError as error:
            raise UsageError(str(error)) from None
        system = load_system(self.system, self.device)
        if not isinstance(system, SoundSystem):
            raise UsageError(
                f"{self.system} is a {system.name}, expected a system that separates sound; "
                "sensorium models lists them"
            )
        taken: set[Path] = set()

        def work(file: str) -> None:
            folder = free_folder(Path(self.out) / Path(file).stem, taken)
            with console.working(f"separating {file}") as bar:
                clip = media.read(file)
                stems = separate(
                    system, clip, options, lambda s: bar.update(round(30 * s), 100, f"{file}: look")
                )
                stems.save(
                    folder,
                    form=self.format,
                    film=self.film,
                    told=lambda s: bar.update(round(30 + 70 * s), 100, f"{file}: separate"),
                )
            damage = media.problems(clip)
            said = stems.to_dict(self.format)
            for stem in said["stems"]:
                stem["path"] = str(folder / stem["path"])
            console.record({**said, "folder": str(folder), "damage": list(damage)})
            for problem in damage:
                console.note(f"note: {file}: {problem}")
            show_stems(stems, folder, console, self.format)

        return console.each(self.files, work)


def _number(text: str) -> int | None:
    """``auto`` or a number.

    Raises:
        ValueError: for anything else.
    """
    if text == "auto":
        return None
    if not text.isdecimal():
        raise ValueError(f"--sources takes a number or auto, got {text!r}")
    return int(text)


def _point(text: str) -> tuple[float, float]:
    """``0.25,0.5``.

    Raises:
        ValueError: for anything else.
    """
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"--at takes X,Y as fractions of width and height, such as 0.25,0.5, got {text!r}"
        ) from None
    return x, y


def show_stems(stems: Stems, folder: Path, console: Console, form: Literal["wav", "flac"]) -> None:
    """A table of the stems, and a notice when they are not to be trusted."""
    from sensorium.cli.tables import bar, plain_table

    if console.json:
        return
    console.show(f"{stems.file}  ({stems.system})")
    rows = []
    for path, stem in zip(stems.paths(form), stems.stems, strict=True):
        place = "" if stem.at is None else f"{stem.at[0]:.2f},{stem.at[1]:.2f}"
        rows.append([stem.label, place, f"{bar(stem.score)} {stem.score:.2f}", str(path)])
    console.show(plain_table(["stem", "at", "score", "file"], rows))
    console.show(f"in {folder}, with the heat of each stem over the pictures")
    if stems.out_of_domain:
        console.show(
            f"NOT TO BE TRUSTED: these pictures are unlike anything {stems.system} was trained on "
            f"(unfamiliarity {stems.unfamiliarity:.2f} of 1)."
        )
    console.show("")
