"""``sensorium check`` on small real films."""

import json
import subprocess
import sys

import pytest
import torch

from sensorium import media

FAST = media.Encoding(preset="ultrafast", threads=1)


def film(path, seconds=1.0, level=0.3):
    """A film with a tone; ``level`` 0 is silence."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = torch.full((round(8 * seconds), 3, 32, 48), 90, dtype=torch.uint8)
    tone = level * torch.sin(torch.arange(round(11025 * seconds)) * 0.25)[None]
    return media.write(path, frames, 8.0, audio=tone, rate=11025, encoding=FAST)


@pytest.fixture
def films(tmp_path):
    """Three good films of two classes."""
    for name in ("cello/a.mp4", "cello/b.mp4", "flute/c.mp4"):
        film(tmp_path / "films" / name)
    return tmp_path / "films"


def test_all_is_well(run, films):
    ran = run("check", films, "--window", "0.5")
    assert (ran.code, ran.out) == (0, "")
    assert ran.complaint.startswith("all 3 recordings are fine (folder, ")


def test_a_line_for_each_problem_and_counts_at_the_end(run, films):
    film(films / "flute/silent.mp4", level=0.0)
    film(films / "flute/short.mp4", seconds=0.25)
    (films / "flute/broken.mp4").write_text("no film")
    ran = run("check", films, "--window", "0.5")
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["unreadable", "flute/broken"],
        ["short", "flute/short"],
        ["silent", "flute/silent"],
    ]
    assert ran.complaint == ("3 of 6 recordings have problems (1 unreadable, 1 short, 1 silent)")


def test_json_is_a_line_per_recording(run, films):
    (films / "flute/broken.mp4").write_text("no film")
    ran = run("check", films, "--window", "0.5", "--json", "--workers", "2")
    assert ran.code == 1
    keys = ["file", "uid", "label", "split", "seconds", "peak_db", "problems"]
    assert [list(record) for record in ran.records] == [keys] * 4
    by_uid = {record["uid"]: record for record in ran.records}
    assert by_uid["cello/a"]["problems"] == []
    assert by_uid["cello/a"]["seconds"] == pytest.approx(1.0, abs=0.1)
    assert by_uid["cello/a"]["peak_db"] == pytest.approx(-10.5, abs=1)
    (problem,) = by_uid["flute/broken"]["problems"]
    assert problem["problem"] == "unreadable"
    assert "broken.mp4" in problem["text"]


def test_lists_are_checked_below_a_root(run, films, tmp_path):
    path = tmp_path / "lists/MUSIC_solo_videos.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"videos": {"cello": ["a", "-gone"]}}))
    ran = run("check", path, "--root", films, "--window", "0.5")
    assert ran.code == 1
    assert ran.out == "missing: cello/-gone: sound and picture of -gone\n"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "got no data"),
        (["DATA", "--kind", "sopp"], "did you mean 'sop'?"),
        (["DATA", "--workers", "0"], "--workers must be 1 or more"),
        (["DATA", "--window", "long"], "long"),
    ],
)
def test_wrong_usage(run, films, words, part):
    ran = run("check", *(films if word == "DATA" else word for word in words))
    assert (ran.code, ran.out) == (2, "")
    assert part in ran.complaint


def test_what_cannot_be_read_at_all_is_one_line(run, tmp_path):
    ran = run("check", tmp_path / "nowhere")
    assert (ran.code, ran.out) == (1, "")
    assert "no such file or folder" in ran.complaint
    (tmp_path / "train.csv").write_text("./a/c/x.wav,../../x.mp4,7\n")
    ran = run("check", tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert "train.csv, line 1" in ran.complaint


def test_the_options_need_no_torch():
    code = (
        "import sys; from sensorium.cli import main; main(['check', '--help']); "
        "main(['prepare', '--help']); print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600
    )
    assert done.stderr == "False\n"
