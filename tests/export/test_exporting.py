import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from sensorium.actions.systems import ActionSystem, TSMSystem
from sensorium.export import export
from sensorium.plain import to_plain
from sensorium.store import Card


def run(path: Path, frames: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"frames": frames.numpy()})[0]


def noise(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(
    ("kind", "times"), [("tsm", (8, 5, 1)), ("stnet", (12, 3, 24)), ("i3d", (8, 9))]
)
def test_file_gives_the_logits_of_the_system_at_any_batch_and_time(exported, kind, times):
    system, done = exported(kind)
    for batch, time in [(1, times[0]), (5, times[0]), *((2, t) for t in times[1:])]:
        frames = noise(batch, time, 3, 32, 32)
        with torch.no_grad():
            eager = system(frames).numpy()
        assert np.abs(eager).max() > 0.1
        np.testing.assert_allclose(run(done.path, frames), eager, atol=2e-5, rtol=1e-5)


def test_order_of_the_frames_matters_to_the_file(exported):
    _, done = exported("tsm")
    frames = noise(1, 8, 3, 32, 32)
    assert np.abs(run(done.path, frames) - run(done.path, frames.flip(1))).max() > 1e-3


@pytest.mark.parametrize("kind", ["tsm", "stnet", "i3d"])
def test_graph_has_free_batch_and_time_and_no_indexed_writes(exported, kind):
    _, done = exported(kind)
    graph = onnx.load(done.path).graph
    (frames,), (logits,) = graph.input, graph.output
    assert (frames.name, logits.name) == ("frames", "logits")
    assert frames.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    batch, time, *rest = frames.type.tensor_type.shape.dim
    assert batch.dim_param
    assert time.dim_param
    assert [d.dim_value for d in rest] == [3, 32, 32]
    assert logits.type.tensor_type.shape.dim[0].dim_param == batch.dim_param
    kinds = {node.op_type for node in graph.node}
    assert "Conv" in kinds
    assert not kinds & {"ScatterND", "ScatterElements", "Loop", "If"}


def test_metadata_say_all_that_a_user_of_the_file_needs(exported):
    system, done = exported("tsm")
    data = {p.key: p.value for p in onnx.load(done.path).metadata_props}
    assert (data["system"], data["weights"]) == ("tsm", "tsm-tiny")
    assert (data["form"], data["precision"]) == ("clip", "fp32")
    assert json.loads(data["classes"]) == list(system.config.classes)
    view = json.loads(data["view"])
    assert view == to_plain(system.config.view)
    assert view["size"] == 32
    assert len(view["mean"]) == len(view["std"]) == 3


def test_figures_are_measured_at_shapes_that_were_not_traced(exported):
    _, done = exported("tsm")
    assert done.check.shapes == ((1, 8), (3, 8), (1, 16))
    assert 0 <= done.check.error < 1e-4
    assert done.check.scale > 0.1
    assert done.check.ms > 0
    assert done.accuracy is None
    assert done.to_dict()["megabytes"] == pytest.approx(done.path.stat().st_size / 1e6, abs=1e-3)


def test_card_lies_beside_the_file(exported):
    _, done = exported("tsm")
    assert sorted(p.name for p in done.path.parent.iterdir()) == ["tsm.md", "tsm.onnx"]
    text = done.card.read_text()
    assert f"{done.check.error:.2g} (largest logit" in text
    assert f"{done.check.speedup:.1f} times as fast" in text
    assert "uint8 [batch, time, 3, 32, 32]" in text
    assert "8 bits" not in text


def test_system_stays_as_it_was_and_an_older_export_is_replaced(tsm, empty):
    tsm.train()
    before = {k: v.clone() for k, v in tsm.state_dict().items()}
    (empty / "x.onnx").write_bytes(b"older")
    (empty / "x.md").write_text("<!-- written by sensorium export -->\nolder")
    export(tsm, empty / "x.onnx")
    assert tsm.training
    assert all(torch.equal(v, before[k]) for k, v in tsm.state_dict().items())
    assert onnx.load(empty / "x.onnx").producer_name == "sensorium"
    assert "older" not in (empty / "x.md").read_text()


class Wrong(TSMSystem):
    """Another network once it is exported."""

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return super().forward(frames) + 0.01 * torch.compiler.is_exporting()


def test_graph_that_differs_from_the_system_is_not_written(tsm, empty):
    wrong = Wrong(tsm.config).eval()
    with pytest.raises(ValueError, match=r"off by 0\.01.*nothing was written"):
        export(wrong, empty / "x.onnx")
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("x.onnx", {"to": "tflite"}, "to must be 'onnx'.*got 'tflite'"),
        ("x.pt", {}, "must end in .onnx"),
        ("x.onnx", {"streaming": True}, "direction='both'"),
        ("x.onnx", {"int8": True}, "card names no recipe.*--calibration"),
        ("x.onnx", {"int8": True, "calibration": "nowhere"}, "nowhere: got 0 videos"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(tsm, empty, name, options, message):
    tsm.card = Card()
    with pytest.raises(ValueError, match=message) as caught:
        export(tsm, empty / name, **options)
    assert "\n" not in str(caught.value)
    assert list(empty.iterdir()) == []


def test_foreign_files_are_not_replaced(tsm, empty):
    (empty / "x.md").write_text("my notes")
    with pytest.raises(ValueError, match=r"x\.md is in the way"):
        export(tsm, empty / "x.onnx")
    assert (empty / "x.md").read_text() == "my notes"
    (empty / "folder.onnx").mkdir()
    with pytest.raises(ValueError, match="is a folder"):
        export(tsm, empty / "folder.onnx")


def test_system_without_classes_is_refused(tsm, empty):
    nameless = TSMSystem(replace(tsm.config, classes=()))
    with pytest.raises(ValueError, match="has no classes"):
        export(nameless, empty / "x.onnx")


def test_missing_extra_is_named_with_its_remedy(tsm, empty, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"needs onnxruntime.*pip install 'sensorium\[export\]'"):
        export(tsm, empty / "x.onnx")
    assert list(empty.iterdir()) == []


def test_data_of_other_classes_are_refused(tsm, empty):
    assert isinstance(tsm, ActionSystem)
    other = TSMSystem(replace(tsm.config, classes=("a", "b")))
    other.card = Card(recipe="tsm-tiny")
    with pytest.raises(ValueError, match="other classes"):
        export(other, empty / "x.onnx", int8=True)
