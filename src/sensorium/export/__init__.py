"""Trained systems for other programs: one file, checked against the original beforehand.

`export` writes ONNX or a program of `torch.export`, in 32-bit floats or in 8-bit integers.
`OnnxActions`, `OnnxStream` and `OnnxPictures` run the former with nothing but the file (and
``sensorium[export]``), `Pt2Actions` and `Pt2Pictures` the latter (to write one in integers needs
``sensorium[torchao]``).
"""

from sensorium.export.action_programs import Pt2Actions
from sensorium.export.exported import Exported
from sensorium.export.exporting import export
from sensorium.export.picture_programs import Pt2Pictures
from sensorium.export.pictures import OnnxPictures
from sensorium.export.running import OnnxActions, OnnxStream

__all__ = [
    "Exported",
    "OnnxActions",
    "OnnxPictures",
    "OnnxStream",
    "Pt2Actions",
    "Pt2Pictures",
    "export",
]
