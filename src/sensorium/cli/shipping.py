"""``sensorium export`` and ``sensorium convert``: systems from and to other programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import tyro

from sensorium.cli.options import SPEECH, Name, OptionalFolder, Speaking

if TYPE_CHECKING:
    from sensorium.cli.console import Console


@dataclass(frozen=True)
class Export:
    """Write a system in a form that other programs run, checked against the original."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium export tsm --to onnx",
        "sensorium export tsm --to onnx --int8 --out tsm-int8.onnx",
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

    out: Annotated[str | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """The file to write. Default: NAME.onnx."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Exports it."""
        return 0


@dataclass(frozen=True)
class Convert:
    """Turn a published checkpoint into a system folder."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium convert TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e50.pth --as tsm",
    )

    checkpoint: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """The published file. Its name says what it holds: keep it."""

    system: Annotated[Name, tyro.conf.arg(name="as")]
    """The system that it is a checkpoint of."""

    out: OptionalFolder = None
    """The folder to write. Default: the checkpoint's name without its ending."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Converts it."""
        return 0
