"""`Exported`: what an export wrote, and what was measured before it got its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sensorium.export.about import Form, Precision
from sensorium.export.checking import Check
from sensorium.export.quantising import Accuracy


@dataclass(frozen=True)
class Exported:
    """What was written, and what was measured before.

    Attributes:
        path: the file.
        card: the page beside it.
        form: ``clip``, ``stream`` or ``picture``.
        precision: ``fp32`` or ``int8``.
        check: error against eager, and speed.
        megabytes: of the file (1 MB = 10^6 bytes).
        megabytes_fp32: of the 32-bit form.
        caches: inputs besides the frame (streams).
        accuracy: what 8 bits cost (``None`` in 32 bits).
        int8: convolutions that run in 8 bits here.
        floats: convolutions that do not.
        float_ms: one picture with float activations by what runs the file (pictures in 8 bits;
            programs in 8 bits: one picture or clip).
    """

    path: Path
    card: Path
    form: Form | Literal["picture"]
    precision: Precision
    check: Check
    megabytes: float
    megabytes_fp32: float
    caches: int = 0
    accuracy: Accuracy | None = None
    int8: int = 0
    floats: int = 0
    float_ms: float | None = None

    @property
    def runner(self) -> str:
        """What ran the file when it was measured."""
        if self.path.suffix != ".pt2":
            return "ONNX Runtime"
        return "torch.compile" if self.precision == "int8" else "the program, not compiled"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        found: dict[str, Any] = {
            "path": str(self.path),
            "card": str(self.card),
            "form": self.form,
            "precision": self.precision,
            "megabytes": round(self.megabytes, 3),
            "megabytes_fp32": round(self.megabytes_fp32, 3),
            "largest_error": self.check.error,
            "largest_logit": self.check.scale,
            "eager_ms": round(self.check.eager_ms, 3),
            "ms": round(self.check.ms, 3),
            "speedup": round(self.check.speedup, 2),
            "threads": self.check.threads,
        }
        if self.accuracy is not None:
            found |= {
                "clips": self.accuracy.clips,
                "agreement": self.accuracy.agreement,
                "largest_change": self.accuracy.error,
                "top1": self.accuracy.top1,
                "top1_fp32": self.accuracy.top1_fp32,
                "int8_convolutions": self.int8,
                "float_convolutions": self.floats,
            }
        if self.float_ms is not None:
            found["float_ms"] = round(self.float_ms, 3)
        return found
