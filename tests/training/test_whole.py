from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from sensorium.store import load, read_header
from sensorium.training import HasPaper, checkpoints, evaluate, train


@pytest.fixture(scope="module")
def trained(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(tiny.recipe(), folder, device="cpu", system=tiny.Tiny, bar=False, tensorboard=True)
    return folder


def test_run_folder_holds_what_it_should(trained: Path) -> None:
    assert {p.name for p in trained.iterdir()} == {
        "recipe.json",
        "environment.json",
        "log.csv",
        "log.jsonl",
        "checkpoints",
        "system",
        "tensorboard",
    }
    there = json.loads((trained / "recipe.json").read_text())
    assert there["recipe"]["stages"][1]["optimiser"]["kind"] == "adamw"
    assert there["kinds"] == {"data": "TinyData", "system": "TinyConfig"}
    (start,) = json.loads((trained / "environment.json").read_text())["starts"]
    assert start["versions"]["torch"]
    assert start["processes"] == 1


def test_system_is_the_best_checkpoint_calibrated(tiny: ModuleType, trained: Path) -> None:
    system = load(trained, systems={"tiny": tiny.Tiny})
    assert not system.training
    assert int(system.calibrated) == 21  # every validation example was shown
    last = checkpoints.newest(trained)
    assert last is not None
    assert last.record.best is not None
    best = checkpoints.at(trained, last.record.best.step)
    source = load(best.folder, systems={"tiny": tiny.Tiny})
    assert torch.equal(source.body.weight, system.body.weight)


def test_card_tells_the_truth(tiny: ModuleType, trained: Path) -> None:
    system = load(trained, systems={"tiny": tiny.Tiny})
    card = read_header(trained / "system").card
    assert system.card == card
    assert system.weights == card.recipe == "tiny-recipe"
    assert card.metrics == pytest.approx(evaluate(system, tiny.TinyData()), abs=1e-6)
    assert card.evaluated_on == "the test split, 21 examples, seed 0"
    assert card.parameters == sum(p.numel() for p in system.parameters())
    assert isinstance(system, HasPaper)
    assert (card.paper, card.limits) == (system.paper, system.limits)
    assert card.seeds == (0,)
    assert "top1" in card.notes[0]
    text = (trained / "system" / "README.md").read_text()
    assert card.limits in text
    assert f"| `top1` | {card.metrics['top1']:.4f} |" in text


def test_finished_run_says_so(
    tiny: ModuleType, trained: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = (trained / "system" / "model.safetensors").stat().st_mtime_ns
    with caplog.at_level(logging.WARNING):
        train(tiny.recipe(), trained, device="cpu", system=tiny.Tiny, bar=False, resume=True)
    assert "is finished: the trained system is in" in caplog.text
    assert (trained / "system" / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="seed is 0 there and 1 here"):
        train(tiny.recipe(seed=1), trained, device="cpu", system=tiny.Tiny, resume=True)


def test_system_is_saved_when_only_that_was_missing(tiny: ModuleType, tmp_path: Path) -> None:
    recipe = tiny.recipe()
    options: dict[str, Any] = {"device": "cpu", "system": tiny.Tiny, "bar": False}
    first = train(recipe, tmp_path / "run", **options)
    card = read_header(first).card
    for path in first.iterdir():
        path.unlink()
    first.rmdir()
    again = train(recipe, tmp_path / "run", resume=True, **options)
    assert read_header(again).card == card


def test_validation_stands_in_for_a_test_split_without_truth(
    tiny: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = tiny.recipe(data=tiny.TinyData(test=False))
    stage = replace(recipe.stages[0], steps=2)
    folder = train(
        replace(recipe, stages=(stage,)), tmp_path, device="cpu", system=tiny.Tiny, bar=False
    )
    assert read_header(folder).card.evaluated_on.startswith("the val split, 21 examples")
    assert "not published; evaluate on val; the figures will be those of the val" in caplog.text


def test_without_held_out_data_the_last_weights_are_saved(tiny: ModuleType, tmp_path: Path) -> None:
    recipe = tiny.recipe(data=tiny.TinyData(held_out=0))
    folder = train(recipe, tmp_path, device="cpu", system=tiny.Tiny, bar=False)
    card = read_header(folder).card
    assert card.metrics == {}
    assert card.notes == ("weights of the last step, 24",)


def test_foreign_folders_are_left_alone(tiny: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds 'thesis.txt' and no run"):
        train(tiny.recipe(), tmp_path, device="cpu", system=tiny.Tiny, bar=False)
    with pytest.raises(ValueError, match="is a file; give the name of a folder"):
        train(tiny.recipe(), tmp_path / "thesis.txt", device="cpu", system=tiny.Tiny, bar=False)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_resume_of_nothing_starts(
    tiny: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options: dict[str, Any] = {"device": "cpu", "system": tiny.Tiny, "bar": False}
    with caplog.at_level(logging.WARNING):
        train(tiny.recipe(), tmp_path / "new", resume=True, **options)
    assert "holds no run yet; starting one" in caplog.text
