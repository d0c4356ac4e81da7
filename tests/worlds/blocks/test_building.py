import json

import cv2
import numpy as np
import pytest

from sensorium.worlds.blocks.building import Plan, build
from sensorium.worlds.blocks.placing import COGENT_A, place
from sensorium.worlds.blocks.question_json import read_questions
from sensorium.worlds.blocks.rendering import render
from sensorium.worlds.blocks.scene_json import read_masks, read_scenes

SMALL = {"height": 64, "width": 96}


def test_files_are_laid_out_and_named_as_clevrs(tmp_path):
    shares = []
    built = build(Plan(7, 3, questions=4, masks=True, **SMALL), tmp_path, shares.append)
    files = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*"))
    assert files == [
        *(f"images/val/CLEVR_val_00000{k}.png" for k in range(3)),
        "questions/CLEVR_val_questions.json",
        "scenes/CLEVR_val_scenes.json",
    ]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    scenes = read_scenes(built.scenes)
    questions = read_questions(built.questions)
    assert built.count == len(questions) == 12
    assert [q.image for q in questions] == [0] * 4 + [1] * 4 + [2] * 4
    for scene, masks in zip(scenes, read_masks(built.scenes), strict=True):
        picture = render(scene, 64, 96)
        written = cv2.imread(str(built.pictures / scene.filename))
        assert (written[..., ::-1] == picture.pixels).all()
        assert (masks == picture.masks()).all()
        again = place(scene.seed, height=64, width=96)
        assert [b.coords for b in again.blocks] == [b.coords for b in scene.blocks]


def test_the_same_seed_gives_the_same_files(tmp_path):
    plan = Plan(1, 2, questions=3, **SMALL)
    one, two = (build(plan, tmp_path / name) for name in "ab")
    for a, b in ((one.scenes, two.scenes), (one.questions, two.questions)):
        first, second = (json.loads(path.read_text()) for path in (a, b))
        assert first["info"].pop("date")
        second["info"].pop("date")
        assert first == second
    other = build(Plan(2, 2, questions=3, **SMALL), tmp_path / "c")
    assert read_scenes(one.scenes)[0].blocks != read_scenes(other.scenes)[0].blocks


def test_splits_and_conditions_share_a_folder_and_no_scene(tmp_path):
    plans = [
        Plan(3, 2, "train", questions=0, **SMALL),
        Plan(3, 2, "test", questions=0, **SMALL),
        Plan(3, 8, "val", questions=0, condition="A", **SMALL),
    ]
    found = [read_scenes(build(plan, tmp_path).scenes) for plan in plans]
    assert len({s.seed for of_one in found for s in of_one}) == 12
    assert (tmp_path / "images" / "valA" / "CLEVR_valA_000007.png").exists()
    assert not (tmp_path / "questions").exists()
    for block in (b for scene in found[2] for b in scene.blocks):
        assert block.color in COGENT_A[block.shape]


def test_a_folder_that_holds_the_split_is_left_alone(tmp_path):
    build(Plan(0, 1, questions=0, **SMALL), tmp_path)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.*")}
    with pytest.raises(ValueError, match="is there already; take another folder"):
        build(Plan(1, 1, questions=2, **SMALL), tmp_path)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.*")} == before
    assert np.array_equal(sorted(p.name for p in tmp_path.iterdir()), ["images", "scenes"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scenes": 0}, "scenes must be 1 to 1000000, got 0"),
        ({"questions": -1}, "questions must be 0 or more per scene, got -1"),
        ({"condition": "C"}, "condition must be one of A, B, got 'C'"),
        ({"split": "dev"}, "split must be one of train, val, test, got 'dev'"),
        ({"height": 0}, "at least 1x1"),
        ({"height": 1}, "do not fit into a picture of 1x96"),
    ],
)
def test_a_plan_that_cannot_be_is_one_line(wrong, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        build(Plan(**{"seed": 0, "scenes": 1, **SMALL, **wrong}), tmp_path)
    assert list(tmp_path.iterdir()) == []
