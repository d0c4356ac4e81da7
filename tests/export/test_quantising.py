import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from sensorium import media
from sensorium.actions.datasets.stage import stage_classes
from sensorium.actions.recipes import tsm_tiny
from sensorium.export import OnnxActions, export
from sensorium.export.calibration import DataClips, FolderClips
from sensorium.export.quantising import Accuracy


def test_weights_lie_in_the_file_as_8_bit_integers_per_channel(exported):
    _, done = exported("tsm-int8")
    model = onnx.load(done.path)
    integers = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT8]
    kernels = [t for t in integers if len(t.dims) == 4]
    assert len(kernels) == 12
    assert all(np.abs(onnx.numpy_helper.to_array(t)).max() > 100 for t in kernels)
    scales = {t.name: t.dims for t in model.graph.initializer if t.name.endswith("_scale")}
    assert any(list(d) == [64] for d in scales.values())
    floats = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    assert max(int(np.prod(t.dims)) for t in floats) <= 64 * 15  # the classifier
    assert done.megabytes < done.megabytes_fp32


@pytest.mark.parametrize(("kind", "count"), [("tsm-int8", 12), ("stnet-int8", 19)])
def test_every_convolution_runs_in_8_bits(exported, kind, count):
    _, done = exported(kind)
    assert (done.int8, done.floats) == (count, 0)


def test_file_runs_at_any_batch_and_stays_near(exported):
    system, done = exported("tsm-int8")
    _, plain = exported("tsm")
    small, full = OnnxActions(done.path), OnnxActions(plain.path)
    assert small.about.precision == "int8"
    for batch, time in ((1, 8), (5, 8), (2, 16)):
        frames = torch.cat(
            [next(DataClips(tsm_tiny().data).held_out())[0][:batch]] * (time // 8), dim=1
        )
        gap = (small(frames) - full(frames)).abs().max()
        assert 0 < gap < 0.25 * full(frames).abs().max()
    assert system.config.classes == small.about.classes


def test_accuracy_is_measured_on_held_out_clips_and_stands_in_the_card(exported):
    _, done = exported("tsm-int8")
    cost = done.accuracy
    assert cost is not None
    assert cost.clips == 24
    assert 0 <= cost.agreement <= 1
    assert cost.top1 is not None
    assert cost.drop == cost.top1_fp32 - cost.top1
    text = done.card.read_text()
    assert "12 of 12" in text
    assert f"{100 * cost.top1:.1f} %" in text
    assert "the stage data" in text
    data = {p.key: p.value for p in onnx.load(done.path).metadata_props}
    assert data["precision"] == "int8"
    assert len(json.loads(data["classes"])) == 15


def test_loss_without_labels_is_the_share_of_changed_answers():
    assert Accuracy(40, agreement=0.95, error=0.1, scale=1.0).drop == pytest.approx(0.05)
    assert Accuracy(40, 0.95, 0.1, 1.0, top1_fp32=0.5, top1=0.75).drop == -0.25


def test_too_great_a_loss_is_refused_and_nothing_is_left(tsm, empty, videos):
    with pytest.raises(ValueError, match=r"in 8 bits.*nothing was written.*--max-drop") as caught:
        export(tsm, empty / "x.onnx", int8=True, calibration=videos, max_drop=-1.0)
    assert "\n" not in str(caught.value)
    assert list(empty.iterdir()) == []


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of a known class, two of unknown ones."""
    root = tmp_path_factory.mktemp("videos")
    frames = torch.arange(6 * 3 * 32 * 48).remainder(251).to(torch.uint8).view(6, 3, 32, 48)
    for name in (stage_classes()[2], "other"):
        (root / name).mkdir()
        for k in range(2):
            media.write(root / name / f"{k}.mp4", frames.roll(k, 3), 8.0)
    return root


def test_folder_of_videos_is_divided_and_labelled_by_folder_names(tsm, videos):
    clips = FolderClips(videos, tsm.config.view, tsm.config.classes)
    (frames, labels), (others, truth) = next(clips.calibration()), next(clips.held_out())
    assert frames.shape == others.shape == (2, 8, 3, 32, 32)
    assert frames.dtype == torch.uint8
    assert sorted(labels.tolist()) == sorted(truth.tolist()) == [-1, 2]
    assert not torch.equal(frames, others)


def test_splits_of_the_data_are_not_mixed():
    clips = DataClips(tsm_tiny().data)
    (first, _), (second, labels) = next(clips.calibration()), next(clips.held_out())
    assert first.shape == second.shape
    assert not torch.equal(first, second)
    assert len(set(labels.tolist())) > 1
    assert "validation" in clips.words
