"""The benchmark of events: its held-out episodes, measures, runs and tables."""

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

from sensorium.events.datasets.stage import StageStories
from sensorium.events.features import StageFeaturesConfig
from sensorium.events.heard import HeardConfig
from sensorium.events.metrics.localisation import localisation
from sensorium.events.recipes import wsdec_tiny
from sensorium.events.systems import ANCHORS, CAPTIONS, CYCLE, WSDECSystem
from sensorium.training.building import build
from sensorium.types import Span

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
HEARD = StageFeaturesConfig(seen=None, heard=HeardConfig(bands=8, onsets=0))
DATA = StageStories(length=4, seconds=8.0, features=HEARD, cache=None)


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def module(name: str) -> Any:
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def system() -> WSDECSystem:
    recipe = replace(wsdec_tiny(), data=DATA)
    torch.manual_seed(0)
    return build(recipe, WSDECSystem).eval()


def held_out(count: int = 4) -> Any:
    return module("events_held_out").HeldOut(DATA, "test", count)


def options(folder: Path, **fields: Any) -> Namespace:
    words = ["--folder", str(folder / "runs"), "--cache", str(folder / "cache")]
    made = module("events_quality").arguments([*words, "--out", str(folder)])
    return Namespace(**{**vars(made), **fields})


# --- held-out episodes ----------------------------------------------------------------------------


def test_held_out_episodes_tell_no_order_and_are_not_trained_on() -> None:
    episodes = held_out()
    said = [sentence for story in episodes.stories for _, sentence in story]
    assert said
    words = {word for sentence in said for word in sentence.replace(",", " ").split()}
    assert not words & {"then", "first", "next", "finally", "after", "before", "while"}
    learnt = DATA.open("train")
    seeds = {learnt.episode(i).seed for i in range(4)}
    assert not seeds & {episodes.examples.episode(i).seed for i in range(4)}


def test_batches_hold_the_truth() -> None:
    episodes = held_out()
    for numbers, batch in episodes.batches(3):
        for row, index in enumerate(numbers):
            story = episodes.stories[index]
            assert int(batch["sentences"][row]) == len(story)
            centres = batch["spans"][row, : len(story), 0].tolist()
            assert centres == pytest.approx([span.centre for span, _ in story])
            told = [DATA.words.decode(w) for w in batch["words"][row, : len(story)].tolist()]
            known = [s for _, s in story if not DATA.words.unknown(s)]
            assert set(known) <= set(told)


def test_true_spans_are_found_and_parts_add_up() -> None:
    episodes = held_out()
    filled = [i for i, story in enumerate(episodes.stories) if story]
    row = episodes.localised({i: episodes.spans(i) for i in filled})
    assert row["miou"] == pytest.approx(1.0, abs=1e-4)
    whole = {i: torch.tensor([[0.5, 1.0]]).expand(len(episodes.stories[i]), 2) for i in filled}
    row = episodes.localised(whole)
    widths = [span.duration for story in episodes.stories for span, _ in story]
    assert row["miou"] == pytest.approx(sum(widths) / len(widths), abs=1e-4)
    facts = episodes.facts()
    share = facts["overlapping_share"]
    assert 0 < share <= 1
    alone = row.get("miou_alone", 0.0)
    mixed = share * row["miou_overlapping"] + (1 - share) * alone
    assert mixed == pytest.approx(row["miou"], abs=1e-4)


def test_overlap_counts_from_a_tenth() -> None:
    overlapped = module("events_held_out").overlapped
    a, b, c = Span(0.0, 0.5), Span(0.46, 0.9), Span(0.4, 0.6)
    assert not overlapped(a, [a, b])
    assert overlapped(a, [a, c])
    assert overlapped(c, [a, b, c])
    assert not overlapped(a, [a])


# --- measures -------------------------------------------------------------------------------------


def test_collapse_is_seen() -> None:
    measures, episodes = module("events_measures"), held_out()
    filled = [i for i, story in enumerate(episodes.stories) if len(story) > 1]
    one_place = {i: torch.tensor([[0.3, 0.2]]).expand(len(episodes.stories[i]), 2) for i in filled}
    row = measures.collapse(one_place, episodes)
    assert row["spread"] == pytest.approx(0.0, abs=1e-6)
    assert row["distinct"] == 1.0
    assert row["shared"] == pytest.approx(1.0)
    row = measures.collapse({i: episodes.spans(i) for i in filled}, episodes)
    assert row["spread"] == pytest.approx(row["spread_true"])
    assert row["distinct"] == row["distinct_true"] > 1
    assert row["shared"] < 1
    assert measures.collapse({}, episodes) == {}


def test_chance_is_measured_and_the_nearest_anchor_is_best(system: WSDECSystem) -> None:
    measures, episodes = module("events_measures"), held_out()
    rows = measures.chance_rows(system.localiser.anchors, episodes, 0)
    assert rows["nearest anchor"]["miou"] > max(
        rows[n]["miou"] for n in ("random anchors", "random spans", "whole video")
    )
    assert rows["whole video"]["distinct"] == 1.0
    assert rows == measures.chance_rows(system.localiser.anchors, episodes, 0)
    other = measures.chance_rows(system.localiser.anchors, episodes, 1)
    assert other["random spans"] != rows["random spans"]
    assert other["uniform split, order known"] == rows["uniform split, order known"]


def test_a_system_has_every_figure(system: WSDECSystem) -> None:
    measures, episodes = module("events_measures"), held_out(3)
    (row,) = measures.system_rows(system, episodes, "it").values()
    wanted = {
        "miou", "recall1_iou0.5", "recall1_iou0.5_macro", "label_miou", "spread", "distinct",
        "cider_d", "bleu4", "rouge_l", "soda", "recall", "precision", "f1", "predictions",
        "slot_all",
    }  # fmt: skip
    assert wanted <= set(row)
    assert any(name.startswith("meteor") for name in row)
    assert all(0 <= row[name] <= 1 for name in ("miou", "f1", "soda", "recall", "slot_all"))
    lesson = system.lesson(episodes.batch([0]))
    spans, _ = system.localise(lesson)
    held = module("events_held_out")
    mine = {"0": held.spans_of(spans[0, : len(episodes.stories[0])])}
    true = {"0": [span for span, _ in episodes.stories[0]]}
    found = measures.found_by(system, episodes).spans
    assert episodes.localised({0: found[0]})["miou"] == pytest.approx(
        localisation(mine, true)["miou"]
    )
    assert measures.system_rows(system, episodes, "it", found=False) == {"it": {}}


def test_given_spans_are_told_as_they_are(system: WSDECSystem) -> None:
    measures, episodes = module("events_measures"), held_out(3)
    rows = measures.given_rows(system, episodes, 0)
    assert rows["true spans"]["recall"] == rows["true spans"]["precision"] == 1.0
    assert rows["whole video"]["predictions"] == 1.0
    assert rows["random spans"]["predictions"] == measures.CANDIDATES
    named = measures.given_rows(system, episodes, 0, by="captions only")
    assert set(named) == {f"{name}, told by captions only" for name in rows}


def test_searches_change_one_thing(system: WSDECSystem) -> None:
    measures = module("events_measures")
    own = system.config.search
    made = measures.searches(own)
    assert own in made.values()
    assert {search.rounds for search in made.values()} >= {0, 1, 2, 4, 8}
    rows = measures.search_rows(system, held_out(2))
    assert set(rows) == set(made)
    assert rows["rounds: 1"] == rows["kept: what stays"]  # the tiny system's own


# --- runs -----------------------------------------------------------------------------------------


def phases(recipe: Any) -> dict[float, int]:
    runs, out = module("events_runs"), {}
    for stage in recipe.stages:
        kind = runs.phase_of(stage)
        out[kind] = out.get(kind, 0) + stage.steps
    return out


def test_every_run_has_a_recipe_that_builds() -> None:
    runs = module("events_runs")
    given = runs.Budget(factor=0.5, paper=0.5, episodes=3, seconds=8.0, batch=4)
    for name, run in runs.RUNS.items():
        recipe = runs.prepared(run, 1, given)
        assert (recipe.seed, recipe.data.length, recipe.batch) == (1, 3, 4), name
        assert (recipe.data.kind == "full") == (name == "full supervision"), name
        small = replace(recipe, data=replace(recipe.data, features=HEARD))
        made = build(small, WSDECSystem, start=False)
        assert made.config.localiser.anchors == recipe.system.localiser.anchors
        assert not run.after or list(runs.RUNS).index(run.after) < list(runs.RUNS).index(name)
        assert run.section == "main" or not run.every_seed
        shorter = 0.25 if name == runs.PAPER else 0.5
        whole = sum(stage.steps for stage in run.recipe().stages)
        assert sum(stage.steps for stage in recipe.stages) == pytest.approx(shorter * whole, abs=20)


def test_what_is_taken_away_is_away_and_steps_are_the_same() -> None:
    runs = module("events_runs")
    made = {name: run.recipe() for name, run in runs.RUNS.items()}
    own = phases(made["wsdec"])
    before = phases(made["captions only"])[CAPTIONS]
    assert before == own[CAPTIONS]
    total = sum(own.values())
    without = phases(made["no cycle"])
    assert CYCLE not in without
    assert without[ANCHORS] == own[ANCHORS] + own[CYCLE]
    assert without[CAPTIONS] == own[CYCLE]
    assert made["no regression"].system.localiser.anchors.scale == 0
    assert len(build(replace(made["no anchors"], data=DATA), WSDECSystem).localiser.anchors) == 1
    assert set(phases(made["no anchors"])) == {CYCLE}
    for name, run in runs.RUNS.items():
        if run.after and name != "no cycle":
            assert before + sum(phases(made[name]).values()) == total, name


def test_jobs_go_to_other_processes_in_order(tmp_path: Path) -> None:
    given = options(tmp_path, seeds=[0, 1], episodes=3, seconds=8.0)
    lanes = pickle.loads(pickle.dumps(list(module("events_quality").lanes(given))))
    chains = [lane for lane in lanes if len(lane) > 1]
    assert [lane[0].name for lane in chains] == ["captions only"] * 2
    for job in chains[0][1:]:
        assert Path(job.recipe.init) == chains[0][0].folder / "system"
    assert {job.run.section for job in chains[1]} == {"main"}
    some = list(module("events_quality").lanes(replace_rows(given, ["no cycle"])))
    assert [job.name for job in some[0]] == ["captions only", "no cycle"]


def replace_rows(given: Namespace, rows: list[str]) -> Namespace:
    return Namespace(**{**vars(given), "rows": rows})


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_run_is_trained_once_measured_and_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, quality = module("events_runs"), module("events_quality")

    def tiny() -> Any:
        base = wsdec_tiny()
        stages = tuple(replace(s, steps=1) for s in base.stages)
        return replace(base, data=replace(DATA, features=HEARD), stages=stages)

    monkeypatch.setattr(runs, "_HELD_OUT", 1)
    monkeypatch.setitem(runs.RUNS, "wsdec", runs.Run("main", tiny, every_seed=True))
    given = options(
        tmp_path, rows=["wsdec"], seeds=[0, 1], test=3, val=2, episodes=4, seconds=8.0, batch=4,
    )  # fmt: skip
    lanes = list(quality.lanes(given))
    assert [quality.carry_out(lane) for lane in lanes] == [[], []]
    assert all(job.done and not job.stale() for lane in lanes for job in lane)
    weights = lanes[0][0].folder / "system" / "model.safetensors"
    written = weights.stat().st_mtime_ns
    assert quality.carry_out(lanes[0]) == []
    assert weights.stat().st_mtime_ns == written
    out = quality.collect(given)
    row = out["tables"]["test"]["wsdec"]
    assert row["seeds"] == ["0", "1"]
    assert "miou_spread" in row
    assert out["networks"]["wsdec"]["steps"] == {"captions": 1, "anchors": 1, "cycle": 1}
    assert out["networks"]["wsdec"]["by_seed"]["0"]["train_cpu_minutes"] > 0
    assert out["episodes"]["test"]["episodes"] == 3
    results = json.loads(json.dumps(out))
    tables, docs = module("events_tables"), module("write_docs")
    for name, (source, make) in tables.TABLES.items():
        if source == "events_quality" and name != "events-shares":
            text = make(docs.table, results)
            assert "| wsdec |" in text, name
    assert "Not measured" in tables.shares(docs.table, results)


def test_shares_of_full_supervision() -> None:
    tables, docs = module("events_tables"), module("write_docs")
    rows = {
        "wsdec": {"miou": 0.3, "cider_d": 0.2},
        "full supervision": {"miou": 0.6, "cider_d": 0.4},
        "random spans": {"miou": 0.1},
    }
    text = tables.shares(docs.table, {"tables": {"test": rows}})
    assert "| wsdec | 50 (40) |" in text
    assert "50 (50)" in text
