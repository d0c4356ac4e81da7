"""Trained systems for other programs: one ONNX file, checked against the original beforehand.

`export` writes it, in 32-bit floats or in 8-bit integers, for whole clips or for one frame at a
time; `OnnxActions`, `OnnxStream` and `OnnxPictures` run it with nothing but the file. Needs
``sensorium[export]``.
"""

from sensorium.export.exported import Exported
from sensorium.export.exporting import export
from sensorium.export.pictures import OnnxPictures
from sensorium.export.running import OnnxActions, OnnxStream

__all__ = ["Exported", "OnnxActions", "OnnxPictures", "OnnxStream", "export"]
