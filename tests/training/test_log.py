from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sensorium.training import Step
from sensorium.training.log import Log, read_rows
from sensorium.training.progress import Bar, said
from sensorium.training.tensorboard import Board


def step(number: int, **changes: Any) -> Step:
    values = {
        "number": number,
        "total": 9,
        "stage": "train",
        "losses": {"loss": 1.0 / number},
        "lr": 0.1,
        "examples_per_second": 12.34567,
        "seconds_left": 75.0,
    }
    return Step(**{**values, **changes})


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_on_disk_at_once(tmp_path: Path) -> None:
    with Log(tmp_path) as log:
        log(step(1))
        assert read_rows(tmp_path) == [
            {"step": 1, "stage": "train", "lr": 0.1, "loss": 1.0, "examples_per_second": 12.346}
        ]
        assert table(tmp_path)[0]["loss"] == "1.0"


def test_new_columns_join_the_table(tmp_path: Path) -> None:
    with Log(tmp_path) as log:
        log(step(1))
        log(step(2, losses={"loss": 0.5, "extra": 3.0}, validation={"top1": 0.25}))
        log(step(3))
    rows = table(tmp_path)
    assert [r["step"] for r in rows] == ["1", "2", "3"]
    assert [r["extra"] for r in rows] == ["", "3.0", ""]
    assert [r["val/top1"] for r in rows] == ["", "0.25", ""]
    assert [set(r) for r in read_rows(tmp_path)][1] >= {"extra", "val/top1"}


def test_a_resumed_log_repeats_nothing(tmp_path: Path) -> None:
    with Log(tmp_path) as log:
        for number in range(1, 7):
            log(step(number))
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 7, "sta')  # cut short by a kill
    with Log(tmp_path) as log:
        for number in range(4, 9):
            log(step(number, lr=0.2))
    rows = read_rows(tmp_path)
    assert [r["step"] for r in rows] == list(range(1, 9))
    assert [r["lr"] for r in rows] == [0.1] * 3 + [0.2] * 5
    assert [r["step"] for r in table(tmp_path)] == [str(r["step"]) for r in rows]
    for line in (tmp_path / "log.jsonl").read_text().splitlines():
        json.loads(line)


def test_a_log_that_hears_nothing_writes_nothing(tmp_path: Path) -> None:
    with Log(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_bar_speaks_on_stderr_only(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as bar:
        bar(step(9))
    out, err = capsys.readouterr()
    assert out == ""
    assert "9/9" in err


def test_what_the_bar_says() -> None:
    assert said(step(4)) == "loss 0.25  12.3 examples/s  1:15 left"
    assert said(step(4, seconds_left=3725.0)).endswith("1:02:05 left")


def test_board_writes_events(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Board(tmp_path) as board:
        board(step(1))
        board(step(2, validation={"top1": 0.5}))
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [e.value for e in events.Scalars("train/loss")] == [1.0, 0.5]
    assert [(e.step, e.value) for e in events.Scalars("val/top1")] == [(2, 0.5)]


def test_missing_tensorboard_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [m for m in sys.modules if m.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ValueError, match=r"pip install 'sensorium\[tensorboard\]'"):
        Board(tmp_path)
