"""``sensorium portray``: a person with an expression, as files with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sensorium.cli.options import SPEECH, Folder, OptionalName, Speaking

if TYPE_CHECKING:
    from sensorium.cli.console import Console


@dataclass(frozen=True)
class Portray:
    """Make a film of a drawn face that shows an expression, with the truth about every frame."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium portray --seed 7 --expression happy --out portrait",
        "sensorium portray --seed 8 --frames 24 --size 128 --onset-only",
    )

    seed: int = 0
    """Who sits and how: the same seed gives the same on every machine."""

    expression: OptionalName = None
    """happy, sad, surprised, angry, disgusted, afraid or contemptuous; else the seed decides."""

    frames: int = 48
    """How many, at 24 per second."""

    size: int = 256
    """Width and height, in pixels."""

    onset_only: bool = False
    """End at the expression's height instead of returning to rest."""

    out: Folder = "portrait"
    """The folder for portrait.mp4, truth.json, pictures and a mask per frame."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Portrays it."""
        from sensorium.worlds.portraits.portray import portray

        with console.working(f"portraying seed {self.seed}") as bar:
            made = portray(
                self.seed,
                self.out,
                expression=self.expression,
                frames=self.frames,
                size=self.size,
                onset_only=self.onset_only,
                progress=lambda share: bar.update(round(100 * share), 100),
            )
        console.record(
            {
                "file": str(made.film),
                "seed": self.seed,
                "expression": made.expression,
                "frames": made.frames,
                "paths": [str(path) for path in made.paths[1:]],
            }
        )
        for path in made.paths:
            console.show(str(path))
        return 0
