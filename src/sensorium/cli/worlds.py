"""``sensorium perform``: videos of the stage world, with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sensorium.cli.options import SPEECH, Folder, Speaking

if TYPE_CHECKING:
    from sensorium.cli.console import Console


@dataclass(frozen=True)
class Perform:
    """Make a video of performers on a stage, with the truth about everything in it."""

    EXAMPLES: ClassVar[tuple[str, ...]] = ("sensorium perform --seed 7 --seconds 20 --out stage",)

    seed: int = 0
    """The episode: the same seed gives the same bytes on every machine."""

    seconds: float = 20.0
    """How long it lasts."""

    out: Folder = "stage"
    """Where it goes: the video (mp4), the truth (JSON) and each performer's own track."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Performs it."""
        return 0
