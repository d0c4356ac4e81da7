import math

import pytest

from sensorium.sounds.checking import check
from sensorium.sounds.datasets.kinds import read_listing


def found(data, window=1.0, **how):
    """Findings by uid."""
    return {f.item.uid: f for f in check(read_listing(data, **how), window, workers=1)}


def kinds(finding):
    return [problem.kind for problem in finding.problems]


def only(finding):
    (problem,) = finding.problems
    return problem


def test_a_good_film_has_no_problem(make, tmp_path):
    make.film("cello/a.mp4", 2.0)
    finding = found(tmp_path)["cello/a"]
    assert finding.problems == ()
    assert finding.seconds == pytest.approx(2.0, abs=0.1)
    assert finding.peak_db == pytest.approx(20 * math.log10(0.3), abs=1.0)


def test_what_is_missing_is_named(make, tmp_path):
    make.film("a.mp4", 1.5)
    make.text("list.csv", "uid,class,video_path", "a,cello,a.mp4", "b,cello,gone/b.mp4")
    findings = found(tmp_path / "list.csv")
    assert kinds(findings["a"]) == []
    assert only(findings["b"]).kind == "missing"
    assert "gone/b.mp4" in only(findings["b"]).text
    assert findings["b"].peak_db is None


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\0" * 5000])
def test_what_is_no_film_is_unreadable_in_one_line(make, tmp_path, content):
    make.film("cello/a.mp4", 1.5)
    (tmp_path / "cello/bad.mp4").write_bytes(content)
    problem = only(found(tmp_path)["cello/bad"])
    assert problem.kind == "unreadable"
    assert "bad.mp4" in problem.text
    assert "\n" not in problem.text


def test_a_film_without_sound_is_unreadable(make, tmp_path):
    make.film("cello/mute.mp4", 1.5, sounding=0)
    assert only(found(tmp_path)["cello/mute"]).kind == "unreadable"


def test_a_film_that_was_cut_off_is_told(make, tmp_path):
    film = make.film("cello/a.mp4", 4.0, size=(96, 128))
    cut = tmp_path / "cello/cut.mp4"
    cut.write_bytes(film.read_bytes()[: film.stat().st_size * 6 // 10])
    findings = found(tmp_path)
    assert kinds(findings["cello/a"]) == []
    assert {"unreadable", "damaged"} & set(kinds(findings["cello/cut"]))


def test_silence_and_whispers_are_told_apart_from_sound(make, tmp_path):
    make.film("cello/zero.mp4", 1.5, level=0.0)
    make.film("cello/soft.mp4", 1.5, level=3e-2)
    findings = found(tmp_path)
    assert only(findings["cello/zero"]).kind == "silent"
    assert kinds(findings["cello/soft"]) == []


def test_shorter_than_a_window_is_short(make, tmp_path):
    make.film("cello/a.mp4", 1.0)
    assert only(found(tmp_path, window=1.5)["cello/a"]).kind == "short"
    assert kinds(found(tmp_path, window=0.5)["cello/a"]) == []
    make.film("cello/b.mp4", 0.125)  # one picture
    assert only(found(tmp_path, window=0.5)["cello/b"]).kind == "short"


def test_sound_that_ends_long_before_the_picture_is_out_of_step(make, tmp_path):
    make.film("cello/a.mp4", 4.0, sounding=2.0)
    problem = only(found(tmp_path)["cello/a"])
    assert problem.kind == "out of step"
    assert "4.00 s of pictures, 2.0" in problem.text


def test_a_wrong_count_of_frames_is_out_of_step(make, tmp_path):
    make.sound("data/audio/cello/x.wav", 2.0)
    make.frames("data/frames/cello/x.mp4", 16)
    path = make.text("train.csv", "data/audio/cello/x.wav,data/frames/cello/x.mp4,30")
    problem = only(found(path)["cello/x"])
    assert (problem.kind, problem.text) == ("out of step", "30 pictures are listed, 16 are there")


def test_frames_of_another_rate_are_told_with_what_to_try(make):
    make.sound("data/audio/cello/x.wav", 8.0)
    make.frames("data/frames/cello/x.mp4", 8)
    path = make.text("train.csv", "data/audio/cello/x.wav,data/frames/cello/x.mp4,8")
    problem = only(found(path)["cello/x"])
    assert problem.kind == "frame rate"
    assert "1.00 per second" in problem.text
    assert "--kind ccol" in problem.text
    assert kinds(found(path, kind="ccol")["cello/x"]) == []
    assert kinds(found(path, fps=1.0)["cello/x"]) == []


def test_a_picture_in_a_frame_folder_that_is_none(make, tmp_path):
    make.sound("x.wav", 2.0)
    folder = make.frames("x", 16)
    (folder / "000001.jpg").write_bytes(b"no picture")
    (folder / "000009.jpg").write_bytes(b"")
    make.text("list.csv", "uid,class,audio_path,frames_dir,fps", "x,cello,x.wav,x,8")
    assert set(kinds(found(tmp_path / "list.csv")["x"])) & {"unreadable", "damaged"}


def test_findings_come_in_the_order_of_the_list(make, tmp_path):
    rows = []
    for k in (3, 1, 2, 0):
        make.film(f"{k}.mp4", 0.5 + 0.5 * k)
        rows.append(f"{k},cello,{k}.mp4")
    path = make.text("list.csv", "uid,class,video_path", *rows)
    findings = list(check(read_listing(path), 0.1, workers=3))
    assert [f.item.uid for f in findings] == ["3", "1", "2", "0"]


def test_a_window_that_is_no_length_is_refused(make, tmp_path):
    make.film("cello/a.mp4", 0.5)
    with pytest.raises(ValueError, match="window must be 0 seconds or more"):
        list(check(read_listing(tmp_path), float("nan")))
