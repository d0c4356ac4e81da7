"""`Actions`: what happens when, with a confidence per class over time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Float32
from torch import Tensor

from sensorium.system import Result
from sensorium.types import Span

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Action:
    """A labelled stretch of time; ``score`` is the label's mean probability over it, 0..1."""

    span: Span
    label: str
    score: float

    def to_dict(self) -> dict[str, Any]:
        """``start`` and ``end`` in seconds, ``label``, ``score``."""
        return {
            "start": round(self.span.start, 3),
            "end": round(self.span.end, 3),
            "label": self.label,
            "score": round(self.score, 4),
        }


@dataclass(frozen=True)
class Actions(Result):
    """The actions of one clip.

    Attributes:
        file: the clip's name.
        system: which weights answered.
        classes: class names, in the order of the columns of ``scores``.
        windows: the stretch of time that each row of ``scores`` speaks of.
        scores: probabilities.
        actions: merged windows of the same label, in order of time.
        unfamiliarity: 0..1, calibrated so that above 0.5 the clip is unlike anything the weights
            know; ``None`` when the weights carry no calibration.

    Shape:
        ``scores``: ``[W, K]``.
    """

    file: str
    system: str
    classes: tuple[str, ...]
    windows: tuple[Span, ...]
    scores: Float32[Tensor, "W K"] = field(repr=False)
    actions: tuple[Action, ...]
    unfamiliarity: float | None = None

    @property
    def out_of_domain(self) -> bool | None:
        """Whether the clip is unlike anything the weights know (``None``: not calibrated)."""
        return None if self.unfamiliarity is None else self.unfamiliarity > 0.5

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """The ``k`` classes with the highest probability averaged over the clip."""
        values, index = self.scores.mean(0).topk(min(k, len(self.classes)))
        return [(self.classes[i], float(v)) for v, i in zip(values, index.tolist(), strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """``file``, ``system``, ``out_of_domain``, ``unfamiliarity``, ``actions``."""
        return {
            "file": self.file,
            "system": self.system,
            "out_of_domain": self.out_of_domain,
            "unfamiliarity": None if self.unfamiliarity is None else round(self.unfamiliarity, 4),
            "actions": [a.to_dict() for a in self.actions],
        }

    def save(self, folder: str | Path) -> list[Path]:
        """``actions.json`` (with the scores of every window) and ``actions.png``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        curve = {
            "classes": list(self.classes),
            "windows": [[round(w.start, 3), round(w.end, 3)] for w in self.windows],
            "scores": [[round(s, 4) for s in row] for row in self.scores.tolist()],
        }
        data, picture = folder / "actions.json", folder / "actions.png"
        data.write_text(json.dumps({**self.to_dict(), **curve}, indent=1) + "\n")
        self.figure().savefig(picture, dpi=120, bbox_inches="tight")
        return [data, picture]

    def figure(self) -> Figure:
        """Probability of the leading classes over time, the merged actions as a strip below."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 3.6), layout="constrained")
        curve, strip = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        centres = [w.centre for w in self.windows]
        leading = self.scores.amax(0).topk(min(6, len(self.classes))).indices.tolist()
        colours = {self.classes[k]: f"C{i}" for i, k in enumerate(leading)}
        for k in leading:
            label = self.classes[k]
            curve.plot(centres, self.scores[:, k].tolist(), color=colours[label], label=label)
        curve.set(ylim=(0, 1.02), ylabel="probability")
        curve.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
        for a in self.actions:
            colour = colours.get(a.label, "0.7")
            strip.barh(0, a.span.duration, left=a.span.start, color=colour, edgecolor="white")
            strip.text(a.span.centre, 0, a.label, ha="center", va="center", fontsize=7)
        strip.set(yticks=[], xlabel="seconds")
        strip.spines[["top", "left", "right"]].set_visible(False)
        if self.out_of_domain:
            curve.set_title(
                "unlike anything these weights know: do not trust the labels", color="C3"
            )
        return figure
