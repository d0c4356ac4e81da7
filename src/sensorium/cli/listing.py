"""``sensorium models``: the trained systems that come with the package."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

from sensorium.cli.options import SPEECH, Speaking

if TYPE_CHECKING:
    from sensorium.cli.console import Console


@dataclass(frozen=True)
class Models:
    """List the trained systems that come with the package."""

    EXAMPLES: ClassVar[tuple[str, ...]] = ("sensorium models", "sensorium models --json")

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Lists them."""
        from sensorium import store

        rows = []
        for model in store.models():
            console.record(asdict(model))
            rows.append(
                [
                    model.name,
                    model.system,
                    f"{model.parameters / 1e6:.2f} M",
                    f"{model.megabytes:.1f} MB",
                    headline(model.metrics),
                    model.trained_on,
                ]
            )
        if not rows:
            console.note("no weights come with this package; train some: sensorium train")
        elif not console.json:
            from sensorium.cli.tables import plain_table

            columns = ["name", "system", "parameters", "size", "figure", "trained on"]
            console.show(plain_table(columns, rows, right="23"))
        return 0


def headline(metrics: dict[str, float]) -> str:
    """The first metric of a card, as ``top1 0.982``."""
    return next((f"{name} {value:.3f}" for name, value in metrics.items()), "")
