"""``sensorium convert``: published checkpoints become systems."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from sensorium.cli.options import (
    SPEECH,
    Name,
    OptionalFile,
    OptionalFolder,
    OptionalName,
    Speaking,
)

if TYPE_CHECKING:
    from sensorium.cli.console import Console


@dataclass(frozen=True)
class Convert:
    """Turn a published checkpoint into a system folder."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium convert TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e50.pth --as tsm",
        "sensorium convert tsm_ucf101.pth --as tsm --classes classes.txt --out tsm-ucf101",
        "sensorium convert MUSIC-2mix-LogFreq-resnet18dilated-unet7-… --as pixels --out my-pixels",
        "sensorium convert question_parser.pt --as nsvqa --vocabulary CLEVR_vocab.json --out mine",
    )

    checkpoint: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """The published file, or for pixels and nsvqa the folder of its files. Its name says what it
    holds: keep it."""

    system: Annotated[Name, tyro.conf.arg(name="as")]
    """The system that it is a checkpoint of: tsm, tsn, pixels or nsvqa."""

    classes: OptionalFile = None
    """Class names, a line each in the order of training; for checkpoints that do not tell them."""

    published_name: OptionalName = None
    """The model's published name, for pixels, where the folder has been renamed."""

    vocabulary: OptionalFile = None
    """Words of a question parser (nsvqa): vocab.json of the released preprocessing, or CLEVR's
    training questions."""

    base: OptionalName = None
    """System that gives the parts which an nsvqa release lacks. Default: nsvqa."""

    out: OptionalFolder = None
    """The folder to write. Default: beside the checkpoint, named like it."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Converts it."""
        return console.each([self.checkpoint], lambda file: self._convert(file, console))

    def _convert(self, file: str, console: Console) -> None:
        from sensorium import store

        classes = None if self.classes is None else _names(Path(self.classes))
        folder = store.convert(
            file,
            self.system,
            self.out,
            classes=classes,
            published_name=self.published_name,
            vocabulary=self.vocabulary,
            base=self.base,
        )
        header = store.read_header(folder)
        console.record(
            {
                "file": file,
                "system": header.system,
                "weights": header.weights,
                "path": str(folder),
                "notes": list(header.card.notes),
            }
        )
        console.show(f"{header.card.description}, trained on {header.card.trained_on}")
        for note in header.card.notes:
            console.show(f"  {note}")
        console.show(f"system folder: {folder}")
        jobs = {"pixels": "separate FILE", "nsvqa": 'ask IMAGE "How many cubes are there?"'}
        job = jobs.get(header.system, "recognize FILE")
        console.show(f"use it:        sensorium {job} --system {folder}")


def _names(path: Path) -> list[str]:
    """The lines of a text file."""
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
