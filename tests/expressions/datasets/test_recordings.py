"""Readers of the published sets of faces, and of one's own clips."""

from __future__ import annotations

import csv
import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sensorium import media
from sensorium.expressions.datasets.ck_plus import read_ck_plus, read_units
from sensorium.expressions.datasets.clips import read_clips
from sensorium.expressions.datasets.mmi import read_mmi
from sensorium.expressions.datasets.mug import read_mug
from sensorium.expressions.datasets.oulu_casia import read_oulu_casia
from sensorium.expressions.datasets.recordings import (
    Recording,
    in_order,
    of_split,
    with_splits,
)

_spec = importlib.util.spec_from_file_location(
    "recorded_faces", Path(__file__).with_name("recorded_faces.py")
)
assert _spec is not None
assert _spec.loader is not None
faces = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(faces)

# --- splits ---------------------------------------------------------------------------------------


def row(clip: str, subject: str, split: str = "") -> Recording:
    return Recording("x", clip, subject, "happy", (Path("a"), Path("b")), split=split)


def test_nobody_is_in_two_splits() -> None:
    rows = with_splits(row(f"{s}-{k}", f"s{s}") for s in range(100) for k in range(3))
    parts = {r.subject: set() for r in rows}
    for r in rows:
        parts[r.subject].add(r.split)
    assert all(len(splits) == 1 for splits in parts.values())
    counts = [sum(r.split == s for r in rows) // 3 for s in ("train", "val", "test")]
    assert counts[0] > 65
    assert min(counts[1:]) > 3


def test_other_subjects_move_nobody() -> None:
    many = with_splits(row(str(k), f"s{k}") for k in range(60))
    few = with_splits(row(str(k), f"s{k}") for k in range(0, 60, 2))
    splits = {r.subject: r.split for r in many}
    assert all(splits[r.subject] == r.split for r in few)
    assert {r.subject for r in with_splits(reversed(many), seed=1)} == set(splits)


@pytest.mark.parametrize("count", [3, 4, 7])
def test_few_subjects_are_in_every_split(count: int) -> None:
    for first in range(8):
        rows = with_splits(row(str(k), f"p{first}-{k}") for k in range(count))
        assert {r.split for r in rows} == {"train", "val", "test"}


def test_published_splits_are_kept() -> None:
    rows = [row(str(k), f"s{k}", "train" if k < 40 else "test") for k in range(50)]
    found = with_splits(rows)
    assert [r.split for r in found[40:]] == ["test"] * 10
    assert {r.split for r in found[:40]} == {"train", "val"}
    with pytest.raises(
        ValueError, match="x b: s is in train and in test; a subject belongs to one"
    ):
        with_splits([row("a", "s", "train"), row("b", "s", "test")])
    only = [row("a", "s", "train"), row("b", "t", "val")]
    assert [r.clip for r in of_split(only, "test")] == ["b"]


# --- CK+ ------------------------------------------------------------------------------------------


def test_ck_plus_is_read_by_its_four_trees(tmp_path: Path) -> None:
    found = read_ck_plus(faces.ck_plus(tmp_path / "CK+", 2))
    assert len(found) == 8  # four labelled sequences of two people
    first = found[0]
    assert first.clip == "S005/001"
    assert first.subject == "ck-plus/S005"
    assert first.expression == "angry"
    names = [path.name for path in first.frames]
    assert names == sorted(names)
    assert names[0] == "S005_001_00000003.png"
    assert (first.neutral, first.apex) == (0, 5)
    assert first.units == ((12, 4.0), (25, 0.0))
    assert [p.name for p in first.marks[:1]] == ["S005_001_00000003_landmarks.txt"]
    assert {r.expression for r in found} == set(faces.CODES)
    picture = first.pictures([0])[0]
    assert picture.shape == (3, 96, 128)
    assert torch.equal(picture[0], picture[2])  # grey becomes RGB
    assert "agreement" in first.terms


def test_ck_plus_wherever_its_archives_were_unpacked(tmp_path: Path) -> None:
    root = faces.ck_plus(tmp_path / "a", 1)
    deeper = tmp_path / "b"
    deeper.mkdir()
    (root / "cohn-kanade-images").rename(deeper / "inner")
    (deeper / "extended-cohn-kanade-images").mkdir()
    (deeper / "inner").rename(deeper / "extended-cohn-kanade-images" / "cohn-kanade-images")
    (root / "Emotion_labels" / "Emotion").rename(deeper / "Emotion")
    found = read_ck_plus(deeper)
    assert len(found) == 4
    assert found[0].marks == ()
    assert found[0].units == ()


def test_ck_plus_labels_of_another_kind(tmp_path: Path) -> None:
    root = faces.ck_plus(tmp_path, 1)
    label = min((root / "Emotion_labels").rglob("*_emotion.txt"))
    for text, said in (
        ("", "got '', expected one number from 0 to 7"),
        (faces.scientific((8,)), r"got '8.0000000e\+00', expected one number"),
        (faces.scientific((2.5,)), "expected one number from 0 to 7"),
        ("nan", "got 'nan'"),
        ("\x00\x01", "expected one number"),
    ):
        label.write_text(text)
        with pytest.raises(ValueError, match=f"{label.name}: .*{said}"):
            read_ck_plus(root)
    label.write_text(faces.scientific((0,)))  # neutral is no expression
    assert len(read_ck_plus(root)) == 3


def test_ck_plus_without_its_pictures(tmp_path: Path) -> None:
    root = faces.ck_plus(tmp_path / "a", 1)
    shutil.rmtree(root / "cohn-kanade-images" / "S005" / "002")
    with pytest.raises(ValueError, match=r"002: 0 pictures, expected a sequence; S005_002_"):
        read_ck_plus(root)
    shutil.rmtree(root / "cohn-kanade-images")
    with pytest.raises(ValueError, match="no folder 'cohn-kanade-images' with S005"):
        read_ck_plus(root)
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        read_ck_plus(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"no data folder; set --data.root"):
        read_ck_plus(None)


def test_a_missing_landmark_file_leaves_the_clip_without(tmp_path: Path) -> None:
    root = faces.ck_plus(tmp_path, 1)
    min((root / "Landmarks").rglob("*_landmarks.txt")).unlink()
    assert sorted(bool(r.marks) for r in read_ck_plus(root)) == [False, True, True, True]


def test_action_units_are_pairs(tmp_path: Path) -> None:
    path = tmp_path / "x_facs.txt"
    path.write_text(faces.scientific((1, 2), (27, 5)) + "\n")
    assert read_units(path) == ((1, 2.0), (27, 5.0))
    path.write_text("12 four\n")
    with pytest.raises(ValueError, match="line 1: got '12 four', expected an action unit"):
        read_units(path)


# --- Oulu-CASIA, MUG, MMI -------------------------------------------------------------------------


def test_oulu_casia_goes_from_neutral_to_the_peak(tmp_path: Path) -> None:
    root = faces.oulu_casia(tmp_path)
    found = read_oulu_casia(root)
    assert len(found) == 16
    assert found[0].clip == "VL/Strong/P001/Anger"
    assert found[0].subject == "oulu-casia/P001"
    assert (found[0].expression, found[0].apex) == ("angry", 5)
    assert len(read_oulu_casia(root / "OriginalImg" / "VL", "Strong")) == 16
    with pytest.raises(ValueError, match="no folder 'NI/Weak' in it; there are NI/Dark, VL/Strong"):
        read_oulu_casia(root, "NI/Weak")
    with pytest.raises(ValueError, match=r"Anger: 0 pictures, expected a clip"):
        read_oulu_casia(root, "NI/Dark")


def test_mug_with_and_without_its_doubled_level(tmp_path: Path) -> None:
    found = read_mug(faces.mug(tmp_path))
    assert len(found) == 12  # neutral takes are left out
    assert {r.subject for r in found} == {f"mug/{k:03d}" for k in range(1, 5)}
    assert found[3].clip == "002/002/anger/take000"
    assert found[0].apex is None
    assert len(read_mug(tmp_path / "subjects3")) == 12
    with pytest.raises(ValueError, match="no takes in it"):
        read_mug(tmp_path / "subjects3" / "001")


MARKERS = """<?xml version="1.0" encoding="UTF-8"?>
<AUcoding><ActionUnit Number="12"><Marker Frame="1" Type="0"/><Marker Frame="3" Type="0"/>
<Marker Frame="4" Type="1"/><Marker Frame="6" Type="2"/><Marker Frame="9" Type="3"/></ActionUnit>
<ActionUnit Number="6"><Marker Frame="2" Type="0"/><Marker Frame="8" Type="2"/>
<Marker Frame="11" Type="0"/></ActionUnit></AUcoding>"""


def session(
    top: Path, number: int, emotion: str | None, view: str = "0", markers: str | None = MARKERS
) -> Path:
    folder = top / "Sessions" / str(number)
    folder.mkdir(parents=True)
    (folder / "session.xml").write_text(
        f'<session sessionId="{number}"><subject id="{number // 10}"/>'
        f'<track view="{view}"/></session>'
    )
    stem = f"S{number:03d}-001"
    shown = faces.sitting(number, "happy")
    pixels = np.stack(
        [faces.frame(shown, k)[..., ::-1] for k in [0, 0, 0, 1, 2, 3, 4, 5, 5, 3, 1, 0]]
    )
    frames = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
    media.write(folder / f"{stem}.mp4", frames, 24.0)
    if emotion is not None:
        (folder / f"{stem}.xml").write_text(
            f'<FileInfo><Metatag Name="Type" Value="1"/><Metatag Name="Emotion" Value="{emotion}"/>'
            "</FileInfo>"
        )
    if markers is not None:
        (folder / f"{stem}-oao_aucs.xml").write_text(markers)
    return folder


def test_mmi_sessions_with_an_emotion_from_the_front(tmp_path: Path) -> None:
    session(tmp_path, 11, "4")
    session(tmp_path, 12, "6", markers=None)
    session(tmp_path, 13, None)
    session(tmp_path, 14, "4", view="2")
    session(tmp_path, 15, "Happiness")
    found = read_mmi(tmp_path)
    assert [r.clip for r in found] == ["11", "12", "15"]
    assert [r.expression for r in found] == ["happy", "surprised", "happy"]
    assert {r.subject for r in found} == {"mmi/1"}
    assert (found[0].neutral, found[0].apex) == (2, 6)  # frames are counted from 1 in the file
    assert (found[1].neutral, found[1].apex) == (0, None)
    assert found[0].count() == 12
    assert found[0].pictures([3])[0].shape == (3, 96, 128)
    frames = list(in_order(found[0]))
    assert len(frames) == 12
    assert torch.equal(frames[5], found[0].pictures([5])[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<a>", "not XML"),
        (MARKERS[:80], "not XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "refused: too large, or it defines entities"),
        (MARKERS.replace('"6" Type', '"six" Type'), "a marker at frame 'six'"),
        (MARKERS.replace('"6" Type', '"0" Type'), "a marker at frame '0'"),
    ],
)
def test_mmi_files_of_another_kind(tmp_path: Path, text: str, said: str) -> None:
    session(tmp_path, 11, "4", markers=text)
    with pytest.raises(ValueError, match=f"oao_aucs.xml: {said}") as caught:
        read_mmi(tmp_path)
    assert "\n" not in str(caught.value)


def test_mmi_without_any_emotion(tmp_path: Path) -> None:
    session(tmp_path, 13, None)
    with pytest.raises(ValueError, match="1 sessions, none with a film from the front"):
        read_mmi(tmp_path)


# --- clips ----------------------------------------------------------------------------------------


def clip(folder: Path, person: int, expression: str) -> Path:
    shown = faces.sitting(person, expression)
    for k in range(len(shown)):
        faces.save(folder / f"{k + 1:04d}.jpg", faces.frame(shown, k))
    return folder


def table(root: Path, rows: list[dict[str, str]]) -> Path:
    names = list(dict.fromkeys(name for r in rows for name in r))
    with (root / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return root


def test_clips_by_a_table(tmp_path: Path) -> None:
    clip(tmp_path / "a" / "one", 1, "happy")
    clip(tmp_path / "two", 2, "angry")
    media.write(tmp_path / "film.mp4", torch.zeros(8, 3, 64, 64, dtype=torch.uint8), 10.0)
    rows = [
        {"clip": "a/one", "subject": "ann", "expression": "Happiness", "neutral": "1", "apex": "4"},
        {"clip": "two", "subject": "bob", "expression": "anger"},
        {"clip": "film.mp4", "subject": "ann", "expression": "wink"},
    ]
    found = read_clips(table(tmp_path, rows))
    assert [(r.expression, r.neutral, r.apex) for r in found] == [
        ("happy", 1, 4),
        ("angry", 0, 5),
        ("wink", 0, None),
    ]
    assert [r.subject for r in found] == ["clips/ann", "clips/bob", "clips/ann"]
    assert found[2].film


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clip": "../two"}, "leads out of the data folder"),
        ({"clip": "/etc"}, "leads out of the data folder"),
        ({"clip": "none"}, "is neither a film nor a folder of pictures"),
        ({"subject": ""}, "line 2: no subject"),
        ({"split": "training"}, "split 'training', expected train, val, test or nothing"),
        ({"apex": "6"}, "neutral 0 and apex 6, expected neutral < apex < 6 frames"),
        ({"neutral": "5"}, "neutral 5 and apex 5"),
        ({"apex": "-1"}, "apex '-1', expected the number of a frame"),
    ],
)
def test_tables_that_do_not_fit(tmp_path: Path, change: dict[str, str], said: str) -> None:
    clip(tmp_path / "two", 2, "angry")
    good = {"clip": "two", "subject": "bob", "expression": "anger"}
    with pytest.raises(ValueError, match=said):
        read_clips(table(tmp_path, [good | change]))


def test_a_table_without_its_columns(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no column 'expression'"):
        read_clips(table(tmp_path, [{"clip": "two", "subject": "bob"}]))
    (tmp_path / "labels.csv").write_text("clip,subject,expression\n" + "a" * 200_000)
    with pytest.raises(ValueError, match=r"labels.csv: not a table"):
        read_clips(tmp_path)
    (tmp_path / "labels.csv").write_text("clip,subject,expression\n")
    with pytest.raises(ValueError, match="lists no clips"):
        read_clips(tmp_path)


def test_clips_by_folders(tmp_path: Path) -> None:
    for name, expression in (("happy", "happy"), ("anger", "angry")):
        for k in range(2):
            clip(tmp_path / name / f"take{k}", k, expression)
    found = read_clips(tmp_path)
    assert [(r.clip, r.expression) for r in found][:2] == [
        ("anger/take0", "angry"),
        ("anger/take1", "angry"),
    ]
    assert len({r.subject for r in found}) == 4
    with pytest.raises(ValueError, match=r"no clips found; expected labels.csv"):
        read_clips(tmp_path / "happy" / "take0")


def test_clips_as_affinegan_has_them(tmp_path: Path) -> None:
    root = tmp_path / "happy"
    for split in ("train", "test"):
        clip(root / split / "img" / "ann", 1, "happy")
    faces.save(root / "train" / "patch" / "ann" / "0002.jpg", np.full((96, 128), 255, np.uint8))
    found = read_clips(root)
    assert [(r.clip, r.split, r.expression) for r in found] == [
        ("train/ann", "train", "happy"),
        ("test/ann", "test", "happy"),
    ]
    assert [path.is_file() for path in found[0].mouths[:3]] == [False, True, False]
    assert found[1].mouths == ()
    assert [r.clip for r in read_clips(tmp_path)] == ["happy/train/ann", "happy/test/ann"]
    root.rename(tmp_path / "mine")
    with pytest.raises(ValueError, match="which expression do its clips show"):
        read_clips(tmp_path / "mine")
    assert read_clips(tmp_path / "mine", ("winking",))[0].expression == "winking"


def test_a_recording_reads_what_it_is_asked_for(tmp_path: Path) -> None:
    folder = clip(tmp_path / "one", 1, "happy")
    recording = Recording("x", "one", "s", "happy", tuple(sorted(folder.iterdir())))
    second, first = recording.pictures([1, 0])
    assert not torch.equal(second, first)
    broken = replace(recording, frames=(tmp_path / "nothing.jpg",))
    with pytest.raises(media.MediaError, match=r"nothing.jpg: no such file"):
        broken.pictures([0])
