"""``sensorium export``: systems for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import tyro

from sensorium.cli.options import SPEECH, OptionalFile, OptionalFolder, Speaking

if TYPE_CHECKING:
    from sensorium.cli.console import Console
    from sensorium.export import Exported


@dataclass(frozen=True)
class Export:
    """Write a system in a form that other programs run, checked against the original."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium export tsm --to onnx",
        "sensorium export tsm --to onnx --int8 --out tsm-int8.onnx",
        "sensorium export runs/my-videos --int8 --calibration my/videos",
        "sensorium export tsm-online --to onnx --streaming",
    )

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """A name that ``sensorium models`` lists, a system folder, a run folder or hf://owner/name."""

    to: Literal["onnx"] = "onnx"
    """The form."""

    int8: bool = False
    """Compute in 8-bit integers, calibrated on data."""

    streaming: bool = False
    """The network that takes one frame at a time, its caches as inputs and outputs."""

    calibration: OptionalFolder = None
    """A folder of videos for --int8. Default: the data that the system was trained on."""

    max_drop: float = 0.02
    """How far --int8 may lower the top-1 accuracy; beyond that nothing is written."""

    out: OptionalFile = None
    """The file to write. Default: NAME.onnx, with -stream and -int8 where asked for."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Exports it."""
        from sensorium.cli.devices import load_system
        from sensorium.export import export

        system = load_system(self.name, "cpu")
        ending = ("-stream" if self.streaming else "") + ("-int8" if self.int8 else "") + ".onnx"
        with console.working(f"exporting {system.weights}"):
            done = export(
                system,
                self.out or f"{Path(self.name).name}{ending}",
                to=self.to,
                int8=self.int8,
                streaming=self.streaming,
                calibration=self.calibration or self._own_data(),
                max_drop=self.max_drop,
            )
        console.record({"system": system.name, "weights": system.weights, **done.to_dict()})
        _show(done, console)
        return 0

    def _own_data(self) -> Any:
        """The data of a run folder's own recipe, or of the recipe that the system's card names."""
        from sensorium.cli.origin import data_of

        if not self.int8:
            return None
        data = data_of(self.name)
        return None if data.kind != "stage" and data.root is None else data


def _show(done: Exported, console: Console) -> None:
    """For people: what was measured, and where it is."""
    check, accuracy = done.check, done.accuracy
    console.show(
        f"logits as in PyTorch within {check.error:.2g} (largest logit {check.scale:.3g}), "
        f"{check.speedup:.1f} times as fast ({check.eager_ms:.2f} -> {check.ms:.2f} ms)"
    )
    if accuracy is not None:
        console.show(f"{done.int8} of {done.int8 + done.floats} convolutions run in 8 bits")
        console.show(
            f"same best class as in 32 bits: {100 * accuracy.agreement:.1f} % "
            f"of {accuracy.clips} clips"
        )
        if accuracy.top1 is not None and accuracy.top1_fp32 is not None:
            before, after = 100 * accuracy.top1_fp32, 100 * accuracy.top1
            console.show(f"top-1: {before:.1f} % in 32 bits, {after:.1f} % in 8 bits")
    console.show(f"file: {done.path} ({done.megabytes:.2f} MB)")
    console.show(f"card: {done.card}")
