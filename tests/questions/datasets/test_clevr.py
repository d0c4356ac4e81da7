"""CLEVR and CLEVR-CoGenT by their layout, which is also that of `sensorium build`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sensorium.questions.datasets.clevr import read_clevr
from sensorium.questions.datasets.cogent import read_cogent
from sensorium.questions.datasets.question_table import tabled
from sensorium.questions.executor import execute
from sensorium.worlds.blocks.building import Plan, build


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("clevr") / "CLEVR_v1.0"
    build(Plan(1, 3, "val", 80, 120, questions=4), made)
    build(Plan(1, 2, "train", 80, 120, questions=2), made)
    return made


@pytest.fixture(scope="module")
def cogent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cogent") / "CLEVR_CoGenT_v1.0"
    for split, condition in (("train", "A"), ("val", "A"), ("val", "B")):
        build(Plan(2, 3, split, 80, 120, questions=2, condition=condition), made)
    return made


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def told(*words: object, **named: object) -> str:
    """The one line of an error."""
    with pytest.raises(ValueError, match=".") as error:
        read_clevr(*words, **named)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_questions_come_with_their_pictures_and_scenes(folder: Path) -> None:
    for given in (folder, folder.parent):
        split = read_clevr(given, "val")
        assert len(split) == len(list(split)) == 12
        for asked in split:
            assert asked.picture.is_file()
            assert asked.picture.parent == folder / "images" / "val"
            assert asked.scene.index == asked.question.image
            found = execute(asked.question.program, asked.scene.items, strict=True)
            assert found.answer == asked.question.answer
    assert len(read_clevr(folder, "val", count=5)) == 5
    assert {a.question.text for a in read_clevr(folder, "train")} != {
        a.question.text for a in split
    }


def test_a_split_becomes_a_table(folder: Path) -> None:
    split = read_clevr(folder, "val", count=7)
    asked, scenes = split.with_places()
    table = tabled(asked, scenes)
    assert len(table) == 7
    assert len(table.counts) == len(scenes) == 2
    for number, (place, question) in enumerate(asked):
        assert scenes[place] == split.scenes[question.image].items
        assert table.counts[table.scenes[number]] == len(scenes[place])


def test_the_test_split_has_no_truth(copy: Path) -> None:
    """As published: no scenes, answers or programs, and no file names in some copies."""
    path = copy / "questions" / "CLEVR_test_questions.json"
    entry = {"split": "test", "image_index": 7, "question": "How many cubes are there?"}
    path.write_text(json.dumps({"info": {}, "questions": [entry]}))
    split = read_clevr(copy, "test")
    (asked,) = split
    assert (asked.question.answer, asked.question.program, asked.scene) == ("", (), None)
    assert asked.picture == copy / "images" / "test" / "CLEVR_test_000007.png"
    with pytest.raises(ValueError, match="this split has no scenes; choose train or val"):
        split.with_places()


def test_what_is_missing_is_told(folder: Path, copy: Path, tmp_path: Path) -> None:
    assert "no such folder; give the unpacked CLEVR_v1.0" in told(tmp_path / "nowhere", "val")
    a_file = folder / "questions" / "CLEVR_val_questions.json"
    assert "is a file; give the unpacked CLEVR_v1.0" in told(a_file, "val")
    assert "has no folder 'questions'" in told(folder / "images", "val")
    assert "no such file; there are questions of train, val" in told(folder, "test")
    path = copy / "scenes" / "CLEVR_val_scenes.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({"scenes": content["scenes"][:1]}))
    assert "has no scene of picture 1, about which question 4 asks" in told(copy, "val")
    path.write_text(json.dumps({"scenes": content["scenes"][:1] * 2}))
    assert "picture 0 has two scenes" in told(copy, "val")
    del content["scenes"][2]["objects"][0]["color"]
    path.write_text(json.dumps(content))
    assert "scene 2, object 0: has no 'color'" in told(copy, "val")
    path.write_text(path.read_text()[:500])
    assert "is not JSON" in told(copy, "val")


def test_cogent_has_its_conditions(cogent: Path) -> None:
    for split in ("trainA", "valA", "valB"):
        for given in (cogent, cogent.parent):
            read = read_cogent(given, split)
            assert len(read) == 6
            assert all(asked.picture.is_file() for asked in read)
    cubes = {
        block.color
        for scene in read_cogent(cogent, "valB").scenes.values()
        for block in scene.blocks
        if block.shape == "cube"
    }
    assert cubes <= {"red", "green", "purple", "cyan"}
    with pytest.raises(ValueError, match="CLEVR-CoGenT has no split 'valC'; did you mean 'val"):
        read_cogent(cogent, "valC")
    with pytest.raises(ValueError, match="no such file; there are questions of trainA, valA, valB"):
        read_cogent(cogent, "testA")


def test_other_blocks_are_not_cogent(cogent: Path, tmp_path: Path) -> None:
    made = Path(shutil.copytree(cogent, tmp_path / "mixed"))
    for kind in ("scenes", "questions"):
        shutil.copy(
            made / kind / f"CLEVR_valB_{kind}.json", made / kind / f"CLEVR_valA_{kind}.json"
        )
    with pytest.raises(ValueError, match="of valA has a .*, which condition A does not; is it CLE"):
        read_cogent(made, "valA")
