"""Runs as processes of their own: killed, and two at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sensorium.store import load
from sensorium.training import checkpoints, train
from sensorium.training.log import read_rows

SCRIPT = str(Path(__file__).with_name("run_tiny.py"))
ONE = [sys.executable, "-W", "error"]
TWO = [
    *[sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"],
    *["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"],
    *["--main_process_port", "0"],
]


def start(launcher: list[str], folder: Path, changes: dict[str, Any], *words: str) -> Any:
    command = [*launcher, SCRIPT, str(folder), json.dumps(changes), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: Any) -> str:
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return said


def numbers(folder: Path) -> list[dict[str, Any]]:
    """The log without what depends on the clock."""
    rows = read_rows(folder)
    return [{k: v for k, v in row.items() if k != "examples_per_second"} for row in rows]


def wait_for_rows(folder: Path, count: int) -> None:
    end = time.monotonic() + 90
    while len(read_rows(folder)) < count:
        assert time.monotonic() < end, "the run did not get that far"
        time.sleep(0.02)


def test_killed_and_resumed_is_unbroken(tiny: ModuleType, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(tiny.recipe(), whole, device="cpu", system=tiny.Tiny, bar=False)
    for rows in (3, 13):
        process = start(ONE, broken, {"workers": 1}, "pause", "0.05", "resume")
        wait_for_rows(broken, rows)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    finish(start(ONE, broken, {}, "resume"))

    assert [row["step"] for row in numbers(broken)] == list(range(1, 25))
    assert numbers(broken) == numbers(whole)
    table = [(f / "log.csv").read_text().splitlines() for f in (whole, broken)]
    assert len(table[0]) == len(table[1]) == 25
    for folder in (broken / "checkpoints").glob("*"):
        assert checkpoints.read(folder).record.step in (21, 24)
    a, b = (load(f, systems={"tiny": tiny.Tiny}) for f in (whole, broken))
    assert all((a.state_dict()[k] == v).all() for k, v in b.state_dict().items())
    assert a.card == b.card
    starts = json.loads((broken / "environment.json").read_text())["starts"]
    assert len(starts) == 3
    assert starts[0]["after_step"] == 0
    assert starts[2]["after_step"] >= 10


def test_two_processes_give_the_loss_of_one(tiny: ModuleType, tmp_path: Path) -> None:
    still = {"width": {"hidden": 16}, "dropout": 0.0}
    one, two = tmp_path / "one", tmp_path / "two"
    system = tiny.TinyConfig(dropout=0.0)
    train(tiny.recipe(system=system), one, device="cpu", system=tiny.Tiny, bar=False)
    finish(start(TWO, two, {**still, "accumulate": 2}))
    facts = json.loads((two / "environment.json").read_text())["starts"][0]
    assert facts["processes"] == 2
    assert len(numbers(one)) == len(numbers(two)) == 24
    for a, b in zip(numbers(one), numbers(two), strict=True):
        assert a.pop("stage") == b.pop("stage")
        assert a == pytest.approx(b, abs=1e-5)
    assert (two / "system" / "config.json").is_file()

    again = start(TWO, two, {**still, "accumulate": 2})
    _, said = again.communicate(timeout=600)
    assert again.returncode != 0
    assert said.count("holds a run already; go on with --resume") >= 2  # each process says so
