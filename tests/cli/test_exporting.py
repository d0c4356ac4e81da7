import pytest

from sensorium import media
from sensorium.export import OnnxActions
from sensorium.store import load


def test_the_file_answers_as_the_system_does(run, system, video, tmp_path):
    path = tmp_path / "both.onnx"
    ran = run("export", system, "--to", "onnx", "--out", path, "--json")
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert record["path"] == str(path)
    assert record["largest_error"] < 1e-4
    theirs = OnnxActions(path).predict(media.read(video))
    ours = load(system).predict(media.read(video))
    assert theirs.scores == pytest.approx(ours.scores, abs=1e-4)


def test_eight_bits_are_calibrated_on_a_folder(run, system, videos, tmp_path):
    words = ("--int8", "--calibration", videos, "--max-drop", "1", "--out", tmp_path / "small.onnx")
    ran = run("export", system, *words)
    assert ran.code == 0
    for part in ("small.onnx", "8-bit convolutions", "same best class", "small.md"):
        assert part in ran.out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--streaming"], "direction='past'"),
        (["--int8"], "--calibration"),
        (["--out", "x.pt"], ".onnx"),
    ],
)
def test_what_cannot_be_is_one_line(run, system, tmp_path, monkeypatch, words, part):
    monkeypatch.chdir(tmp_path)
    ran = run("export", system, *words)
    assert (ran.code, ran.out) == (1, "")
    assert part in ran.complaint
    assert list(tmp_path.iterdir()) == []


def test_a_stream_takes_one_frame(run, online, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = run("export", online, "--streaming", "--json")
    assert ran.code == 0
    assert (tmp_path / "past.onnx").exists()
    assert ran.records[0]["form"] == "stream"
