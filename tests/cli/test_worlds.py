import json
from pathlib import Path

from sensorium import media


def test_perform_writes_what_it_lists(run, tmp_path):
    words = ("--seconds", "4", "--height", "48", "--width", "64", "--fps", "4")
    ran = run("perform", "--seed", "7", *words, "--out", tmp_path / "a", "--json")
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert (record["seed"], record["seconds"]) == (7, 4.0)
    video = media.read(record["file"]).need_video()
    assert (video.height, video.width, video.fps) == (48, 64, 4)
    truth = json.loads((tmp_path / "a" / "truth.json").read_text())
    assert truth["seed"] == 7
    assert str(tmp_path / "a" / "truth.json") in record["paths"]

    again = run("perform", "--seed", "7", *words, "--out", tmp_path / "b")
    assert str(tmp_path / "b" / "stage.mp4") in again.out.splitlines()
    assert (tmp_path / "b" / "stage.mp4").read_bytes() == (
        tmp_path / "a" / "stage.mp4"
    ).read_bytes()


def test_a_length_that_cannot_be_is_one_line(run, tmp_path):
    ran = run("perform", "--seconds", "-3", "--out", tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert "-3" in ran.complaint


def test_build_writes_what_it_lists(run, tmp_path):
    words = ("--scenes", "2", "--height", "48", "--width", "64", "--questions", "3")
    ran = run("build", "--seed", "7", *words, "--out", tmp_path / "a", "--json")
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert (record["seed"], record["scenes"], record["questions"]) == (7, 2, 6)
    pictures, scenes, questions = map(Path, record["paths"])
    assert record["file"] == str(scenes)
    assert len(list(pictures.glob("CLEVR_val_*.png"))) == 2
    assert len(json.loads(scenes.read_text())["scenes"]) == 2
    assert len(json.loads(questions.read_text())["questions"]) == 6

    shown = run("build", "--seed", "7", *words, "--out", tmp_path / "b", "--masks")
    assert str(tmp_path / "b" / "scenes" / "CLEVR_val_scenes.json") in shown.out.splitlines()
    names = [p.name for p in (tmp_path / "b" / "images" / "val").iterdir()]
    for name in names:
        twin = tmp_path / "a" / "images" / "val" / name
        assert (tmp_path / "b" / "images" / "val" / name).read_bytes() == twin.read_bytes()


def test_build_does_not_mix_with_what_is_there(run, tmp_path):
    words = ("build", "--scenes", "1", "--height", "48", "--width", "64", "--out", tmp_path)
    assert run(*words).code == 0
    ran = run(*words, "--seed", "8")
    assert (ran.code, ran.out) == (1, "")
    assert "is there already" in ran.complaint
    assert run(*words, "--split", "train", "--condition", "B").code == 0
