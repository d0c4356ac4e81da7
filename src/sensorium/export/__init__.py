"""Trained systems for other programs: one ONNX file, checked against the original beforehand.

`export` writes it, in 32-bit floats or in 8-bit integers, for whole clips or for one frame at a
time; `OnnxActions` and `OnnxStream` run it with nothing but the file. Needs ``sensorium[export]``.
"""

from sensorium.export.exporting import Exported, export
from sensorium.export.running import OnnxActions, OnnxStream

__all__ = ["Exported", "OnnxActions", "OnnxStream", "export"]
