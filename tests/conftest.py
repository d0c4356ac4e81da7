"""For all tests: settings of the user who runs them are neither read nor written."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session", autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory):
    """An empty config folder, for this process and those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.delenv("SENSORIUM_FACE_MODEL", raising=False)
        yield os.environ["XDG_CONFIG_HOME"]


@pytest.fixture(scope="session")
def face_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with YuNet's outputs: a bright square of 32 pixels, in its grid, is a face.

    Its eyes are at 0.25 and 0.75 of the square's width, 0.4 of its height.
    """
    onnx = pytest.importorskip("onnx")
    nodes, outputs, weights = [], [], []

    def add(kind: str, inputs: list[str], name: str, **how: Any) -> str:
        nodes.append(onnx.helper.make_node(kind, inputs, [name], **how))
        return name

    def constant(name: str, values: Any) -> str:
        weights.append(onnx.numpy_helper.from_array(np.asarray(values), name))
        return name

    for stride in (8, 16, 32):
        mean = add(
            "AveragePool",
            ["input"],
            f"mean_{stride}",
            kernel_shape=[stride] * 2,
            strides=[stride] * 2,
        )
        gain = 1 / 60 if stride == 32 else 0.0
        points = np.float32([0.25, 0.4, 0.75, 0.4, 0.5, 0.6, 0.3, 0.8, 0.7, 0.8])
        heads = {
            "cls": (gain / 3, np.float32([-200 * gain])),
            "obj": (gain / 3, np.float32([-200 * gain])),
            "bbox": (0.0, np.float32([0.5, 0.5, 0, 0])),
            "kps": (0.0, points),
        }
        for what, (slope, bias) in heads.items():
            name, count = f"{what}_{stride}", len(bias)
            weight = constant(f"w_{name}", np.full((count, 3, 1, 1), slope, np.float32))
            maps = add("Conv", [mean, weight, constant(f"b_{name}", bias)], f"maps_{name}")
            last = add("Transpose", [maps], f"last_{name}", perm=[0, 2, 3, 1])
            add("Reshape", [last, constant(f"s_{name}", np.int64([1, -1, count]))], name)
            info = onnx.helper.make_tensor_value_info(
                name, onnx.TensorProto.FLOAT, [1, None, count]
            )
            outputs.append(info)
    picture = onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, "H", "W"])
    graph = onnx.helper.make_graph(nodes, "faces", [picture], outputs, weights)
    opset = [onnx.helper.make_opsetid("", 13)]
    path = tmp_path_factory.mktemp("faces") / "squares.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path
