"""`AttackedSet`: an attack on many labelled samples, in figures and a few of them as pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Int64
from torch import Tensor

from sensorium.robustness.attacks import Attacked, Masking, Worst
from sensorium.robustness.classifier import LabelledData
from sensorium.robustness.curve import wilson
from sensorium.robustness.results import draw_picture, shown_frames
from sensorium.system import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 6


@dataclass(frozen=True)
class AttackedSet(Result):
    """An attack on labelled samples.

    Attributes:
        system: which classifier.
        data: what it was attacked on, in words.
        attack: its name, and with what budget.
        eps: the budget in units of pixel values (0..1); ``None``: the least that does.
        clean: the samples.
        made: what the attack made of them.
        before: the classifier's answers to the clean ones.
        after: to the attacked ones.
        target: the class to reach; ``None``: any other.
        masking: signs of masked gradients; ``None``: not looked for.
    """

    system: str
    data: str
    attack: str
    eps: float | None
    clean: LabelledData = field(repr=False)
    made: Attacked = field(repr=False)
    before: Int64[Tensor, "N"] = field(repr=False)
    after: Int64[Tensor, "N"] = field(repr=False)
    target: str | None = None
    masking: Masking | None = None

    def to_dict(self) -> dict[str, Any]:
        """``metrics``: ``top1``, ``robust`` and ``success_rate``; norms of what succeeded."""
        count = len(self.clean)
        right = float((self.before == self.clean.y).float().mean())
        robust = float((self.after == self.clean.y).float().mean())
        changed = self.made.success & ~self.made.already
        norms = {
            name: round(float(values[changed].median()), 6) if bool(changed.any()) else None
            for name, values in self.made.norms.items()
        }
        record: dict[str, Any] = {
            "system": self.system,
            "data": self.data,
            "attack": self.attack,
            "eps": self.eps,
            "target": self.target,
            "samples": count,
            "metrics": {
                "top1": round(right, 4),
                "robust": round(robust, 4),
                "robust_interval": [round(v, 4) for v in wilson(robust, count)],
                "success_rate": round(self.made.rate, 4),
            },
            "median_norms": norms,
            "forward_passes": round(float(self.made.queries.float().mean()), 1),
            "backward_passes": round(float(self.made.gradients.float().mean()), 1),
            "masking": None if self.masking is None else self.masking.to_dict(),
        }
        if isinstance(self.made, Worst):
            record["broken_by"] = {k: round(v, 4) for k, v in self.made.shares.items()}
        return record

    def save(self, folder: str | Path) -> list[Path]:
        """``robustness.json`` and ``robustness.png``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        record, drawn = folder / "robustness.json", folder / "robustness.png"
        record.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        self.figure().savefig(drawn, dpi=120, bbox_inches="tight")
        return [record, drawn]

    def figure(self) -> Figure:
        """Up to 6 samples that the attack changed: clean, change, attacked."""
        from matplotlib.figure import Figure

        changed = (self.made.success & ~self.made.already).nonzero().flatten().tolist()
        shown = changed[:_SHOWN] or list(range(min(_SHOWN, len(self.clean))))
        figure = Figure(figsize=(1.7 * len(shown) + 0.4, 5.6), layout="constrained")
        axes = figure.subplots(3, len(shown), squeeze=False)
        for column, n in enumerate(shown):
            clean = shown_frames(self.clean.x[n])[0]
            made = shown_frames(self.made.x[n])[0]
            change = made - clean
            largest = max(float(change.abs().max()), 1e-9)
            for row, picture in enumerate((clean, 0.5 + change * (0.5 / largest), made)):
                draw_picture(axes[row, column], picture)
            names = self.clean.classes
            axes[0, column].set_title(names[int(self.before[n])], fontsize=9)
            axes[1, column].set_title(f"{255 * largest:.1f}/255", fontsize=8, color="0.4")
            colour = "C3" if bool(self.made.success[n]) else "0.2"
            axes[2, column].set_title(names[int(self.after[n])], fontsize=9, color=colour)
        metrics = self.to_dict()["metrics"]
        title = fill(f"{self.system} on {self.data}: {self.attack}", 70)
        shares = f"accuracy {metrics['top1']:.1%}, under attack {metrics['robust']:.1%}"
        figure.suptitle(f"{title}\n{shares}", fontsize=10)
        return figure


def answers(classifier: Any, x: Tensor, batch: int) -> Int64[Tensor, "N"]:
    """The classifier's answers, in batches."""
    with torch.no_grad():
        return torch.cat([classifier(part).argmax(1) for part in torch.split(x, batch)])
