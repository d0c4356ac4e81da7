from __future__ import annotations

import logging
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from sensorium.recipe import Optimiser, Recipe, Schedule, Stage
from sensorium.store import Card, load, save
from sensorium.training import Step, fit


def losses_of(steps: list[Step]) -> list[dict[str, float]]:
    return [step.losses for step in steps]


def weights_of(tiny: ModuleType, folder: Path) -> dict[str, Tensor]:
    return load(folder, systems={"tiny": tiny.Tiny}).state_dict()


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.fixture
def run(tiny: ModuleType, tmp_path: Path) -> Any:
    """Carries out a recipe (or its first steps) in a folder of that name."""

    def start(recipe: Recipe, name: str = "run", count: int | None = None, **options: Any) -> Any:
        steps = fit(recipe, tmp_path / name, device="cpu", system=tiny.Tiny, **options)
        return list(islice(steps, count))

    return start


def test_steps_say_where_the_run_is(tiny: ModuleType, run: Any) -> None:
    steps = run(tiny.recipe())
    assert [s.number for s in steps] == list(range(1, 25))
    assert {s.total for s in steps} == {24}
    assert [s.stage for s in steps] == ["warm"] * 10 + ["main"] * 14
    assert [s.number for s in steps if s.validation] == [7, 14, 21, 24]
    assert set(steps[-1].validation) == {"top1", "sure"}
    assert steps[0].lr == pytest.approx(0.1 / 3)
    assert steps[9].lr == pytest.approx(0.1)
    assert steps[10].lr == pytest.approx(0.01)
    assert set(steps[0].losses) == {"loss", "entropy", "small"}
    assert all(s.examples_per_second > 0 for s in steps)
    assert steps[-1].seconds_left == 0


def test_learning_lowers_the_loss(tiny: ModuleType, run: Any) -> None:
    stage = Stage("only", 80, Optimiser("adamw", lr=0.02), Schedule())
    steps = run(tiny.recipe(stages=(stage,)))
    assert steps[-1].losses["loss"] < 0.6 * steps[0].losses["loss"]
    assert steps[-1].validation["top1"] > 0.6


def test_same_seed_same_run_other_seed_other_run(
    tiny: ModuleType, run: Any, tmp_path: Path
) -> None:
    first, second = run(tiny.recipe(), "a"), run(tiny.recipe(), "b")
    other = run(tiny.recipe(seed=1), "c")
    assert losses_of(first) == losses_of(second)
    assert losses_of(first) != losses_of(other)
    assert same(weights_of(tiny, tmp_path / "a"), weights_of(tiny, tmp_path / "b"))


@pytest.mark.parametrize("stop", [1, 5, 6, 10, 11, 16, 23])
def test_resumed_is_unbroken_to_the_last_bit(
    tiny: ModuleType, run: Any, tmp_path: Path, stop: int
) -> None:
    norm = tiny.TinyConfig(width=tiny.Width(norm=True))
    recipe = tiny.recipe(system=norm)
    whole = run(recipe, "whole")
    run(recipe, "broken", stop)
    rest = run(recipe, "broken", resume=True)
    saved = [0, 5, 7, 10, 14, 15, 20, 21]
    # The consumer's last step is not saved: it left before `fit` went on.
    assert rest[0].number in [s + 1 for s in saved]
    assert rest[0].number <= stop
    assert losses_of(rest) == losses_of(whole)[rest[0].number - 1 :]
    assert [s.validation for s in rest] == [s.validation for s in whole][rest[0].number - 1 :]
    assert same(weights_of(tiny, tmp_path / "whole"), weights_of(tiny, tmp_path / "broken"))


def test_workers_do_not_matter(tiny: ModuleType, run: Any) -> None:
    alone, helped = run(tiny.recipe(), "a"), run(tiny.recipe(workers=2), "b")
    assert losses_of(alone) == losses_of(helped)


def test_resume_with_other_workers_and_saving(tiny: ModuleType, run: Any) -> None:
    whole = run(tiny.recipe(), "whole")
    run(tiny.recipe(), "broken", 12)
    rest = run(tiny.recipe(workers=1, save_every=3), "broken", resume=True)
    assert losses_of(whole)[-len(rest) :] == losses_of(rest)


def test_accumulation_is_one_large_batch(tiny: ModuleType, run: Any) -> None:
    still = tiny.TinyConfig(dropout=0.0)
    whole = run(tiny.recipe(system=still), "whole")
    parts = run(tiny.recipe(system=still, accumulate=4), "parts")
    for a, b in zip(losses_of(whole), losses_of(parts), strict=True):
        assert a == pytest.approx(b, abs=1e-5)


def test_bf16_is_close_and_finite(tiny: ModuleType, run: Any) -> None:
    full, half = run(tiny.recipe(), "full"), run(tiny.recipe(precision="bf16"), "half")
    assert losses_of(full) != losses_of(half)
    for a, b in zip(losses_of(full), losses_of(half), strict=True):
        assert a["loss"] == pytest.approx(b["loss"], abs=0.05)


def test_frozen_parameters_stay(tiny: ModuleType, tmp_path: Path) -> None:
    recipe = tiny.recipe()
    start = weights_of_start(tiny, recipe, tmp_path / "start")
    for step in fit(recipe, tmp_path / "run", device="cpu", system=tiny.Tiny):
        if step.number == 11:  # the checkpoint of step 10 closes the stage that freezes the head
            break
    after = weights_of(tiny, tmp_path / "run" / "checkpoints" / "step-00000010")
    assert torch.equal(start["head.weight"], after["head.weight"])
    assert not torch.equal(start["body.weight"], after["body.weight"])


def weights_of_start(tiny: ModuleType, recipe: Recipe, folder: Path) -> dict[str, Tensor]:
    stage = replace(recipe.stages[0], steps=1, optimiser=Optimiser("sgd", lr=0.0))
    list(fit(replace(recipe, stages=(stage,)), folder, device="cpu", system=tiny.Tiny))
    return weights_of(tiny, folder)


def test_weights_of_losses_are_minimised(tiny: ModuleType, run: Any) -> None:
    stage = Stage("sum", 2, weights=(("entropy", 1.0), ("small", 0.5)))
    seen = run(tiny.recipe(stages=(stage,)))[0].losses
    assert seen["loss"] == pytest.approx(seen["entropy"] + 0.5 * seen["small"])


def test_global_randomness_is_left_alone(tiny: ModuleType, run: Any) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(tiny.recipe())
    assert torch.equal(torch.rand(3), expected)


def test_not_finite_loss_stops_and_keeps_the_last_good_checkpoint(
    tiny: ModuleType, run: Any, tmp_path: Path
) -> None:
    recipe = tiny.recipe(data=tiny.TinyData(poisoned=7), save_every=1)
    with pytest.raises(ValueError, match=r"^step \d+: entropy is nan") as caught:
        run(recipe)
    assert "\n" not in str(caught.value)
    kept = sorted(p.name for p in (tmp_path / "run" / "checkpoints").iterdir())
    step = int(str(caught.value).split(":")[0].removeprefix("step "))
    if step > 1:
        assert kept[-1] == f"step-{step - 1:08d}"
        assert f"the checkpoint of step {step - 1} is good" in str(caught.value)
        weights = weights_of(tiny, tmp_path / "run")
        assert all(torch.isfinite(w).all() for w in weights.values())


def test_exploding_gradient_stops(tiny: ModuleType, run: Any) -> None:
    stage = Stage("wild", 30, Optimiser("sgd", lr=1e30, clip_norm=0.0), Schedule("constant"))
    with pytest.raises(ValueError, match=r"^step 2: .*no checkpoint yet"):
        run(tiny.recipe(stages=(stage,), validate_every=0))


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_example_is_named(tiny: ModuleType, run: Any, workers: int) -> None:
    recipe = tiny.recipe(data=tiny.TinyData(broken=3), workers=workers)
    with pytest.raises(ValueError, match="example 3") as caught:
        run(recipe)
    assert str(caught.value) == "example 3 cannot be made: clip_3.mp4: got no frames"
    assert "Traceback" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 0}, "batch and accumulate must be 1 or more, got 0 and 1"),
        ({"batch": 9, "accumulate": 2}, "batch 9 cannot be shared evenly by 1 process"),
        ({"stages": ()}, "needs stages of at least one step"),
        ({"stages": (Stage("s", 3, freeze=("hed",)),)}, "starts with 'hed'; did you mean 'head'"),
        ({"stages": (Stage("s", 3, freeze=("",)),)}, "freezes every parameter"),
        ({"stages": (Stage("s", 3, weights=(("entrpy", 1.0),)),)}, "did you mean 'entropy'"),
        ({"init": "no/such.safetensors"}, "is missing"),
    ],
)
def test_impossible_recipes(tiny: ModuleType, run: Any, changes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        run(tiny.recipe(**changes))
    assert "\n" not in str(caught.value)


def test_unknown_devices(tiny: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown device 'gpu'"):
        fit(tiny.recipe(), tmp_path, device="gpu", system=tiny.Tiny)
    if not torch.accelerator.is_available():
        with pytest.raises(ValueError, match=r"'cuda' is not there: torch finds only the CPU"):
            fit(tiny.recipe(), tmp_path, device="cuda", system=tiny.Tiny)


def test_folder_of_a_run_needs_resume_and_the_same_recipe(tiny: ModuleType, run: Any) -> None:
    run(tiny.recipe(), count=3)
    with pytest.raises(ValueError, match="holds a run already; go on with --resume"):
        run(tiny.recipe())
    other = tiny.recipe(data=tiny.TinyData(length=41))
    with pytest.raises(ValueError, match=r"data.length is 40 there and 41 here"):
        run(other, resume=True)


def test_a_run_that_could_not_start_is_not_in_the_way(
    tiny: ModuleType, run: Any, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        run(tiny.recipe(init="nowhere/at-all"), "mine")
    assert (tmp_path / "mine" / "recipe.json").is_file()
    assert len(run(tiny.recipe(), "mine", count=3)) == 3


def test_checkpoints_of_nobody_are_not_taken_for_the_runs(
    tiny: ModuleType, run: Any, tmp_path: Path
) -> None:
    run(tiny.recipe(), "mine")
    (tmp_path / "mine" / "recipe.json").unlink()
    (tmp_path / "mine" / "environment.json").unlink()
    with pytest.raises(ValueError, match="holds 'checkpoints' and no run; give a new or empty"):
        run(tiny.recipe(), "mine")


def test_finished_run_has_nothing_to_do(
    tiny: ModuleType, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    run(tiny.recipe())
    with caplog.at_level(logging.WARNING):
        assert run(tiny.recipe(), resume=True) == []
    assert "all 24 steps are done already" in caplog.text


def test_starting_weights(tiny: ModuleType, run: Any, tmp_path: Path) -> None:
    run(tiny.recipe(), "before")
    trained = tmp_path / "before" / "checkpoints" / "step-00000024"
    still = Stage("still", 1, Optimiser("sgd", lr=0.0))
    run(tiny.recipe(init=str(trained), stages=(still,), seed=9), "after")
    assert same(weights_of(tiny, trained), weights_of(tiny, tmp_path / "after"))


def test_what_starting_weights_lack_is_said(
    tiny: ModuleType, run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tiny.recipe(), "before")
    run(tiny.recipe(init=str(tmp_path / "before")), "same", count=1)
    assert "start anew" not in caplog.text
    wide = tiny.TinyConfig(width=tiny.Width(20))
    run(tiny.recipe(init=str(tmp_path / "before"), system=wide), "wide", count=1)
    assert "gave 1 of 4 parameters; the others start anew: body.weight" in caplog.text


def test_starting_weights_that_give_nothing_but_buffers(
    tiny: ModuleType, run: Any, tmp_path: Path
) -> None:
    system = tiny.Tiny(tiny.TinyConfig(width=tiny.Width(5), classes=("a", "b")))
    save(system, tmp_path / "other", Card())  # its counter fits, its parameters do not
    with pytest.raises(ValueError, match="other: no parameter fits this system"):
        run(tiny.recipe(init=str(tmp_path / "other")))
