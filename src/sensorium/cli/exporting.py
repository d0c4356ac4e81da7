"""``sensorium export``: systems for other programs to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import tyro

from sensorium.cli.options import SPEECH, OptionalFile, OptionalFolder, Speaking

if TYPE_CHECKING:
    from sensorium.cli.console import Console
    from sensorium.export import Exported


@dataclass(frozen=True)
class Export:
    """Write a system as a file that other programs run, checked against the original first."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium export tsm --to onnx",
        "sensorium export tsm --to onnx --int8 --out tsm-int8.onnx",
        "sensorium export tsm-online --to onnx --streaming",
        "sensorium export dq --to onnx --int8",
        "sensorium export dq --to pt2 --out dq.pt2",
    )

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """A name that ``sensorium models`` lists, a system folder, a run folder or hf://owner/name."""

    to: Literal["onnx", "pt2"] = "onnx"
    """ONNX, or a program of torch.export, which has gradients (``sensorium attack FILE.pt2``)."""

    int8: bool = False
    """Compute the convolutions in 8-bit integers; refused where that costs too much accuracy."""

    streaming: bool = False
    """One frame at a time, with the caches as inputs and outputs (an online network, to onnx)."""

    calibration: OptionalFolder = None
    """Folder of videos (for dq: of pictures by class) to calibrate 8 bits on.

    Default: the data that the system was trained on.
    """

    max_drop: float = 0.02
    """Largest fall of the top-1 accuracy that is accepted in 8 bits."""

    out: OptionalFile = None
    """The file to write. Default: NAME.onnx or NAME.pt2, in 8 bits NAME-int8."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Exports it."""
        from sensorium.cli.devices import load_system
        from sensorium.cli.origin import own_data
        from sensorium.export import export

        system = load_system(self.name, "cpu")
        data = own_data(self.name) if self.int8 and self.calibration is None else None
        path = self.out or f"{system.weights}{'-int8' if self.int8 else ''}.{self.to}"
        with console.working(f"exporting {system.weights}"):
            exported = export(
                system,
                path,
                to=self.to,
                int8=self.int8,
                streaming=self.streaming,
                calibration=self.calibration or data,
                max_drop=self.max_drop,
            )
        console.record({"system": system.name, "weights": system.weights, **exported.to_dict()})
        _show(exported, console)
        return 0


def _show(exported: Exported, console: Console) -> None:
    """What was written, and what it costs and gains."""
    from sensorium.cli.tables import plain_table

    check, cost = exported.check, exported.accuracy
    rows = [
        ["size", f"{exported.megabytes:.2f} MB"],
        ["largest error of a logit", f"{check.error:.2g} (largest logit {check.scale:.3g})"],
        ["time", f"{check.ms:.2f} ms, eager {check.eager_ms:.2f} ms on {check.threads} threads"],
        ["measured with", exported.runner],
    ]
    if exported.float_ms is not None:
        rows.append([f"in floats by {exported.runner}", f"{exported.float_ms:.2f} ms"])
    if cost is not None:
        what = "pictures" if exported.form == "picture" else "clips"
        rows.append(["8-bit convolutions", f"{exported.int8}, others {exported.floats}"])
        rows.append(["same best class", f"{cost.agreement:.1%} of {cost.clips} {what}"])
        if cost.top1 is not None and cost.top1_fp32 is not None:
            rows.append(["top-1", f"{cost.top1:.1%}, in 32 bits {cost.top1_fp32:.1%}"])
    console.show(plain_table([str(exported.path), ""], rows))
    console.show(f"\nthe card: {exported.card}")
