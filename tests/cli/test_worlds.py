import json

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
