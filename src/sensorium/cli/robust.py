"""``sensorium evaluate NAME --robust``: accuracy under attack, over the budget."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from sensorium.cli.attack_methods import Norm, fraction
from sensorium.cli.labelled_data import NAMES, OWN, named_data, samples
from sensorium.cli.options import (
    SPEECH,
    Count,
    Device,
    Folder,
    OptionalFolder,
    Speaking,
    UsageError,
)

if TYPE_CHECKING:
    from sensorium.cli.console import Console
    from sensorium.robustness.curve import RobustnessCurve

Names = Annotated[
    tuple[str, ...],
    tyro.conf.UseAppendAction,
    tyro.conf.arg(metavar="NAME", help_behavior_hint="(repeatable)"),
]


@dataclass(frozen=True)
class EvaluateRobust:
    """Accuracy under the worst of many attacks, over the budget, with a plot."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium evaluate dq --robust",
        "sensorium evaluate dq --robust --eps 0,2/255,4/255,8/255 --limit 500",
        "sensorium evaluate dq-vanilla --robust --surrogate dq-full --out curves",
        "sensorium evaluate my_networks:resnet --robust --data cifar10 --root data/cifar10",
    )

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """Weights, module:attribute, or a file *.pt2 of torch.export."""

    eps: Annotated[str, tyro.conf.arg(metavar="SIZE,…")] = "0,2/255,4/255,8/255"
    """The budgets: how far a pixel value may change (l2: the length of the change)."""

    norm: Norm = "linf"
    """How the change is measured."""

    data: Annotated[str, tyro.conf.arg(metavar="|".join(NAMES))] = OWN
    """The data set; own is what NAME was trained for."""

    root: OptionalFolder = None
    """Where the files of the data set are."""

    limit: int = 200
    """Samples, spread evenly over the test split."""

    steps: int = 50
    """Of each gradient attack."""

    restarts: int = 3
    """Random starts of the attack on the margin."""

    queries: int = 1000
    """Tries of random search; 0 leaves it out."""

    surrogate: Names = ()
    """A network whose backward pass is also used: for a quantised one its float copy."""

    size: Count = None
    """Height and width of the input, for networks of one's own that do not say."""

    batch: int = 100
    """Samples at once."""

    out: Folder = "robustness"
    """A folder for curve.json and curve.png."""

    seed: int = 0
    """Of everything random."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Measures it."""
        size = 1 if self.size is None else self.size
        if min(self.limit, self.batch, self.steps, self.restarts, size) < 1:
            raise UsageError("--limit, --batch, --steps, --restarts and --size must be 1 or more")
        if self.queries < 0:
            raise UsageError(f"--queries must be 0 or more, got {self.queries}")
        if self.data not in NAMES:
            raise UsageError(f"--data: got {self.data!r}, expected one of {', '.join(NAMES)}")
        from sensorium.cli.classifiers import load_subject, read_eps
        from sensorium.robustness.classifier import check_eps
        from sensorium.robustness.curve import CurvePlan, measure_curve

        eps = tuple(read_eps(part.strip()) for part in self.eps.split(","))
        subject = load_subject(self.name, self.device)
        data = named_data(self.data, self.name, self.root)
        on = str(data) if self.data == OWN else self.data
        with console.working(f"evaluating {subject.name} under attack") as bar:
            clean = samples(subject, data, self.limit, seed=self.seed, size=self.size)
            for value in eps:  # before the first budget has taken minutes
                check_eps(value, self.norm, clean.x.shape[1:])
            plan = CurvePlan(
                eps=eps,
                norm=self.norm,
                steps=self.steps,
                restarts=self.restarts,
                queries=self.queries,
                surrogates=[load_subject(name, self.device).network for name in self.surrogate],
                batch=self.batch,
                seed=self.seed,
            )
            curve = measure_curve(
                subject.network, clean, plan, names=(subject.name, on), told=bar.update
            )
            written = curve.save(Path(self.out) / Path(self.name).name.replace(":", "-"))
        paths = [str(path) for path in written]
        console.record({**curve.to_dict(), "seeds": [self.seed], "paths": paths})
        show_curve(curve, console)
        for path in written:
            console.show(f"wrote {path}")
        return 0


def show_curve(curve: RobustnessCurve, console: Console) -> None:
    """A row for each budget, and whether to believe them."""
    from sensorium.cli.tables import bar, plain_table

    console.show(f"{curve.system} on {curve.data}: {curve.count} samples, {curve.norm}")
    rows = [["none", f"{bar(curve.clean)} {curve.clean:.3f}", _between(curve.clean, curve), ""]]
    for point in curve.points:
        if point.eps:
            size = fraction(point.eps) if curve.norm == "linf" else f"{point.eps:g}"
            share = f"{bar(point.robust)} {point.robust:.3f}"
            rows.append([size, share, _between(point.robust, curve), f"{point.naive:.3f}"])
    head = ["budget", "accuracy, worst case", "95 %", "naive"]
    console.show(plain_table(head, rows, "3"))
    for sign in curve.masking.signs if curve.masking is not None else ():
        console.show(f"sign of masked gradients: {sign}")


def _between(share: float, curve: RobustnessCurve) -> str:
    """The interval of a share."""
    from sensorium.robustness.curve import wilson

    low, high = wilson(share, curve.count)
    return f"{low:.3f} to {high:.3f}"
