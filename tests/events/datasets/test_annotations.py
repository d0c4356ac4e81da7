"""ActivityNet Captions, YouCook2, Charades-STA, features in HDF5: published layouts, in and out."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.events.datasets.activitynet import (
    read_activitynet,
    read_references,
    same_videos,
    write_activitynet,
)
from sensorium.events.datasets.annotations import Annotation
from sensorium.events.datasets.charades import read_charades, read_lengths
from sensorium.events.datasets.hdf5 import FeatureFile
from sensorium.events.datasets.youcook2 import read_youcook2
from sensorium.events.metrics import dense_captioning
from sensorium.types import Span

ACTIVITYNET = {
    "v_QOlSCBRmfWY": {
        "duration": 82.73,
        "timestamps": [[0.83, 19.86], [17.37, 60.81], [79.42, 56.26]],
        "sentences": [" A young woman is seen.", "The girl dances, 2 times.", "Ünd ends."],
    },
    "v_empty": {"duration": 10, "timestamps": [], "sentences": []},
}
YOUCOOK2 = {
    "database": {
        "xHr8X2Wpmno": {
            "duration": 311.77,
            "subset": "training",
            "recipe_type": "113",
            "annotations": [
                {"id": 0, "segment": [41, 54], "sentence": "place the bacon on a pan"},
                {"id": 1, "segment": [84, 122], "sentence": "cook it"},
            ],
            "video_url": "https://www.youtube.com/watch?v=xHr8X2Wpmno",
        },
        "V53XmPeyjIU": {
            "duration": 270.24,
            "subset": "validation",
            "recipe_type": "101",
            "annotations": [{"id": 0, "segment": [58, 76], "sentence": "mix eggs"}],
        },
    }
}
CHARADES = (
    "AO8RW 0.0 6.9##a person is putting a book on a shelf.\n"
    "Y6R7T 20.8 30.0##person begins to play on a phone.\n\n"
    "AO8RW 3.5 1.0##another person leaves.\n"
)


def written(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def one_line(read: Any, *given: Any) -> str:
    with pytest.raises(ValueError, match=".") as error:
        read(*given)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_activitynet(tmp_path: Path) -> None:
    path = written(tmp_path / "val_1.json", ACTIVITYNET)
    videos = read_activitynet(path)
    assert list(videos) == list(ACTIVITYNET)
    first = videos["v_QOlSCBRmfWY"]
    assert first.duration == 82.73
    assert first.events[1] == (Span(17.37, 60.81), "The girl dances, 2 times.")
    assert first.events[2][0] == Span(56.26, 79.42)  # a pair that was the other way round
    assert videos["v_empty"] == Annotation(10, ())


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=11),
        st.tuples(
            st.floats(0.1, 1e4),
            st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e3), st.text()), max_size=4),
        ),
        max_size=3,
    )
)
def test_activitynet_is_written_as_it_was_read(tmp_path_factory, table) -> None:
    videos = {
        name: Annotation(duration, tuple((Span(s, s + d), text) for s, d, text in events))
        for name, (duration, events) in table.items()
    }
    path = tmp_path_factory.mktemp("round") / "train.json"
    assert read_activitynet(write_activitynet(path, videos)) == videos


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ('{"v_1": ', "line 1: not JSON"),
        ([1], r"got \[1\], expected an object of videos"),
        ({"v_1": 3}, "v_1: got 3"),
        ({"v_1": {"duration": 3, "timestamps": [[0, 1]], "sentences": []}}, "v_1: got timestamps"),
        ({"v_1": {"duration": 0, "timestamps": [], "sentences": []}}, "v_1: got duration 0"),
        (
            {"v_1": {"duration": 3, "timestamps": [[0]], "sentences": ["a"]}},
            r"v_1: timestamp 0: got \[0\], expected \[start, end\]",
        ),
        (
            '{"v_1": {"duration": 3, "timestamps": [[0, NaN]], "sentences": ["a"]}}',
            "timestamp 0: got",
        ),
        (
            {"v_1": {"duration": 3, "timestamps": [[0, 1]], "sentences": [None]}},
            "v_1: sentence 0: got null",
        ),
    ],
)
def test_malformed_activitynet_is_one_line(tmp_path: Path, value: Any, what: str) -> None:
    path = written(tmp_path / "val_1.json", value)
    with pytest.raises(ValueError, match=what) as error:
        read_activitynet(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    for read in (read_activitynet, read_youcook2, read_charades, read_lengths, FeatureFile):
        assert "no such file" in one_line(read, tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    assert "not UTF-8" in one_line(read_activitynet, tmp_path / "bytes")
    assert "duration" in one_line(write_activitynet, tmp_path / "x", {"v": Annotation(None, ())})


def test_annotations_of_different_videos_are_told(tmp_path: Path) -> None:
    one = read_activitynet(written(tmp_path / "a", ACTIVITYNET))
    same_videos([one, one, {}])
    assert "share no video" in one_line(same_videos, [one, {"v_x": Annotation(1, ())}])


def test_both_validation_files_are_references(tmp_path: Path) -> None:
    other = {"v_QOlSCBRmfWY": {"duration": 82.7, "timestamps": [[0, 9]], "sentences": ["Dance."]}}
    written(tmp_path / "val_1.json", ACTIVITYNET)
    written(tmp_path / "val_2.json", other)
    files = read_references(tmp_path)
    told = {"v_QOlSCBRmfWY": [(Span(0, 9), "dance"), (Span(17.37, 60.81), "dance")]}
    scores = dense_captioning(told, files)
    assert scores["precision_iou0.5"] == 50  # each file annotates only one of the two
    assert scores["recall_iou0.5"] == 100  # all of what the second file tells
    assert scores["empty_videos"] == 1
    written(tmp_path / "val_2.json", {"v_x": other["v_QOlSCBRmfWY"]})
    assert "share no video" in one_line(read_references, tmp_path)


def test_youcook2(tmp_path: Path) -> None:
    path = written(tmp_path / "youcookii_annotations_trainval.json", YOUCOOK2)
    assert len(read_youcook2(tmp_path)) == 2
    (video,) = read_youcook2(path, "training").values()
    assert video.duration == 311.77
    assert video.events[0] == (Span(41, 54), "place the bacon on a pan")
    assert "V53XmPeyjIU" in read_youcook2(path, "validation")
    assert "there are training, validation" in one_line(read_youcook2, path, "testing")
    broken = json.loads(json.dumps(YOUCOOK2))
    broken["database"]["V53XmPeyjIU"]["annotations"][0]["segment"] = "58"
    written(path, broken)
    assert "V53XmPeyjIU: annotation 0: got" in one_line(read_youcook2, path)
    written(path, {"data": {}})
    assert "database: got null" in one_line(read_youcook2, path)


def test_charades_sta(tmp_path: Path) -> None:
    path = written(tmp_path / "charades_sta_train.txt", CHARADES)
    lengths = written(
        tmp_path / "Charades_v1_train.csv", 'id,script,length\nAO8RW,"a, b",33.67\nY6R7T,c,30\n'
    )
    videos = read_charades(path, lengths)
    assert list(videos) == ["AO8RW", "Y6R7T"]
    assert videos["AO8RW"].duration == 33.67
    assert videos["AO8RW"].events[1] == (Span(1.0, 3.5), "another person leaves.")
    assert read_charades(path)["Y6R7T"].duration is None
    written(path, CHARADES + "AO8RW 1.0##no end\n")
    assert "line 5: got 'AO8RW 1.0##no end'" in one_line(read_charades, path)
    written(lengths, "id,length\nAO8RW,long\n")
    assert "line 2: got length 'long'" in one_line(read_lengths, lengths)
    written(lengths, "name\n")
    assert "expected id and length" in one_line(read_lengths, lengths)


def test_features_in_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "c3d.hdf5"
    rows = np.random.default_rng(0).normal(size=(21, 500)).astype(np.float32)
    with h5py.File(path, "w") as file:
        file["v_a/c3d_features"] = rows
        file["v_b/other"] = rows
        file["v_c"] = rows[:3]
        file["v_d/c3d_features"] = rows[0]
        file["v_e/c3d_features"] = rows[:, :7]
    features = FeatureFile(path)
    assert features.dim == 500
    assert features.rate == 1.875
    assert "v_a" in features
    assert "v_z" not in features
    read = features.of("v_a")
    np.testing.assert_array_equal(read.values.numpy(), rows[::2])
    assert read.span == Span(0, 11 / 1.875)
    assert len(features.of("v_a", Span(1.0, 3.0))) == 4
    assert len(pickle.loads(pickle.dumps(features)).of("v_c")) == 2
    assert FeatureFile(path, stride=1, key="other").of("v_b").rate == 3.75
    assert "v_b: has other, expected 'c3d_features'" in one_line(features.of, "v_b")
    assert "did you mean 'v_a'" in one_line(features.of, "v_aa")
    assert "expected [n, dim]" in one_line(features.of, "v_d")
    assert "got vectors of 7 numbers, expected 500 as of others" in one_line(features.of, "v_e")
    written(tmp_path / "text", "hello")
    assert "not an HDF5 file" in one_line(FeatureFile(tmp_path / "text").of, "v_a")
    assert "stride at least 1" in one_line(FeatureFile, path, 1.0, 0)
