"""``sensorium evaluate``: how good a trained system is."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import tyro

from sensorium.cli.options import (
    SPEECH,
    Command,
    Count,
    Device,
    OptionalName,
    Speaking,
    UsageError,
)
from sensorium.cli.origin import data_of
from sensorium.cli.robust import EvaluateRobust
from sensorium.cli.usage import help_of, read_arguments

if TYPE_CHECKING:
    from sensorium.cli.console import Console


@dataclass(frozen=True)
class EvaluateOptions:
    """The options of ``evaluate`` that are not fields of the data."""

    split: Literal["test", "val", "train"] = "test"
    """Which part of the data."""

    protocol: OptionalName = None
    """A test protocol of the system's paper (actions: efficient, accurate, dense, stnet; sounds:
    published, the mixtures that a set publishes). Default: one view of each video."""

    limit: Count = None
    """Measure the first N examples only. Default: all."""

    batch: int = 32
    """Examples (with a protocol: views) at once; the figures do not depend on it."""

    seed: int = 0
    """Of the examples' own randomness, where they have any."""

    workers: int = 2
    """Processes that make the examples; the figures do not depend on it."""

    robust: bool = False
    """Accuracy under attack instead, over the budget, with a plot; see evaluate --robust --help."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    speech: Speaking = SPEECH


@dataclass(frozen=True)
class Evaluate(EvaluateOptions):
    """Measure a trained system, by default on the test split of the data it was trained for."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium evaluate tsm",
        "sensorium evaluate tsm --limit 200 --json",
        "sensorium evaluate tsm --protocol accurate",
        "sensorium evaluate runs/my-videos --data.root my/other/videos",
        "sensorium evaluate dq --robust --eps 0,2/255,4/255,8/255",
        "sensorium evaluate tsm --help                  (lists the fields of its data, too)",
    )

    name: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")] = None
    """A name that `sensorium models` lists, a system folder, a run folder or hf://owner/name."""

    data: Annotated[Any, tyro.conf.Suppress] = None

    def run(self, console: Console) -> int:
        """Measures it."""
        if self.name is None:
            raise UsageError("got no NAME, expected a system; see sensorium evaluate --help")
        from sensorium.cli.devices import load_system
        from sensorium.plain import to_plain
        from sensorium.training import evaluate, protocol_test

        system = load_system(self.name, self.device)
        data = self.data or data_of(self.name)
        views = 1
        if self.protocol is not None:
            views = protocol_test(self.protocol, system, data).views
        with console.working(f"evaluating {system.weights}"):
            metrics = evaluate(
                system,
                data,
                split=self.split,
                protocol=self.protocol,
                limit=self.limit,
                batch=self.batch,
                seed=self.seed,
                workers=self.workers,
            )
        console.record(
            {
                "system": system.name,
                "weights": system.weights,
                "data": {**to_plain(data), "split": self.split, "limit": self.limit},
                "protocol": self.protocol,
                "views": views,
                "seeds": [self.seed],
                "metrics": metrics,
            }
        )
        if self.protocol is not None:
            counted = "1 view" if views == 1 else f"{views} views"
            console.show(f"protocol {self.protocol}: {counted} of each video")
        show_metrics(system.weights, metrics, console)
        return 0


def show_metrics(weights: str, metrics: dict[str, float], console: Console) -> None:
    """The figures, and below them one bar per class."""
    from sensorium.cli.tables import bar, plain_table

    whole = {name: value for name, value in metrics.items() if "/" not in name}
    parts = {name: value for name, value in metrics.items() if "/" in name}
    console.show(plain_table([weights, ""], [[k, f"{v:.4f}"] for k, v in whole.items()], "1"))
    if parts:
        rows = [
            [name.partition("/")[2], f"{bar(value)} {value:.3f}"]
            for name, value in sorted(parts.items(), key=lambda item: -item[1])
        ]
        console.show("")
        console.show(plain_table(["class", next(iter(parts)).partition("/")[0]], rows))


def read_evaluate(arguments: list[str]) -> Command:
    """The ``evaluate`` command; after a system's name each field of its data is an option.

    With ``--robust`` it is `EvaluateRobust`.

    Raises:
        UsageError: when there is no such system, or an option does not fit.
    """
    if "--robust" in arguments:
        given = [argument for argument in arguments if argument != "--robust"]
        return read_arguments(
            EvaluateRobust,
            "sensorium evaluate --robust",
            given,
            description=help_of(EvaluateRobust),
        )
    if not arguments or arguments[0].startswith("-"):
        return read_arguments(
            Evaluate, "sensorium evaluate", arguments, description=help_of(Evaluate)
        )
    name = arguments[0]
    data = data_of(name)
    run_type = make_dataclass(
        "Run",
        [
            ("options", Annotated[EvaluateOptions, tyro.conf.arg(name="")]),
            ("data", type(data)),
        ],
    )
    run: Any = read_arguments(
        run_type,
        f"sensorium evaluate {name}",
        arguments[1:],
        description=f"{Evaluate.__doc__}\n\nEach field of the data is an option.",
        default=run_type(EvaluateOptions(), data),
    )
    return Evaluate(**vars(run.options), name=name, data=run.data)
