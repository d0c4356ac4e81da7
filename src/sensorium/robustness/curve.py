"""`RobustnessCurve`: accuracy over the budget, and whether the figure can be believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool

from sensorium.robustness.attacks import PGD, Ensemble, Worst, in_batches, standard
from sensorium.robustness.attacks.ball import Norm
from sensorium.robustness.attacks.ensemble import MaskingRun, name_of
from sensorium.robustness.attacks.masking import Masking
from sensorium.robustness.classifier import Classifier, LabelledData, check
from sensorium.system import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAIVE = "plain PGD, last iterate"
"""What `CurvePoint.broken_by` calls the naive attack, whose breaks count first."""

_Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class CurvePoint:
    """Accuracies under one budget, shares of 0..1.

    Attributes:
        eps: budget in units of pixel values (0..1).
        naive: under plain PGD, by its last iterate: the figure not to be believed.
        robust: under the worst of the ensemble for each sample.
        broken_by: the share that each attack broke and those before it had not.
    """

    eps: float
    naive: float
    robust: float
    broken_by: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RobustnessCurve(Result):
    """How accuracy falls as the budget grows.

    Attributes:
        system: which classifier.
        data: what it was measured on, in words.
        norm: of the perturbations.
        count: of samples.
        clean: accuracy without attack.
        points: one per budget, from the smallest on; a sample that a smaller budget broke is
            broken by a larger one.
        masking: signs of masked gradients in the first batch, at the budget that halves the
            accuracy or comes nearest to it; ``None``: not looked for.
    """

    system: str
    data: str
    norm: Norm
    count: int
    clean: float
    points: tuple[CurvePoint, ...]
    masking: Masking | None = None

    def to_dict(self) -> dict[str, Any]:
        """``metrics``: ``top1`` and a figure for each budget, as decimals of 0..1."""
        rows = {f"{p.eps:.6g}": p for p in self.points}
        return {
            "system": self.system,
            "data": self.data,
            "norm": self.norm,
            "samples": self.count,
            "metrics": {
                "top1": self.clean,
                "robust": {eps: p.robust for eps, p in rows.items()},
                "robust_interval": {
                    eps: list(wilson(p.robust, self.count)) for eps, p in rows.items()
                },
                "naive": {eps: p.naive for eps, p in rows.items()},
            },
            "broken_by": {eps: dict(p.broken_by) for eps, p in rows.items()},
            "masking": None if self.masking is None else self.masking.to_dict(),
        }

    def save(self, folder: str | Path) -> list[Path]:
        """``curve.json`` and ``curve.png``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        record, drawn = folder / "curve.json", folder / "curve.png"
        record.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        self.figure().savefig(drawn, dpi=120, bbox_inches="tight")
        return [record, drawn]

    def figure(self) -> Figure:
        """Both accuracies over the budget; the robust one with its 95 % interval."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.subplots()
        unit = 255 if self.norm == "linf" else 1
        eps = [0.0, *(unit * p.eps for p in self.points if p.eps)]
        rows = [p for p in self.points if p.eps]
        robust = [self.clean, *(p.robust for p in rows)]
        naive = [self.clean, *(p.naive for p in rows)]
        bounds = [wilson(share, self.count) for share in robust]
        axes.fill_between(eps, [b[0] for b in bounds], [b[1] for b in bounds], alpha=0.2, lw=0)
        axes.plot(eps, robust, "o-", label="worst of all attacks")
        axes.plot(eps, naive, "s:", color="0.5", label="plain PGD, last iterate")
        axes.set(ylim=(-0.02, 1.02), ylabel="accuracy")
        axes.set_xlabel("largest change, in 255ths" if unit == 255 else "length of the change (L2)")
        title = f"{self.system} on {self.data}, {self.count} samples"
        axes.set_title(fill(title, 70), fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        return figure


@dataclass(frozen=True)
class CurvePlan:
    """How hard to try.

    Attributes:
        eps: budgets in units of pixel values (0..1).
        norm: of the perturbations.
        steps: of each gradient attack.
        restarts: of the attack on the margin.
        queries: of random search.
        surrogates: networks whose backward pass stands in for the classifier's.
        batch: samples at once.
        seed: of everything random.
    """

    eps: tuple[float, ...] = (2 / 255, 4 / 255, 8 / 255)
    norm: Norm = "linf"
    steps: int = 50
    restarts: int = 3
    queries: int = 1000
    surrogates: Sequence[Classifier] = ()
    batch: int = 100
    seed: int = 0

    def ensemble(self, eps: float) -> Ensemble:
        """The attacks of one budget."""
        return standard(
            eps,
            self.norm,
            steps=self.steps,
            restarts=self.restarts,
            queries=self.queries,
            surrogates=self.surrogates,
        )


def measure_curve(
    classifier: Classifier,
    data: LabelledData,
    plan: CurvePlan,
    *,
    names: tuple[str, str] = ("classifier", "data"),
    told: Callable[[int, int], None] = lambda done, whole: None,
) -> RobustnessCurve:
    """Accuracy over the budget.

    Args:
        classifier: what to measure.
        data: on what.
        plan: how hard to try.
        names: of the classifier and of the data.
        told: called with the number of budgets done, and of all.

    Raises:
        ValueError: for budgets that make no sense, or what the attacks refuse.
    """
    if not len(data):
        raise ValueError("there are no samples to attack")
    right = _right(classifier, data, plan.batch)
    clean = float(right.float().mean())
    standing, points = right.clone(), []
    budgets = sorted(set(plan.eps))
    for number, eps in enumerate(budgets):
        told(number, len(budgets))
        if eps == 0:
            points.append(CurvePoint(0.0, clean, clean))
            continue
        plain = _naive(classifier, data, plan, eps)
        naive = float((~plain).float().mean())
        broken_by = {NAIVE: int((standing & plain).sum()) / len(data)}
        standing &= ~plain
        before = standing.nonzero().flatten()
        if len(before):
            rest = LabelledData(data.x[before], data.y[before], data.classes)
            made = list(_worst(classifier, rest, plan, eps))
            success = torch.cat([w.success for w in made])
            standing[before[success]] = False
            broken_by |= {
                name: sum(int((w.broken_by == k).sum()) for w in made) / len(data)
                for k, name in enumerate(numbered(plan.ensemble(eps)))
            }
        points.append(CurvePoint(eps, naive, float(standing.float().mean()), broken_by))
    told(len(budgets), len(budgets))
    masking = _masking(classifier, data, plan, points) if bool(right.any()) else None
    system, on = names
    return RobustnessCurve(system, on, plan.norm, len(data), clean, tuple(points), masking)


def _masking(
    classifier: Classifier, data: LabelledData, plan: CurvePlan, points: Sequence[CurvePoint]
) -> Masking | None:
    """Signs of masked gradients in the first batch."""
    attacked = [p for p in points if p.eps]
    if not attacked:
        return None
    clean = max(p.naive for p in points)
    eps = min(attacked, key=lambda p: abs(p.robust - clean / 2)).eps
    x, y = data.x[: plan.batch], data.y[: plan.batch]
    ensemble = plan.ensemble(eps)
    run = MaskingRun(classifier, x, y, len(data.classes), plan.seed)
    worst = ensemble(classifier, x, y, seed=plan.seed)
    return ensemble.masking(worst, PGD(eps, plan.norm), run)


def numbered(ensemble: Ensemble) -> list[str]:
    """The attacks' names in order, each its own."""
    return [f"{n + 1} {name_of(attack)}" for n, attack in enumerate(ensemble.attacks)]


def _worst(
    classifier: Classifier, data: LabelledData, plan: CurvePlan, eps: float
) -> Iterator[Worst]:
    """The ensemble's outcome, batch by batch."""
    ensemble = plan.ensemble(eps)
    for number, first in enumerate(range(0, len(data), plan.batch)):
        here = slice(first, first + plan.batch)
        yield ensemble(classifier, data.x[here], data.y[here], seed=plan.seed + number)


def _naive(
    classifier: Classifier, data: LabelledData, plan: CurvePlan, eps: float
) -> Bool[torch.Tensor, "N"]:
    """Which samples the last iterate of plain PGD breaks."""
    plain = PGD(eps, plan.norm, best=False, stop=False)
    made = in_batches(plain, classifier, data.x, data.y, seed=plan.seed, batch=plan.batch)
    return made.success


def _right(classifier: Classifier, data: LabelledData, batch: int) -> torch.Tensor:
    """Which samples the classifier knows."""
    return torch.cat(
        [
            check(classifier, x, y).argmax(1) == y
            for x, y in zip(data.x.split(batch), data.y.split(batch), strict=True)  # type: ignore[no-untyped-call]
        ]
    )


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of ``count`` (Wilson's)."""
    spread = _Z * _Z / count
    centre = (share + spread / 2) / (1 + spread)
    half = _Z * ((share * (1 - share) + spread / 4) / count) ** 0.5 / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)
