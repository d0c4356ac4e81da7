"""``sensorium prepare`` on small real films."""

import signal
import subprocess
import sys
import time

import pytest
import torch

from sensorium import media
from sensorium.sounds.datasets.prepared import Prepared

FAST = media.Encoding(preset="ultrafast", threads=1)


def film(path, seconds=1.0, size=(32, 48), fps=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = (torch.full((3, *size), 90, dtype=torch.uint8) for _ in range(round(fps * seconds)))
    tone = 0.3 * torch.sin(torch.arange(round(11025 * seconds)) * 0.25)[None]
    return media.write(path, frames, fps, audio=tone, rate=11025, encoding=FAST)


@pytest.fixture
def films(tmp_path):
    """Three films and one that is none."""
    for name in ("cello/a.mp4", "cello/b.mp4", "flute/c.mp4"):
        film(tmp_path / "films" / name)
    (tmp_path / "films/flute/broken.mp4").write_text("no film")
    return tmp_path / "films"


def test_failures_are_told_and_the_others_are_there(run, films, tmp_path):
    ran = run("prepare", films, "--out", tmp_path / "out", "--size", "16", "--json")
    assert ran.code == 1
    good = [record for record in ran.records if "error" not in record]
    keys = ["file", "uid", "label", "split", "seconds", "frames", "fps", "status", "skipped"]
    assert [list(record) for record in good] == [keys] * 3
    assert {record["uid"] for record in good} == {"cello/a", "cello/b", "flute/c"}
    (bad,) = (record for record in ran.records if "error" in record)
    assert bad["file"].endswith("broken.mp4")
    assert bad["error"].startswith("failed: ")
    lines = ran.err.splitlines()
    assert lines[0].startswith("error: flute/broken: failed: ")
    assert lines[1:] == ["1 of 4 failed"]
    assert Prepared(tmp_path / "out").frames("cello/a", [0.5]).shape == (1, 3, 16, 24)


def test_a_second_run_says_what_was_there(run, films, tmp_path):
    (films / "flute/broken.mp4").unlink()
    words = ("prepare", films, "--out", tmp_path / "out", "--rate", "8000", "--fps", "4")
    first = run(*words)
    assert (first.code, first.err) == (0, "")
    assert "3 of 3 recordings in" in first.out
    assert "MB written" in first.out
    again = run(*words)
    assert again.code == 0
    assert again.out.endswith("out, 3 were there already\n")
    assert run("check", tmp_path / "out", "--window", "0.5").code == 0
    assert Prepared(tmp_path / "out").form.rate == 8000


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["DATA"], "got no --out"),
        (["--out", "OUT"], "got no data"),
        (["DATA", "--out", "OUT", "--rate", "5"], "--rate must be 1000 to 192000, got 5"),
        (["DATA", "--out", "OUT", "--quality", "0"], "--quality must be 1 to 100"),
        (["DATA", "--out", "OUT", "--kind", "musik"], "did you mean 'music'?"),
    ],
)
def test_wrong_usage(run, films, tmp_path, words, part):
    named = {"DATA": films, "OUT": tmp_path / "out"}
    ran = run("prepare", *(named.get(word, word) for word in words))
    assert (ran.code, ran.out) == (2, "")
    assert part in ran.complaint
    assert not (tmp_path / "out").exists()


def test_another_form_is_refused(run, films, tmp_path):
    run("prepare", films, "--out", tmp_path / "out")
    ran = run("prepare", films, "--out", tmp_path / "out", "--fps", "4")
    assert (ran.code, ran.out) == (1, "")
    assert "was prepared with fps 8.0, asked for 4.0; give another --out" in ran.complaint


def test_a_run_that_is_killed_goes_on(run, tmp_path):
    for k in range(6):
        film(tmp_path / f"films/cello/{k}.mp4", 6.0, (240, 320), 24)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "sensorium", "prepare", str(tmp_path / "films")]
    process = subprocess.Popen([*command, "--out", str(out), "--workers", "1"])
    until = time.monotonic() + 60
    while not list(out.glob("items/*/item.json")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    whole = len(list(out.glob("items/[!.]*/item.json")))
    assert 1 <= whole < 6
    ran = run("prepare", tmp_path / "films", "--out", out, "--json")
    assert ran.code == 0
    assert sum(record["skipped"] for record in ran.records) == whole
    assert not list(out.glob("items/.*"))
    prepared = Prepared(out)
    assert all(prepared.frames(item.uid, [5.9]).shape[0] == 1 for item in prepared.items)
