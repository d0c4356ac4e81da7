"""Published annotations and features as training examples."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from sensorium.events.datasets.activitynet import read_activitynet
from sensorium.events.datasets.published import PublishedStories
from sensorium.events.recipes import wsdec_tiny
from sensorium.events.systems import CAPTIONS, WSDECSystem
from sensorium.events.vocabulary import BOS, EOS

VIDEOS, DIM = 12, 6


def annotations(first: int, count: int) -> dict:
    out = {}
    for k in range(first, first + count):
        n = 1 + k % 4
        out[f"v_{k:02d}"] = {
            "duration": 10.0 + k,
            "timestamps": [[float(i), i + 4.0 + k] for i in range(n)],
            "sentences": [f"A man plays, number {i}." for i in range(n)],
        }
    return out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.json").write_text(json.dumps(annotations(0, VIDEOS)))
    for name in ("val_1", "val_2"):
        (tmp_path / f"{name}.json").write_text(json.dumps(annotations(VIDEOS, 3)))
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "c3d.hdf5", "w") as file:
        for k in range(VIDEOS + 3):
            values = rng.normal(size=(20 + 2 * k, DIM)).astype(np.float32)
            file[f"v_{k:02d}/c3d_features"] = values
    return tmp_path


def data(folder: Path, **changes: object) -> PublishedStories:
    stories = PublishedStories(folder, folder / "c3d.hdf5", steps=16, held_out=3)
    return replace(stories, **changes)


def test_splits_are_disjoint_and_the_published_one_is_the_test(folder: Path) -> None:
    names = {
        split: [p.video for p in data(folder).open(split).passages]
        for split in ("train", "val", "test")
    }
    assert len(names["val"]) == 3
    assert sorted(names["train"] + names["val"]) == [f"v_{k:02d}" for k in range(VIDEOS)]
    assert names["test"] == list(read_activitynet(folder / "val_1.json"))
    assert names["val"] != sorted(f"v_{k:02d}" for k in range(VIDEOS))[:3]


def test_an_example_is_what_the_system_reads(folder: Path) -> None:
    stories = data(folder, kind="full")
    examples, words = stories.open("train"), stories.words()
    index = next(i for i, p in enumerate(examples.passages) if len(p.events) == 3)
    passage = examples.passages[index]
    example = examples.example(index, 5)
    assert example["features"].shape == (16, DIM)
    assert example["features"].dtype == torch.float16
    length = int(example["length"])
    whole = stories.vectors().of(passage.video)
    assert length == min(16, len(whole))
    if len(whole) <= 16:
        assert torch.equal(example["features"][:length], whole.values.half())
    assert not example["features"][length:].any()
    assert int(example["sentences"]) == 3
    assert example["words"].shape == (4, 22)
    told = {}
    for row in range(3):
        count = int(example["word_count"][row])
        numbers = example["words"][row].tolist()
        assert numbers[0] == BOS
        assert set(numbers[count - 1 :]) == {EOS}
        told[words.decode(numbers)] = example["spans"][row].tolist()
    for span, text in passage.events:
        start, end = span.start / passage.duration, min(1.0, span.end / passage.duration)
        assert told[text.lower()] == pytest.approx([(start + end) / 2, end - start], abs=1e-6)
    assert example["word_count"][3] == 0


def test_weak_examples_know_neither_times_nor_order(folder: Path) -> None:
    examples = data(folder).open("train")
    index = next(i for i, p in enumerate(examples.passages) if len(p.events) == 4)
    drawn = [examples.example(index, seed) for seed in range(8)]
    assert all("spans" not in example for example in drawn)
    assert len({tuple(e["words"].flatten().tolist()) for e in drawn}) > 3
    assert torch.equal(examples.example(index, 1)["words"], drawn[1]["words"])
    assert "spans" in data(folder).open("val").example(0, 0)


def test_long_videos_are_resampled_not_cut(folder: Path) -> None:
    examples = data(folder, steps=5).open("test")
    whole = data(folder).vectors().of(examples.passages[0].video).values
    example = examples.example(0, 0)
    assert int(example["length"]) == 5
    means = example["features"].float().mean(0)
    torch.testing.assert_close(means, whole.mean(0), atol=2e-3, rtol=0)


def test_of_many_sentences_some_are_drawn_in_training_only(folder: Path) -> None:
    stories = data(folder, rows=2, longest=4)
    train, test = stories.open("train"), stories.open("test")
    many = next(i for i, p in enumerate(train.passages) if len(p.events) == 4)
    assert int(train.example(many, 0)["sentences"]) == 2
    assert train.example(many, 0)["words"].shape == (2, 4)
    most = max(len(p.events) for p in test.passages)
    assert test.example(0, 0)["words"].shape == (most, 4)


def test_videos_without_features_are_left_out_and_said(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with h5py.File(folder / "c3d.hdf5", "a") as file:
        del file["v_12"]
    assert len(data(folder).open("test")) == 2
    assert "1 of 3 videos of the test split have no features" in caplog.text
    with h5py.File(folder / "c3d.hdf5", "a") as file:
        del file["v_13"], file["v_14"]
    with pytest.raises(ValueError, match="features of none of the 3 videos.*first: v_12"):
        data(folder).open("test")


def test_the_system_learns_from_them_and_describes_a_video(folder: Path) -> None:
    stories = data(folder)
    config = stories.adapt(wsdec_tiny().system)
    assert config.dim == DIM
    assert config.words == stories.words().words
    system = WSDECSystem(config)
    examples = stories.open("train")
    batch = [examples.example(i, 0) for i in range(4)]
    stacked = {key: torch.stack([e[key] for e in batch]) for key in batch[0]}
    system.phase.fill_(CAPTIONS)
    loss = system.losses(stacked)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in system.parameters())
    system.eval()
    for event in system.describe(stories.vectors().of("v_12")):
        assert 0 <= event.start <= event.end


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"layout": "msrvtt"}, "layout must be activitynet, charades, youcook2, got 'msrvtt'"),
        ({"kind": "some"}, "kind must be weak or full"),
        ({"held_out": 0}, "held_out must be at least 1"),
        ({"longest": 2}, "longest must be at least 3"),
    ],
)
def test_wrong_settings_are_one_line(changes: dict, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        PublishedStories(**changes)


def test_missing_data_are_named(folder: Path) -> None:
    with pytest.raises(ValueError, match="12 training videos, of which 12 are to be held out"):
        data(folder, held_out=12).open("val")
    with pytest.raises(ValueError, match="no such file; give the HDF5 file"):
        data(folder, features=folder / "none.hdf5").open("val")
    with pytest.raises(ValueError, match=r"train.json: no such file"):
        replace(data(folder), folder=folder / "none").open("train")


def test_the_other_layouts(folder: Path) -> None:
    database = {
        f"v_{k:02d}": {
            "duration": 20.0,
            "subset": "training" if k < VIDEOS else "validation",
            "annotations": [{"id": 0, "segment": [1, 2], "sentence": "cut the egg"}],
        }
        for k in range(VIDEOS + 3)
    }
    (folder / "youcookii_annotations_trainval.json").write_text(json.dumps({"database": database}))
    cooked = data(folder, layout="youcook2")
    assert [len(cooked.open(s)) for s in ("train", "val", "test")] == [9, 3, 3]
    for split, ids in (("train", range(VIDEOS)), ("test", range(VIDEOS, VIDEOS + 3))):
        lines = [f"v_{k:02d} 0.0 2.5##a person sits.\n" for k in ids]
        (folder / f"charades_sta_{split}.txt").write_text("".join(lines))
    sat = data(folder, layout="charades", stride=1, rate=4.0, steps=64)
    example = sat.open("test").example(0, 0)
    # 44 vectors at 4 Hz: 11 s, since no file says how long the video is
    assert example["spans"][0].tolist() == pytest.approx([1.25 / 11, 2.5 / 11])
    assert "charades" in str(sat)
