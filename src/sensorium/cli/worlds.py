"""``sensorium perform`` and ``build``: the worlds as files, with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from sensorium.cli.options import SPEECH, Folder, Speaking

if TYPE_CHECKING:
    from sensorium.cli.console import Console


@dataclass(frozen=True)
class Perform:
    """Make a film of performers on a stage, with the truth about everything in it."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium perform --seed 7 --seconds 20 --out stage",
        "sensorium perform --seed 7 --height 112 --width 112 --fps 8",
    )

    seed: int = 0
    """Which episode: the same seed gives the same one on every machine."""

    seconds: float = 20.0
    """How long it lasts."""

    out: Folder = "stage"
    """The folder for stage.mp4, truth.json, mix.wav, a track per performer and a mask per frame."""

    height: int = 240
    """Of the film, in pixels."""

    width: int = 320
    """Of the film, in pixels."""

    fps: float = 24.0
    """Frames per second."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Performs it."""
        from sensorium.worlds.stage import perform

        with console.working(f"performing seed {self.seed}") as bar:
            film, *others = perform(
                self.seed,
                self.seconds,
                self.out,
                height=self.height,
                width=self.width,
                fps=self.fps,
                progress=lambda share: bar.update(round(100 * share), 100),
            )
        console.record(
            {
                "file": str(film),
                "seed": self.seed,
                "seconds": self.seconds,
                "paths": [str(path) for path in others],
            }
        )
        for path in (film, *others):
            console.show(str(path))
        return 0


@dataclass(frozen=True)
class Build:
    """Make pictures of blocks with CLEVR's scenes and questions, in CLEVR's own files."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium build --seed 7 --scenes 100 --out blocks",
        "sensorium build --split train --scenes 4000 --masks --questions 0 --out mini",
        "sensorium build --condition A --split train --scenes 1000 --out cogent",
    )

    seed: int = 0
    """Which scenes: the same seed gives the same ones on every machine."""

    scenes: int = 100
    """How many."""

    out: Folder = "blocks"
    """The folder for images/, scenes/ and questions/; other splits may be in it, not this one."""

    height: int = 320
    """Of the pictures, in pixels."""

    width: int = 480
    """Of the pictures, in pixels."""

    questions: int = 10
    """About each scene; 0 for none."""

    condition: Literal["all", "A", "B"] = "all"
    """The colours that cubes and cylinders may have: all, or those of CLEVR-CoGenT's A or B."""

    split: Literal["train", "val", "test"] = "val"
    """Which part of a data set: no scene is in two of them."""

    masks: bool = False
    """Write what is visible of each block into the scenes, as in CLEVR-mini."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Builds it."""
        from sensorium.worlds.blocks.building import Plan, build

        plan = Plan(
            seed=self.seed,
            scenes=self.scenes,
            split=self.split,
            height=self.height,
            width=self.width,
            questions=self.questions,
            condition="" if self.condition == "all" else self.condition,
            masks=self.masks,
        )
        with console.working(f"building seed {self.seed}") as bar:
            built = build(plan, self.out, lambda share: bar.update(round(100 * share), 100))
        paths = [p for p in (built.pictures, built.scenes, built.questions) if p is not None]
        console.record(
            {
                "file": str(built.scenes),
                "seed": self.seed,
                "scenes": self.scenes,
                "questions": built.count,
                "paths": [str(path) for path in paths],
            }
        )
        for path in paths:
            console.show(str(path))
        return 0
