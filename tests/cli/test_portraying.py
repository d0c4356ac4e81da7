import json

from sensorium import media


def test_portray_writes_what_it_lists(run, tmp_path):
    words = ("--frames", "3", "--size", "48", "--expression", "happy")
    ran = run("portray", "--seed", "7", *words, "--out", tmp_path / "a", "--json")
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert (record["seed"], record["expression"], record["frames"]) == (7, "happy", 3)
    video = media.read(record["file"]).need_video()
    assert (video.height, video.width, len(video.times())) == (48, 48, 3)
    truth = tmp_path / "a" / "truth.json"
    assert str(truth) in record["paths"]
    assert len(json.loads(truth.read_text())["frames"][0]["landmarks"]) == 68

    shown = run("portray", "--seed", "7", *words, "--out", tmp_path / "b", "--onset-only")
    assert str(tmp_path / "b" / "portrait.mp4") in shown.out.splitlines()
    assert str(tmp_path / "b" / "expressions.png") in shown.out.splitlines()


def test_what_cannot_be_portrayed_is_one_line(run, tmp_path):
    for words, word in (
        (("--expression", "hapy"), "did you mean 'happy'"),
        (("--frames", "1"), "got 1"),
        (("--size", "4000"), "got 4000"),
    ):
        ran = run("portray", *words, "--out", tmp_path / "x")
        assert (ran.code, ran.out) == (1, "")
        assert word in ran.complaint
    assert not (tmp_path / "x").exists()
