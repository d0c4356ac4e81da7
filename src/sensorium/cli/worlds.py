"""``sensorium perform``: films of the stage world, with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

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
