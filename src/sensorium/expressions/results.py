"""`Animation`: a face that moves as told, and its way into a file, marked as what it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Float, UInt8
from torch import Tensor

from sensorium.expressions.curves import describe
from sensorium.system import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sensorium.media.marks import Marking


@dataclass(frozen=True)
class Animation(Result):
    """Frames made from one picture of a face.

    Attributes:
        file: the picture's name.
        system: which weights made them.
        frames: what was made.
        degrees: how strong each expression was asked for.
        expressions: names of the columns of ``degrees``.
        rate: frames per second.
        unfamiliarity: 0..1, calibrated so that above 0.5 the picture is unlike those of the
            training; ``None`` when the weights carry no calibration.
        path: where it was written.

    Shape:
        ``frames``: ``uint8 [T, 3, H, W]``; ``degrees``: ``float [T, E]``, 0..1.
    """

    file: str
    system: str
    frames: UInt8[Tensor, "T 3 H W"] = field(repr=False)
    degrees: Float[Tensor, "T E"] = field(repr=False)
    expressions: tuple[str, ...]
    rate: float = 24.0
    unfamiliarity: float | None = None
    path: str | None = None

    def __post_init__(self) -> None:
        shape = (len(self.frames), len(self.expressions))
        if tuple(self.degrees.shape) != shape or not len(self.frames):
            raise ValueError(
                f"{self.file}: an animation needs a degree for each frame and expression: got "
                f"{list(self.degrees.shape)}, expected {list(shape)} with at least one frame"
            )

    @property
    def out_of_domain(self) -> bool | None:
        """Whether the picture is unlike those of the training (``None``: not calibrated)."""
        return None if self.unfamiliarity is None else self.unfamiliarity > 0.5

    @property
    def expression(self) -> str:
        """What is shown, in a word or two (`curves.describe`)."""
        return describe(self.degrees, self.expressions)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.frames) / self.rate

    def peaks(self) -> dict[str, float]:
        """The strongest degree of each expression that is shown at all."""
        peaks = self.degrees.amax(0)
        return {
            name: round(float(peaks[k]), 4)
            for k, name in enumerate(self.expressions)
            if float(peaks[k]) > 0
        }

    def to_dict(self) -> dict[str, Any]:
        """``file``, ``system``, ``out_of_domain``, ``path``, ``frames`` (how many) and the rest."""
        far = self.unfamiliarity
        return {
            "file": self.file,
            "system": self.system,
            "out_of_domain": self.out_of_domain,
            "unfamiliarity": None if far is None else round(far, 4),
            "path": self.path,
            "frames": len(self.frames),
            "rate": self.rate,
            "expression": self.expression,
            "peaks": self.peaks(),
        }

    def write(
        self,
        path: str | Path,
        *,
        consent: str,
        size: int | None = None,
        marking: Marking | None = None,
    ) -> Animation:
        """Write a film (mp4, mov), an animation (gif, webp), a folder of frames, or a sheet.

        A suffix of a still picture (png, jpg) gives the contact sheet, no suffix a folder.

        Args:
            path: where; its suffix says what.
            consent: whose face it is: ``self``, ``written`` or ``synthetic``
                (`media.marks.CONSENTS`); kept in the file's marks.
            size: pixels of the shorter side; by default as made.
            marking: which marks it carries; by default all.

        Returns:
            The same animation with ``path`` set.

        Raises:
            ValueError: for a format that is not written here, or no consent.
            MediaError: when the file cannot be written.
        """
        from sensorium.expressions.writing import write

        written = write(self, Path(path), consent=consent, size=size, marking=marking)
        return replace(self, path=str(written))

    def save(self, folder: str | Path) -> list[Path]:
        """``animation.json`` with every degree, and the contact sheet ``animation.png``, marked."""
        from sensorium.expressions.writing import write_sheet

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        data = folder / "animation.json"
        rows = [[round(float(d), 4) for d in row] for row in self.degrees]
        said = {**self.to_dict(), "expressions": list(self.expressions), "degrees": rows}
        data.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        return [data, write_sheet(self, folder / "animation.png")]

    def figure(self) -> Figure:
        """Frames over their degrees: up to eight pictures, and the curves below."""
        from sensorium.expressions.sheet import animation_figure

        return animation_figure(self)
