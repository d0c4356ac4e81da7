"""The benchmark of questions: its scoring, its held-out questions, its recipes."""

from __future__ import annotations

import importlib
import json
import pickle
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from sensorium.questions.baselines import FiLMConfig, FiLMSystem
from sensorium.questions.datasets.blocks_words import blocks_words
from sensorium.questions.parser import ParserConfig
from sensorium.questions.systems import NSVQAConfig, NSVQASystem
from sensorium.store import Card, save, systems
from sensorium.training.building import build
from sensorium.worlds.blocks.placing import COGENT_B
from sensorium.worlds.blocks.programs import from_tokens
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.scenes import Item

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

RED = Item("large", "red", "metal", "cube", (0.0, 1.0, 0.7))
BLUE = Item("small", "blue", "rubber", "sphere", (1.0, 0.0, 0.35))


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def module(name: str) -> Any:
    return importlib.import_module(name)


def question(program: str, answer: str) -> Question:
    return Question("?", from_tokens(program.split()), answer, 0, 0)


COUNT = question("count scene", "2")
EXIST = question("exist filter_color[red] scene", "yes")
SHAPE = question("query_shape unique filter_color[blue] scene", "sphere")


def squares(*corners: tuple[int, int]) -> np.ndarray:
    masks = np.zeros((len(corners), 20, 30), bool)
    for mask, (row, column) in zip(masks, corners, strict=True):
        mask[row : row + 6, column : column + 6] = True
    return masks


def system() -> NSVQASystem:
    torch.manual_seed(0)
    parser = ParserConfig(blocks_words().words, hidden=8, embedding=8)
    return NSVQASystem(NSVQAConfig(parser=parser)).eval()


# --- scoring --------------------------------------------------------------------------------------


def test_answers_are_scored_by_type_and_none_is_wrong() -> None:
    row = module("questions_scoring").scored(
        [COUNT, EXIST, SHAPE, SHAPE], ["2", None, None, "cube"]
    )
    assert row["accuracy"] == 0.25
    assert row["accuracy/count"] == 1.0
    assert row["accuracy/exist"] == row["accuracy/query"] == 0.0
    assert "accuracy/compare_integer" not in row
    assert row["no_answer"] == 0.5
    assert row["accuracy_with_guess"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 4)


def test_programs_match_to_the_letter() -> None:
    match = module("questions_scoring").program_match
    assert match([COUNT, EXIST], [("count", "scene"), ("exist", "scene")]) == 0.5
    assert match([COUNT], [("scene", "count")]) == 0.0


def test_the_commonest_answer_is_that_of_the_last_function() -> None:
    other = replace(SHAPE, answer="cube")
    guess = module("questions_scoring").commonest([COUNT, SHAPE, other, other])
    assert guess(SHAPE) == "cube"
    assert guess(replace(COUNT, answer="7")) == "2"


def test_a_scene_seen_as_it_is_has_full_marks() -> None:
    scoring = module("questions_scoring")
    tally, true = scoring.SceneTally(), scoring.Listed((RED, BLUE), squares((2, 2), (10, 20)))
    tally.add(scoring.Listed((BLUE, RED), true.masks[::-1]), true)
    row = tally.figures()
    shares = ("recall", "precision", "scene_exact", "right/all", "right/shape", "right/relation")
    assert all(row[name] == 1.0 for name in shares)
    assert row["mask_iou"] == 1.0
    assert row["position_error"] == 0.0


def test_what_is_wrong_in_a_scene_is_counted() -> None:
    scoring = module("questions_scoring")
    tally, true = scoring.SceneTally(), scoring.Listed((RED, BLUE), squares((2, 2), (10, 20)))
    wrong = replace(RED, color="cyan", position=(0.5, -1.0, 0.7))
    ghost = replace(BLUE, color="gray")
    masks = squares((2, 3), (10, 20), (10, 2))  # the first is one of six columns off
    tally.add(scoring.Listed((wrong, BLUE, ghost), masks), true)
    tally.add(scoring.Listed((), masks[:0]), true)
    row = tally.figures()
    assert row["recall"] == 2 / 4
    assert row["precision"] == 2 / 3
    assert row["scene_exact"] == 0.0
    assert row["right/color"] == row["right/all"] == 0.5
    assert row["right/shape"] == 1.0
    assert row["mask_iou"] == pytest.approx((1 + 30 / 42) / 2)
    assert row["position_error"] == pytest.approx((0.5 + 2.0) / 4)
    assert row["right/relation"] == 0.5  # left and right as it is, front and behind swapped


def test_masks_that_hardly_meet_are_no_match() -> None:
    scoring = module("questions_scoring")
    true = scoring.Listed((RED,), squares((2, 2)))
    assert scoring.matched(scoring.Listed((RED,), squares((2, 5))), true) == []


def test_rows_of_several_seeds_have_mean_and_spread() -> None:
    row = module("questions_scoring").over_seeds({"0": {"accuracy": 0.5}, "1": {"accuracy": 0.7}})
    assert row["accuracy"] == pytest.approx(0.6)
    assert row["accuracy_spread"] == pytest.approx(0.1414, abs=1e-3)


# --- held-out questions ---------------------------------------------------------------------------


def test_true_programs_on_true_scenes_are_always_right() -> None:
    held_out = module("questions_held_out").HeldOut(None, 3)
    parts = system()
    tables = module("questions_measures").nsvqa(parts.scenes, parts.parser, held_out)
    rows = tables["answers"]
    assert rows["nsvqa: true scenes, true programs"]["accuracy"] == 1.0
    assert rows["nsvqa: true scenes, true programs"]["no_answer"] == 0.0
    assert rows["nsvqa: pixels"]["accuracy"] < 0.9  # it is not trained
    assert tables["mistakes"]["nsvqa"]["wrong"] > 0
    assert len(held_out.questions) == 30
    for number, items in enumerate(held_out.truth):
        assert items == tuple(
            replace(item, position=pytest.approx(item.position, abs=1e-5))
            for item in held_out.rendered.scene(number).items
        )
        assert len(held_out.listed(number).masks) == len(items)


def test_the_engine_asks_the_same_of_scenes_in_either_way() -> None:
    held_out = module("questions_held_out").HeldOut(None, 3, each=4)
    questions_of = module("questions_held_out").questions_of
    assert held_out.questions == questions_of(held_out.ask())
    other = module("questions_held_out").HeldOut(None, 3, each=4, condition="b")
    cubes = {item.color for items in other.truth for item in items if item.shape == "cube"}
    assert cubes <= set(COGENT_B["cube"])
    assert other.questions


def test_mistakes_are_laid_at_somebodys_door() -> None:
    asked = SimpleNamespace(questions=[SHAPE] * 4, truth=[(RED, BLUE)])
    seen = [(RED, replace(BLUE, shape="cube"))]
    wrong = from_tokens(["query_shape", "unique", "filter_color[red]", "scene"])
    right = SHAPE.program
    row = module("questions_measures").mistakes(asked, [right, wrong, None, right], seen)
    assert row == {"wrong": 4, "scene": 2, "program": 0, "either": 0, "both": 2}
    row = module("questions_measures").mistakes(asked, [wrong, None, right, right], [(RED, BLUE)])
    assert row == {"wrong": 2, "scene": 0, "program": 2, "either": 0, "both": 0}


def test_networks_answer_every_question_of_its_own_picture() -> None:
    held_out = module("questions_held_out").HeldOut(None, 2, each=3)
    torch.manual_seed(0)
    config = FiLMConfig(blocks_words().words, height=32, width=48, channels=8, trunk=(8, 8))
    film = FiLMSystem(config).eval()
    answers = module("questions_measures").replies(film, held_out)
    pictures = next(held_out.pictures(2))
    for question, answer in zip(held_out.questions, answers, strict=True):
        assert film.answer(pictures[question.image], [question.text]) == [answer]


# --- runs -----------------------------------------------------------------------------------------


def test_every_run_has_a_recipe_that_builds(tmp_path: Path) -> None:
    runs = module("questions_runs")
    known = [*systems().values(), *runs.BASELINES.values()]
    for name, run in runs.RUNS.items():
        recipe = runs.prepared(run, 1, 0.5, tmp_path)
        kind = next(s for s in known if type(recipe.system) is s.Config)
        made = build(replace(recipe, data=replace(recipe.data, cache=None)), kind)
        assert recipe.seed == 1, name
        assert recipe.data.cache == tmp_path, name
        assert all(s.data is None or s.data.cache == tmp_path for s in recipe.stages), name
        assert not run.after or list(runs.RUNS).index(run.after) < list(runs.RUNS).index(name)
        gray = getattr(getattr(made.config, "attributes", None), "gray_shape", False)
        assert gray == ("gray" in name), name


def test_conditions_of_the_runs(tmp_path: Path) -> None:
    runs = module("questions_runs")
    for name, run in runs.RUNS.items():
        if run.section == "cogent":
            recipe = runs.prepared(run, 0, 1.0, tmp_path)
            expected = "b" if name.endswith("then B") else "a"
            assert {s.data.condition for s in recipe.stages} == {expected}, name


def test_jobs_go_to_other_processes_in_order(tmp_path: Path) -> None:
    options = Namespace(
        again=False,
        only=["end-to-end", "cogent"], seeds=[0, 1], folder=tmp_path, cache=tmp_path, factor=1.0,
        test=2, cogent=2, rows=None,
    )  # fmt: skip
    lanes = pickle.loads(pickle.dumps(list(module("questions_quality").lanes(options))))
    (chain,) = [lane for lane in lanes if len(lane) > 1]
    assert [job.name for job in chain][:3] == ["finder", "A", "A, then B"]
    for number, job in enumerate(chain[1:], 1):
        assert Path(job.recipe.init) in {before.folder / "system" for before in chain[:number]}
    assert {(lane[0].name, lane[0].seed) for lane in lanes if len(lane) == 1} == {
        (name, seed) for name in ("film", "cnn-lstm", "lstm, blind") for seed in (0, 1)
    }


def test_weights_are_measured_and_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sensorium.questions.datasets.rendered as rendered

    monkeypatch.setattr(rendered, "_SHARD", 2)
    quality = module("questions_quality")
    monkeypatch.setattr(quality, "IMAGES", 4)
    save(system(), tmp_path / "system", Card("test", recipe="nsvqa", trained_on="nothing"))
    options = Namespace(
        again=False,
        weights=str(tmp_path / "system"), scenes="", parser="", few=str(tmp_path / "system"),
        test=2, cogent=2, seeds=[0],
        folder=tmp_path / "runs", cache=tmp_path / "cache", only=["answers"], factor=1.0, rows=None,
    )  # fmt: skip
    options.folder.mkdir()
    quality.measure_weights(options)
    out = quality.collect(options)
    assert out["tables"]["answers"]["nsvqa: true scenes, true programs"]["accuracy"] == 1.0
    assert "commonest answer" in out["tables"]["answers"]
    few = out["tables"]["answers"]["nsvqa: pixels, few programs"]
    assert few == out["tables"]["answers"]["nsvqa: pixels"]  # the same parser
    assert out["weights"]["nsvqa"]["trained_on"] == "nothing"
    json.dumps(out)
