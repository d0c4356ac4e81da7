import onnx
import pytest
import torch

from sensorium.export import OnnxActions, OnnxStream
from sensorium.types import Clip, FrameVideo


def test_predictions_of_the_file_are_those_of_the_system(exported):
    system, done = exported("tsm")
    generator = torch.Generator().manual_seed(7)
    frames = torch.randint(0, 256, (40, 3, 48, 64), dtype=torch.uint8, generator=generator)
    clip = Clip(FrameVideo(frames, 8.0), None, "noise")
    ours, theirs = OnnxActions(done.path, threads=1).predict(clip), system.predict(clip)
    assert len(ours.windows) > 1
    assert ours.windows == theirs.windows
    assert ours.classes == theirs.classes
    torch.testing.assert_close(ours.scores, theirs.scores, atol=1e-5, rtol=1e-4)
    assert [a.label for a in ours.actions] == [a.label for a in theirs.actions]
    assert (ours.file, ours.system, ours.out_of_domain) == ("noise", "tsm-tiny", None)


def test_file_of_the_other_form_is_refused(exported):
    with pytest.raises(ValueError, match=r"exported for clips; open it with OnnxActions"):
        OnnxStream(exported("tsm")[1].path)
    with pytest.raises(ValueError, match=r"exported for streams; open it with OnnxStream"):
        OnnxActions(exported("stream")[1].path)


def test_missing_damaged_and_foreign_files_get_one_line(exported, tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        OnnxActions(tmp_path / "none.onnx")
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(exported("tsm")[1].path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="cannot be run by ONNX Runtime") as caught:
        OnnxActions(damaged)
    assert "\n" not in str(caught.value)
    model = onnx.load(exported("tsm")[1].path)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(ValueError, match="none that sensorium exported"):
        OnnxActions(tmp_path / "foreign.onnx")


def test_metadata_are_checked(exported, tmp_path):
    model = onnx.load(exported("tsm")[1].path)
    data = {p.key: p.value for p in model.metadata_props}
    for key, value, message in [
        ("format", "2", "has format 2"),
        ("view", "{", "metadata are damaged"),
        ("view", '{"sise": 3}', "metadata"),
    ]:
        onnx.helper.set_model_props(model, {**data, key: value})
        onnx.save(model, tmp_path / "x.onnx")
        with pytest.raises(ValueError, match=message):
            OnnxActions(tmp_path / "x.onnx")
