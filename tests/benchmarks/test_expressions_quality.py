"""The benchmark of expressions: its held-out people, measures, runs, tables and speed."""

from __future__ import annotations

import importlib
import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import sensorium.expressions.datasets.sittings as DS
from sensorium.expressions.recipes import RECIPES
from sensorium.expressions.systems import ExpressionsSystem
from sensorium.training.building import build
from sensorium.worlds.portraits import EXPRESSIONS, split_seed

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FULL_ROW = {
    "accuracy", "intensity_spearman", "intensity_mae", "others", "monotone", "landmark_nme",
    "mouth_nme", "identity", "reidentified", "acd", "acd_input", "path_rmse", "neutral_psnr",
    "frechet_judge", "ssim", "ssim_face", "ssim_mouth", "psnr", "psnr_mouth", "l1_face",
    "mixed_accuracy", "mixed_degrees_mae", "filmed_ssim_face", "filmed_path_rmse", "confusion",
    "groups",
}  # fmt: skip


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def module(name: str) -> Any:
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Any]]:
    """Of what needs no training, on two people."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        held, measures = module("expressions_held_out"), module("expressions_measures")
        people = held.HeldOut("test", 2)
        reference = measures.true_features(held.HeldOut("val", 2))
        makers = {"copy": held.copy_input, "fade": held.cross_fade, "true": held.truth}
        return {n: measures.row_of(maker, people, reference) for n, maker in makers.items()}


# --- held-out people ------------------------------------------------------------------------------


def test_people_are_those_of_the_split_and_contempt_has_one_side() -> None:
    people = module("expressions_held_out").HeldOut("test", 6).people
    assert [who.seed for who in people] == [split_seed("test", i) for i in range(6)]
    assert not any(who.smirk_left for who in people)


def test_what_is_asked_and_its_truth() -> None:
    people = module("expressions_held_out").HeldOut("test", 3)
    asked = list(people.sweeps(5))
    assert len(asked) == len(EXPRESSIONS)
    for which, one in enumerate(asked):
        assert one.degrees[:, :, which].tolist() == [[0.0, 0.25, 0.5, 0.75, 1.0]] * 3
        assert one.degrees.sum() == one.degrees[:, :, which].sum()
        assert torch.equal(one.true[:, 0], one.pictures)
        assert torch.equal(one.true[:, -1], one.peaks[:, which])
        assert one.truth.landmarks.min() > 0
        assert one.truth.landmarks.max() < 1.1
        mouth = one.truth.mouth
        lips = one.truth.landmarks[0, 0, 48:60].mean(0) * 64
        assert mouth[0, 0, int(lips[1]), int(lips[0])]
        assert (mouth & ~one.truth.face).sum() < 0.1 * mouth.sum()
    (fine,) = people.fine_sweeps()
    assert fine.degrees.shape == (3, 41, len(EXPRESSIONS))
    (mixed,) = people.mixtures()
    assert ((mixed.degrees > 0).sum(2) == 2).all()
    assert mixed.degrees[mixed.degrees > 0].min() >= 0.3
    assert mixed.degrees.max() <= 0.7
    filmed = list(people.filmed())
    assert len(filmed) == 3
    assert all(f.degrees.sum(2)[0, 0] == 0 and f.degrees.sum(2)[0, -1] == 1 for f in filmed)


def test_true_pictures_are_kept_and_found_again(tmp_path: Path) -> None:
    held = module("expressions_held_out")
    first = next(held.HeldOut("test", 2, cache=tmp_path).sweeps(3))
    files = list(tmp_path.iterdir())
    again = next(held.HeldOut("test", 2, cache=tmp_path).sweeps(3))
    assert list(tmp_path.iterdir()) == files
    for name in held.Truth.__annotations__:
        assert torch.equal(getattr(first.truth, name), getattr(again.truth, name)), name


def test_a_cross_fade_is_true_at_both_ends() -> None:
    held = module("expressions_held_out")
    asked = next(held.HeldOut("test", 2).sweeps(3))
    faded = held.cross_fade(asked)
    torch.testing.assert_close(faded[:, 0], asked.true[:, 0])
    torch.testing.assert_close(faded[:, -1], asked.true[:, -1])
    torch.testing.assert_close(faded[:, 1], (faded[:, 0] + faded[:, 2]) / 2)


# --- measures -------------------------------------------------------------------------------------


def test_true_videos_are_right_and_a_copy_does_nothing(rows: dict[str, dict[str, Any]]) -> None:
    true, copy, fade = rows["true"], rows["copy"], rows["fade"]
    for row in rows.values():
        missing = FULL_ROW - set(row)
        assert missing <= {"psnr", "psnr_mouth"}, missing
    assert true["ssim"] == true["ssim_mouth"] == pytest.approx(1.0)
    assert "psnr" not in true  # the same to the bit
    assert true["path_rmse"] == 0.0
    assert true["accuracy"] > 0.9
    assert true["intensity_spearman"] > 0.9
    assert copy["accuracy"] == pytest.approx(1 / len(EXPRESSIONS), abs=0.08)
    assert copy["intensity_spearman"] == copy["monotone"] == copy["acd"] == 0.0
    assert copy["identity"] == pytest.approx(1.0)
    assert "jump_ratio" not in copy
    assert fade["jump_ratio"] == pytest.approx(1.0, abs=0.01)
    assert copy["ssim_mouth"] < fade["ssim_mouth"] < 1
    assert copy["landmark_nme"] > true["landmark_nme"]
    assert copy["frechet_judge"] > true["frechet_judge"]
    assert torch.tensor(true["confusion"]).sum(1).tolist() == pytest.approx([1.0] * 7)


def test_groups_add_up_to_the_whole(rows: dict[str, dict[str, Any]]) -> None:
    row = rows["true"]
    assert set(row["groups"]) == set(module("expressions_measures").GROUPED)
    for name, values in row["groups"]["landmark_nme"].items():
        both = list(values.values())
        whole = both[0] if len(both) == 1 else sum(both) / 2  # two people
        assert whole == pytest.approx(row["landmark_nme"], rel=1e-4), name


def test_a_system_is_measured() -> None:
    held, measures = module("expressions_held_out"), module("expressions_measures")
    runs = module("expressions_runs")
    recipe = runs.RUNS[runs.FULL].recipe()
    small = replace(recipe, system=replace(recipe.system, channels=(4, 4, 4, 4, 4, 4)))
    torch.manual_seed(0)
    system = build(small, ExpressionsSystem).eval()
    people = held.HeldOut("test", 2)
    row = measures.row_of(held.made_by(system), people, measures.true_features(people))
    assert set(row) >= FULL_ROW
    assert row["accuracy"] < 0.5  # it knows nothing yet
    assert row["ssim"] < 1


# --- runs -----------------------------------------------------------------------------------------


def options(folder: Path, **fields: Any) -> Namespace:
    words = ["--folder", str(folder / "runs"), "--cache", str(folder / "cache"), "--steps", "4"]
    words += ["--out", str(folder), "--people", "2", "--data", str(folder / "data")]
    return Namespace(**{**vars(module("expressions_quality").arguments(words)), **fields})


def test_every_row_builds_and_has_the_same_steps() -> None:
    runs = module("expressions_runs")
    full = runs.prepared(runs.RUNS[runs.FULL], 1, 40, Path("data"), "first")
    before = runs.prepared(runs.RUNS[runs.RECONSTRUCTION], 1, 40, Path("data"))
    first = sum(s.steps for s in before.stages)
    assert 0 < first < 40
    for name, run in runs.RUNS.items():
        recipe = runs.prepared(run, 1, 40, Path("data"), "first" if run.after else "")
        steps = sum(s.steps for s in recipe.stages)
        if run.measured:
            assert steps + first * bool(run.after) == pytest.approx(40, abs=2), name
        assert recipe.init == ("first" if run.after else None), name
        assert recipe.seed == 1, name
        assert recipe.batch == full.batch or name == "ConvLSTM"
        assert runs.portraits(recipe) == full.data, name
        known = next((s for s in runs.BASELINES.values() if s.Config is type(recipe.system)), None)
        kind = known or ExpressionsSystem
        system = build(replace(recipe, init=None), kind)
        assert sum(p.numel() for p in system.parameters()) > 0, name


def test_rows_come_in_order_and_nothing_is_done_twice(tmp_path: Path) -> None:
    benchmark = module("expressions_quality")
    todo = list(benchmark.jobs(options(tmp_path)))
    runs = module("expressions_runs").RUNS
    assert [job.name for job in todo] == [*benchmark.PLAIN, *runs]
    for lane in benchmark.lanes(options(tmp_path)):
        names = [job.name for job in lane]
        for job in lane:  # what goes on from another run comes after it
            run = runs.get(job.name)
            assert run is None or not run.after or run.after in names[: names.index(job.name)]
    assert not any(job.done or job.stale() for job in todo)
    again = list(benchmark.jobs(options(tmp_path, seeds=[0, 1])))
    repeated = [job.name for job in again if job.seed == 1]
    assert repeated == [name for name, run in runs.items() if run.every_seed]
    plain = list(benchmark.jobs(options(tmp_path, only=["without-training"])))
    assert [job.name for job in plain] == [*benchmark.PLAIN]


def test_rows_without_training_are_measured_collected_and_shown(tmp_path: Path) -> None:
    benchmark, tables = module("expressions_quality"), module("expressions_tables")
    given = options(tmp_path, only=["without-training"], rows=["copy of the input"])
    (job,) = benchmark.jobs(given)
    benchmark.train_and_measure(job)
    assert job.done
    out = benchmark.collect(given)
    assert set(out["rows"]) == {"copy of the input"}
    assert "true videos, seed 0" in out["not_run"]
    assert out["rows"]["copy of the input"]["identity"] == pytest.approx(1.0)
    text = json.dumps({"benchmark": "expressions_quality", **out})
    assert "NaN" not in text
    table = module("write_docs").table
    for source, make in tables.TABLES.values():
        if source == "expressions_quality":
            assert make(table, json.loads(text))
    assert "copy of the input" in tables.judged(table, out)
    assert "Not run: " in tables.budgets(table, out)


def test_the_order_of_the_tables_names_every_row() -> None:
    benchmark, tables = module("expressions_quality"), module("expressions_tables")
    runs = module("expressions_runs").RUNS
    every = {*benchmark.PLAIN, "bundled weights"}
    every |= {name for name, run in runs.items() if run.measured}
    assert every == set(tables.ORDER)
    assert tables.EXPRESSIONS == EXPRESSIONS


def test_what_fails_is_told_and_stops_nobody(tmp_path: Path) -> None:
    quality = module("quality_runs")

    def fail(work: Any) -> None:
        raise RuntimeError("no")

    (job,) = module("expressions_quality").jobs(
        options(tmp_path, only=["without-training"], rows=["true videos"])
    )
    assert quality.attempted(fail, [job, job]) == ["true videos, seed 0: RuntimeError: no"] * 2
    assert quality.attempted(lambda work: None, [job]) == []


def test_a_lane_is_trained_measured_and_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark, runs = module("expressions_quality"), module("expressions_runs")

    def tiny() -> Any:
        base = RECIPES["expressions"]()
        data = replace(base.data, length=8, frames=3)
        small = replace(base.system, channels=(4, 4, 4, 4, 4, 4), d_width=4)
        return replace(base, data=data, system=small, batch=4)

    few = {name: runs.RUNS[name] for name in (runs.RECONSTRUCTION, runs.FULL)}
    monkeypatch.setattr(runs, "RUNS", {n: replace(r, recipe=tiny) for n, r in few.items()})
    monkeypatch.setattr(benchmark, "RUNS", runs.RUNS)
    monkeypatch.setattr(runs, "_HELD_OUT", 2)
    monkeypatch.setattr(DS, "_SHARD", 8)
    given = options(tmp_path, only=["system"])
    (lane,) = benchmark.lanes(given)
    assert benchmark.carry_out(lane) == []
    assert all(job.done and not job.stale() for job in lane)
    out = benchmark.collect(given)
    assert set(out["rows"]) == {runs.FULL}
    assert out["networks"][runs.FULL]["after"] == runs.RECONSTRUCTION
    assert out["networks"][runs.FULL]["by_seed"]["0"]["train_cpu_minutes"] > 0
    assert len(module("expressions_tables").budgets(module("write_docs").table, out)) > 100


# --- speed ----------------------------------------------------------------------------------------


def test_speed_is_measured() -> None:
    found = module("expressions_speed").work(1, None, 0.01)
    assert found["frames"] == 24
    assert found["fps"] > 0
    assert found["ratio"] == pytest.approx(found["fps"] / found["recomputed_fps"], rel=0.01)
    assert found["above_loading_mib"] >= 0
