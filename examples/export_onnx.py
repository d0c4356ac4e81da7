"""Export a system to ONNX and use the file without the system.

    python examples/export_onnx.py [FILE] [SYSTEM]

The same by command line: sensorium export SYSTEM --to onnx
"""

import sys
import tempfile
from pathlib import Path

import sensorium
from sensorium.export import OnnxActions, export

path = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("stage.mp4")
name = sys.argv[2] if len(sys.argv) > 2 else "tsm"

with tempfile.TemporaryDirectory() as folder:
    done = export(sensorium.load(name), Path(folder) / "actions.onnx")
    check = done.check
    print(f"{done.megabytes:.2f} MB, logits as in PyTorch within {check.error:.1g}")
    print(f"{check.eager_ms:.2f} ms a clip in PyTorch, {check.ms:.2f} ms by ONNX Runtime")

    network = OnnxActions(done.path)  # the file knows its classes, sizes and windows
    for action in network.predict(sensorium.read(path)).actions:
        span = action.span
        print(f"{span.start:6.2f} to {span.end:6.2f} s  {action.label}  ({action.score:.0%} sure)")
