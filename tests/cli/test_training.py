import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sensorium import training
from sensorium.cli.origin import own_data
from sensorium.cli.training import Train, read_train, use_of
from sensorium.store import systems

TINY = ("--data.kind", "folder", "--batch", "4", "--workers", "0", "--device", "cpu")


@pytest.fixture
def words(videos, tmp_path):
    """A run of a few steps on a folder per class."""
    steps = ("--stages.0.steps", "3", "--system.network.width", "0.25")
    place = ("--data.root", str(videos), "--folder", str(tmp_path / "run"))
    return ["train", "tsm-tiny", *TINY, *steps, *place]


@pytest.mark.parametrize("arguments", [(), ("--list",)])
def test_recipes_are_listed(run, arguments):
    ran = run("train", *arguments)
    assert (ran.code, ran.err) == (0, "")
    listed = " ".join(ran.out.split())  # long descriptions take two lines
    for name, make in training.recipes().items():
        assert f"{name} {make().description}" in listed


def test_recipes_as_json(run):
    records = run("train", "--json").records
    assert [r["recipe"] for r in records] == list(training.recipes())


def test_a_trained_system_is_used_by_its_ability_s_command():
    folder = Path("runs/a b")
    said = {name: use_of(name, folder).split(" FILE")[0].split(" IMAGE")[0] for name in systems()}
    for name in ("pixels", "motions", "concepts"):
        assert said[name] == "sensorium separate"
    for name in ("tsm", "stnet", "tsn", "i3d"):
        assert said[name] == "sensorium recognize"
    assert use_of("nsvqa", folder) == "sensorium ask IMAGE QUESTION --system 'runs/a b'"
    assert use_of("my own", folder) == "sensorium.load('runs/a b')"


def test_every_field_is_an_option():
    command = read_train(
        [
            *("tsm", "--batch", "16", "--seed", "3", "--data.kind", "folder"),
            *("--data.root", "my/videos", "--folder", "there", "--resume"),
            *("--stages.0.steps", "200", "--stages.0.optimiser.lr", "0.5"),
        ]
    )
    assert isinstance(command, Train)
    assert (command.recipe, command.folder, command.resume) == ("tsm", "there", True)
    recipe = command.changed
    assert (recipe.batch, recipe.seed, recipe.data.kind) == (16, 3, "folder")
    assert str(recipe.data.root) == "my/videos"
    assert recipe.stages[0].steps == 200
    assert recipe.stages[0].optimiser.lr == 0.5
    assert recipe.system == training.recipe("tsm").system


@pytest.mark.parametrize("name", ["tsm", "stnet", "tsn", "i3d", "tsm-something-v2"])
def test_every_recipe_has_help(run, name):
    ran = run("train", name, "--help")
    assert ran.code == 0
    assert training.recipe(name).description in ran.out
    assert "--stages.0.optimiser.lr" in ran.out


def test_a_typo_in_a_field_is_one_line(run):
    ran = run("train", "tsm", "--stages.0.step", "3")
    assert ran.code == 2
    assert "did you mean --stages.0.steps?" in ran.complaint


def test_training_ends_with_a_system_that_recognises(run, words, video, tmp_path):
    ran = run(*words, "--json")
    assert ran.code == 0
    (record,) = ran.records
    assert set(record) == {"system", "weights", "path", "metrics"}
    assert record["path"] == str(tmp_path / "run" / "system")
    assert 0 <= record["metrics"]["top1"] <= 1

    again = run("recognize", video, "--system", tmp_path / "run", "--json")
    assert again.records[0]["system"] == record["weights"]
    (action,) = again.records[0]["actions"]  # two seconds: one window, one action
    assert action["label"] in ("left", "right")

    twice = run(*words)
    assert twice.code == 1
    assert "--resume" in twice.err

    figures = run("evaluate", tmp_path / "run", "--json")
    assert figures.records[0]["metrics"] == pytest.approx(record["metrics"])


def test_a_run_of_another_name_knows_its_data(run, words, tmp_path):
    assert run(*words, "--name", "mine").code == 0
    figures = run("evaluate", tmp_path / "run", "--workers", "0", "--json")
    assert figures.code == 0, figures.err
    assert figures.records[0]["weights"] == "mine"
    assert figures.records[0]["data"]["kind"] == "folder"


def test_a_run_in_this_folder_is_not_that_of_another_system(tmp_path, monkeypatch, system):
    folder = tmp_path / "place" / "named"
    folder.parent.mkdir()
    shutil.copytree(system, folder)
    monkeypatch.chdir(folder.parent)
    for place in (folder, folder.parent):
        (place / "recipe.json").write_text("{}")
    assert own_data("named") is None


def test_missing_data_are_one_line(run, tmp_path):
    ran = run(
        "train", "tsm-tiny", *TINY, "--data.root", tmp_path / "none", "--folder", tmp_path / "r"
    )
    assert (ran.code, ran.out) == (1, "")
    assert "no such folder" in ran.complaint
    assert "--data.root" in ran.complaint


def test_ctrl_c_says_how_to_go_on(words, tmp_path):
    words[words.index("--stages.0.steps") + 1] = "100000"
    process = subprocess.Popen(
        [sys.executable, "-m", "sensorium", *words, "--save-every", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        # a shell's background jobs ignore Ctrl-C, and so would their children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    log = tmp_path / "run" / "log.jsonl"
    try:
        deadline = time.monotonic() + 600
        while not (log.exists() and len(log.read_text().splitlines()) > 2):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=600)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    last = err.splitlines()[-1]
    assert last.startswith("sensorium: stopped; go on with: sensorium train tsm-tiny ")
    assert last.endswith("--resume")
    assert json.loads(log.read_text().splitlines()[0])["step"] == 1
