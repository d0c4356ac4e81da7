"""The benchmark of robustness: its runs, measures, claims, tables and figures."""

from __future__ import annotations

import importlib
import json
import pickle
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sensorium.robustness.attacks import FGSM
from sensorium.robustness.datasets.digits import Digits
from sensorium.robustness.systems import DQConfig, DQSystem

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SMALL = DQConfig(
    network="small",
    depth=6,
    width=4,
    in_channels=1,
    size=8,
    clip=0.3,
    classes=tuple("0123456789"),
)


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def module(name: str) -> Any:
    return importlib.import_module(name)


def network(bits: int, seed: int = 0) -> DQSystem:
    torch.manual_seed(seed)
    return DQSystem(replace(SMALL, bits=bits)).eval()


def budget(**fields: Any) -> Any:
    given = {"eps": (0.02, 0.1), "main": 0.1, "pictures": 12, "steps": 4, "restarts": 1}
    given |= {"queries": 8, "naive": 3, "small": (0.01, 0.1)}
    return module("robustness_runs").Budget(**(given | fields))


def held(system: DQSystem, **fields: Any) -> Any:
    """Digits attacked on a network, labelled as it answers, so that there is something to break."""
    measures, own = module("robustness_measures"), budget(**fields)
    data = Digits().all("test")
    with torch.no_grad():
        labels = system(data.x).argmax(1)
    data = replace(data, y=labels)
    x, y = data.x[: own.pictures], labels[: own.pictures]
    transferred = {eps: FGSM(eps)(network(0, 9), x, y).x for eps in own.eps}
    return measures.HeldOut(data, own, transferred, measures.one_step(system, x, y, own.main))


def options(folder: Path, **fields: Any) -> Namespace:
    words = ["--folder", str(folder / "runs"), "--out", str(folder), "--figures", str(folder)]
    made = module("robustness_quality").arguments(words)
    return Namespace(**{**vars(made), **fields})


# --- measures -------------------------------------------------------------------------------------


def test_the_worst_case_is_no_better_than_any_attack_and_falls_with_eps() -> None:
    measures = module("robustness_measures")
    system = network(2)
    own = held(system, pictures=24)
    row = measures.accuracies(measures.subject_of(system), own)
    assert row["clean"] == row["clean_of_attacked"] == 1.0
    for eps in own.budget.eps:
        worst = row[measures.key("robust", eps)]
        for kind in ("fgsm", "pgd_last", "transfer"):
            assert worst <= row[measures.key(kind, eps)]
    assert row["robust@0.1"] <= row["robust@0.02"]
    assert row["robust@0.1"] < 1.0


def test_every_surrogate_is_another_network() -> None:
    measures = module("robustness_measures")
    system = network(2)
    subject = measures.subject_of(system)
    (floats,) = subject.surrogates
    assert floats.config.bits == 2
    x = Digits().all("test").x[:4]
    with torch.no_grad():
        assert torch.allclose(floats(x), network(0)(x))
        assert not torch.allclose(floats(x), system(x))
    assert measures.subject_of(network(0)).surrogates == ()
    squeezed = measures.subject_of(system, squeezed=True)
    assert len(squeezed.surrogates) == 2
    with torch.no_grad():
        assert torch.equal(squeezed.surrogates[1](x), system(x))
        assert not torch.equal(squeezed.classifier(x), system(x))


def test_growth_starts_at_the_picture_and_one_quantiser_is_looked_at() -> None:
    measures = module("robustness_measures")
    system = network(0)
    own = held(system, pictures=20)
    row = measures.growth(system, own)
    picture, moved = own.x, own.stepped
    d = (moved - picture).flatten(1).norm(dim=1) / picture.flatten(1).norm(dim=1)
    assert row["l2@0"] == pytest.approx(float(d.mean()), abs=1e-5)
    assert {f"{n}@{k}" for n in ("l1", "l2", "same", "norm_raw") for k in range(7)} <= set(row)
    one = measures.one_quantiser(system, own)
    assert one["before l2@0.01"] < one["before l2@0.1"]
    assert one["after 2 l2@0.1"] != one["before l2@0.1"]
    assert measures.growth(system, own) == row  # the network is left as it was


def test_rows_hold_what_is_asked_for() -> None:
    measures = module("robustness_measures")
    system = network(4)
    rows = measures.rows_of("it", system, held(system), squeezed=True, closely=True)
    assert set(rows) == {"it", "it, squeezed"}
    alone = {k: v for k, v in rows["it"].items() if k.startswith("alone: ")}
    assert len(alone) == 10
    assert alone["alone: worst of these"] <= min(alone.values())
    assert not any(k.startswith("before") for k in rows["it"])  # that is for full precision
    plain = measures.rows_of("it", system, held(system))
    assert set(plain) == {"it"}
    assert plain["it"]["robust@0.1"] == rows["it"]["robust@0.1"]


# --- runs -----------------------------------------------------------------------------------------


def test_every_run_has_what_it_says() -> None:
    runs = module("robustness_runs")
    for kind, defence in runs.KINDS.items():
        for bits in runs.BITS:
            config = runs.RUNS[runs.title(kind, bits)].recipe(1).system
            assert config.bits == bits
            assert (config.norm == "batch") == (defence != "dq")
            assert (config.beta > 0) == (defence != "vanilla")
    seeds = {run.recipe(2).seed for run in runs.RUNS.values() if run.recipe is not None}
    assert seeds == {2}
    assert runs.WORLDS["digits"].source().seed == runs.SOURCE_SEED
    assert runs.RUNS["vanilla, 4 bits, bound 1"].recipe(0).system.clip == 1.0
    assert runs.RUNS["raw penalty, 4 bits, beta 0.03"].recipe(0).system.beta == 0.03
    assert runs.RUNS["raw penalty, 2 bits, folded"].recipe(0).system.penalty == "folded"


def test_every_network_has_the_same_number_of_passes() -> None:
    runs = module("robustness_runs")
    passes = set()
    for run in runs.RUNS.values():
        if run.recipe is not None:
            about = runs.budget_of(run.recipe(0))
            passes.add(about["steps"] * about["passes_a_step"])
            assert (about["passes_a_step"] == 2) == (run.section == "adversarial")
    assert max(passes) - min(passes) <= 1


def test_all_radii_are_for_all_but_changed_parts() -> None:
    runs = module("robustness_runs")
    whole = runs.WORLDS["digits"].budget
    assert runs.granted(runs.RUNS["vanilla, 3 bits"]) == whole
    assert runs.granted(runs.RUNS["vanilla, 2 bits, adversarial"]) == whole
    assert runs.granted(runs.RUNS["vanilla, 2 bits, bound 1"]).eps == (whole.main,)
    assert runs.granted(runs.RUNS["dq"]) == runs.WORLDS["objects"].budget


def test_budgets_have_their_own_place() -> None:
    assert budget().key == budget().key
    assert len({budget().key, budget(steps=5).key, budget(eps=(0.1,)).key}) == 3


def test_jobs_go_to_other_processes_first_seed_first(tmp_path: Path) -> None:
    quality = module("robustness_quality")
    given = options(tmp_path, seeds=[0, 1], only=["main", "objects"])
    jobs = pickle.loads(pickle.dumps(list(quality.jobs(given))))
    assert [job.seed for job in jobs] == sorted(job.seed for job in jobs)
    assert sum(job.run.section == "objects" for job in jobs) == 3  # one seed: they are bundled
    assert all(job.first == (job.seed == 0) for job in jobs)
    assert len({job.folder for job in jobs}) == len(jobs)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows, trained in a few steps."""
    runs, quality = module("robustness_runs"), module("robustness_quality")
    for name in ("robustness_measures", "robustness_claims", "robustness_tables"):
        module(name)  # before the budgets change

    def shorter(recipe: Any) -> Any:
        stages = tuple(replace(s, steps=3) for s in recipe.stages)
        return replace(recipe, stages=stages, system=replace(recipe.system, width=4))

    def cheaper(run: Any) -> Any:
        more = run.bits == 4
        recipe = run.recipe
        return replace(run, recipe=lambda s: shorter(recipe(s)), squeezed=more, closely=more)

    names = ("vanilla, full precision", "vanilla, 4 bits")
    chosen = {name: cheaper(runs.RUNS[name]) for name in names}
    world = runs.WORLDS["digits"]
    own = replace(world.budget, pictures=12, steps=2, queries=3, naive=2)
    source = world.source
    tiny = replace(world, budget=own, source=lambda: shorter(source()))
    monkeypatch.setitem(runs.WORLDS, "digits", tiny)
    monkeypatch.setattr(quality, "RUNS", chosen)


@pytest.mark.usefixtures("small")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_run_is_trained_once_measured_collected_and_drawn(tmp_path: Path) -> None:
    quality, plots = module("robustness_quality"), module("robustness_plots")
    given = options(tmp_path, seeds=[0, 1])
    quality.prepare("digits", given.folder)
    made = quality.source_of("digits", given.folder).stat().st_mtime_ns
    quality.prepare("digits", given.folder)
    assert quality.source_of("digits", given.folder).stat().st_mtime_ns == made
    jobs = list(quality.jobs(given))
    assert [quality.carry_out(job) for job in jobs] == [[]] * 4
    assert all(job.done and not job.stale() for job in jobs)
    weights = jobs[0].folder / "system" / "model.safetensors"
    written = weights.stat().st_mtime_ns
    assert quality.carry_out(jobs[0]) == []
    assert weights.stat().st_mtime_ns == written
    out = quality.collect(given)
    assert out["not_run"] == []
    row = out["rows"]["digits"]["vanilla, 4 bits"]
    assert row["seeds"] == ["0", "1"]
    assert row["clean_spread"] >= 0
    assert "vanilla, 4 bits, squeezed" in out["rows"]["digits"]
    assert out["networks"]["vanilla, 4 bits"]["by_seed"]["0"]["train_cpu_minutes"] > 0
    tables, docs = module("robustness_tables"), module("write_docs")
    results = json.loads(json.dumps(out))
    for name, make in tables.TABLES.items():
        text = make(docs.table, results)
        if name in ("robustness-objects", "robustness-objects-growth"):
            assert "Not measured" in text
        elif name == "robustness-claims":
            assert "not measured" in text
            assert "Vanilla quantisation keeps accuracy" in text
        else:
            assert "vanilla" in text or "digits" in text, name
    plots.draw(results, tmp_path)
    drawn = {path.stem for path in tmp_path.glob("*.png")}
    wanted = {"bits", "growth", "eps", "quantiser"}
    assert drawn == {f"robustness_{name}" for name in wanted}


def test_bundled_weights_that_are_not_there_are_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quality = module("robustness_quality")
    monkeypatch.setattr(quality, "bundled_names", list)
    out = quality.collect(options(tmp_path, seeds=[0]))
    assert {"dq, seed 0", "dq-full, seed 0"} <= set(out["not_run"])
    assert out["rows"]["objects"] == {}


# --- claims ---------------------------------------------------------------------------------------


def test_verdicts_ask_every_seed() -> None:
    claims = module("robustness_claims")
    difference = claims.above("it", "clean", "a", "b")
    rows = {
        "a": {"0": {"clean": 0.9}, "1": {"clean": 0.8}, "2": {"clean": 0.7}},
        "b": {"0": {"clean": 0.8}, "1": {"clean": 0.75}},
    }
    assert difference.measured(rows) == pytest.approx([0.1, 0.05])
    assert difference.verdict([0.1, 0.05]) == "found"
    assert difference.verdict([-0.1, -0.05]) == "the opposite"
    assert difference.verdict([0.1, -0.05]) == "not found"
    assert difference.verdict([0.004, 0.005]) == "not found"
    assert difference.verdict([]) == "not measured"
    assert difference.verdict([0.04]) == "not found, one seed"
    assert difference.verdict([-0.06]) == "the opposite, one seed"
    assert difference.measured({"a": rows["a"]}) == []
    same = replace(difference, about_zero=True)
    assert same.verdict([0.004, -0.006]) == "found"
    assert same.verdict([0.03, 0.05]) == "not found"


def test_every_claim_is_about_rows_that_are_run() -> None:
    claims, runs = module("robustness_claims"), module("robustness_runs")
    known = set(runs.RUNS) | {f"{n}, squeezed" for n, run in runs.RUNS.items() if run.squeezed}
    named = {row for claim in claims.every() for d in claim.differences for _, row, _ in d.terms}
    assert named <= known
    labels = [(c.text, d.label) for c in claims.every() for d in c.differences]
    assert len(set(labels)) == len(labels)
    signs = [sum(s for s, *_ in d.terms) for c in claims.every() for d in c.differences]
    assert set(signs) == {0}
