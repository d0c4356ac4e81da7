"""`Recognition`: what a picture shows, with a probability per class."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Float32, UInt8
from torch import Tensor

from sensorium.system import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 5


@dataclass(frozen=True)
class Recognition(Result):
    """The label of one picture.

    Attributes:
        file: the clip's name.
        system: which weights answered.
        classes: class names, in the order of ``scores``.
        scores: probabilities.
        picture: what the network saw.
        unfamiliarity: 0..1, calibrated so that above 0.5 the picture is unlike anything the weights
            know; ``None`` when the weights carry no calibration.

    Shape:
        ``scores``: ``[K]``; ``picture``: ``[3, S, S]``.
    """

    file: str
    system: str
    classes: tuple[str, ...]
    scores: Float32[Tensor, "K"] = field(repr=False)
    picture: UInt8[Tensor, "3 S S"] = field(repr=False)
    unfamiliarity: float | None = None

    @property
    def label(self) -> str:
        """The class of the highest probability."""
        return self.classes[int(self.scores.argmax())]

    @property
    def score(self) -> float:
        """Its probability."""
        return float(self.scores.max())

    @property
    def out_of_domain(self) -> bool | None:
        """Whether the picture is unlike anything the weights know (``None``: not calibrated)."""
        return None if self.unfamiliarity is None else self.unfamiliarity > 0.5

    def top(self, k: int = _SHOWN) -> list[tuple[str, float]]:
        """The ``k`` classes of the highest probability."""
        values, index = self.scores.topk(min(k, len(self.classes)))
        return [(self.classes[i], float(v)) for v, i in zip(values, index.tolist(), strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """``file``, ``system``, ``label``, ``score``, ``out_of_domain``, ``top``."""
        return {
            "file": self.file,
            "system": self.system,
            "label": self.label,
            "score": round(self.score, 4),
            "out_of_domain": self.out_of_domain,
            "unfamiliarity": None if self.unfamiliarity is None else round(self.unfamiliarity, 4),
            "top": [{"label": name, "score": round(p, 4)} for name, p in self.top()],
        }

    def save(self, folder: str | Path) -> list[Path]:
        """``recognition.json`` (with the score of every class) and ``recognition.png``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        every = {
            "classes": list(self.classes),
            "scores": [round(s, 6) for s in self.scores.tolist()],
        }
        data, picture = folder / "recognition.json", folder / "recognition.png"
        data.write_text(json.dumps({**self.to_dict(), **every}, indent=1) + "\n")
        self.figure().savefig(picture, dpi=120, bbox_inches="tight")
        return [data, picture]

    def figure(self) -> Figure:
        """The picture as the network saw it, and the leading classes as bars."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 2.6), layout="constrained")
        seen, bars = figure.subplots(1, 2, width_ratios=[1, 1.6])
        seen.imshow(self.picture.permute(1, 2, 0).numpy(), interpolation="nearest")
        seen.set_axis_off()
        names, values = zip(*self.top(), strict=True)
        bars.barh(range(len(names)), values, color=["C0"] + ["0.75"] * (len(names) - 1))
        bars.set(yticks=range(len(names)), yticklabels=names, xlim=(0, 1), xlabel="probability")
        bars.invert_yaxis()
        bars.spines[["top", "right"]].set_visible(False)
        if self.out_of_domain:
            figure.suptitle(
                "unlike anything these weights know: do not trust the label", color="C3", fontsize=9
            )
        return figure
