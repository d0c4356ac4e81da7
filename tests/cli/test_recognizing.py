import json

import pytest
import torch

from sensorium import media
from sensorium.actions.results import Actions
from sensorium.store import load


@pytest.fixture
def broken(tmp_path, video):
    """Files that cannot be recognised."""
    (tmp_path / "text.mp4").write_text("this is no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "half.mp4").write_bytes(video.read_bytes()[:300])
    (tmp_path / "folder").mkdir()
    names = ("text.mp4", "empty.mp4", "half.mp4", "folder", "missing.mp4")
    return [tmp_path / name for name in names]


def test_json_is_what_the_system_says(run, video, system):
    ran = run("recognize", video, "--system", system, "--json")
    expected = load(system).predict(media.read(video))
    assert isinstance(expected, Actions)
    assert (ran.code, ran.err) == (0, "")
    assert ran.records == [json.loads(json.dumps({**expected.to_dict(), "damage": []}))]
    assert list(ran.records[0])[:3] == ["file", "system", "out_of_domain"]


def test_the_table_shows_times_labels_and_scores(run, video, system):
    ran = run("recognize", video, "--system", system)
    assert ran.code == 0
    assert f"{video}  (both)" in ran.out
    for part in ("start", "end", "label", "score", "█"):
        assert part in ran.out
    (row,) = (line for line in ran.out.splitlines() if "0:01.00" in line)
    assert "left" in row or "right" in row


def test_a_bad_file_does_not_stop_the_others(run, videos, system, broken):
    good = sorted(videos.glob("*/0.mp4"))
    ran = run("recognize", good[0], *broken, good[1], "--system", system, "--json")
    assert ran.code == 1
    assert [r["file"] for r in ran.records] == [str(p) for p in (good[0], *broken, good[1])]
    failed = [r for r in ran.records if "error" in r]
    assert [r["file"] for r in failed] == [str(p) for p in broken]
    assert [set(r) for r in failed] == [{"file", "error"}] * len(broken)
    lines = ran.err.splitlines()
    assert lines == [f"error: {r['error']}" for r in failed] + [f"{len(broken)} of 7 failed"]


def test_an_unfamiliar_clip_is_not_asserted(run, video, system, monkeypatch):
    from dataclasses import replace

    from sensorium.actions.systems import TSMSystem

    predict = TSMSystem.predict
    monkeypatch.setattr(
        TSMSystem, "predict", lambda s, clip: replace(predict(s, clip), unfamiliarity=0.93)
    )
    ran = run("recognize", video, "--system", system)
    assert "NOT TO BE TRUSTED" in ran.out
    assert "0.93" in ran.out
    assert run("recognize", video, "--system", system, "--json").records[0]["out_of_domain"]


def test_damage_is_told(run, tmp_path, system):
    noise = torch.randint(0, 255, (24, 3, 32, 48), generator=torch.Generator().manual_seed(0))
    path = media.write(tmp_path / "scratched.mp4", noise.to(torch.uint8), 8.0)
    data = bytearray(path.read_bytes())
    third = len(data) // 3
    data[third : third + third // 2] = bytes(third // 2)
    path.write_bytes(data)
    ran = run("recognize", path, "--system", system, "--json")
    assert ran.code == 0
    (record,) = ran.records
    assert ran.err.splitlines() == [f"note: {path}: {problem}" for problem in record["damage"]]
    assert any("picture" in problem for problem in record["damage"])


def test_live_answers_every_frame(run, video, online):
    ran = run("recognize", "--live", video, "--system", online, "--json")
    assert (ran.code, ran.err) == (0, "")
    stream = load(online).stream()
    assert len(ran.records) == round(media.read(video).duration * stream.fps)
    for before, after in zip(ran.records, ran.records[1:], strict=False):
        assert before["end"] == after["start"]
    first = ran.records[0]
    keys = {"file", "system", "out_of_domain", "start", "end", "label", "score"}
    assert set(first) == keys
    frames = media.read(video).need_video().frames([0.5 / stream.fps])
    assert first["score"] == pytest.approx(stream(frames[0]).actions[0].score, abs=1e-3)


def test_live_prints_changes(run, video, online):
    ran = run("recognize", "--live", video, "--system", online)
    assert ran.code == 0
    assert "0:00.00" in ran.out
    assert "left" in ran.out or "right" in ran.out


def test_live_refuses_a_system_that_needs_the_future(run, video, system):
    ran = run("recognize", "--live", video, "--system", system)
    assert ran.code == 1
    assert "past" in ran.err


def test_live_without_a_camera_says_so(run, online):
    ran = run("recognize", "--live", "97", "--system", online)
    assert ran.code == 1
    assert "camera 97 gives no picture" in ran.err
