from dataclasses import replace

import pytest
import torch

from sensorium.plain import from_plain, to_plain
from sensorium.questions.recipes import RECIPES, nsvqa_tiny
from sensorium.questions.systems import NSVQAConfig, NSVQASystem
from sensorium.store import load
from sensorium.training import fit
from sensorium.training.building import build
from sensorium.training.whole import _trained_on


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipes_are_complete(name):
    recipe = RECIPES[name]()
    assert recipe.name == name
    config = recipe.data.adapt(recipe.system)
    assert from_plain(NSVQAConfig, to_plain(config)) == config
    names = [n for n, _ in NSVQASystem(config).named_parameters()]
    for stage in recipe.stages:
        trained = [n for n in names if not n.startswith(tuple(stage.freeze))]
        assert trained, f"{name}: {stage.name} trains nothing"
        assert len({n.startswith("parser.") for n in trained}) == 1


def test_the_halves_are_the_whole():
    whole, scenes, questions = (RECIPES[n]() for n in ("nsvqa", "nsvqa-scenes", "nsvqa-questions"))
    assert [s.name for s in whole.stages] == ["find", "attributes", "programs", "reinforce"]
    assert (*scenes.stages, *questions.stages) == whole.stages
    assert scenes.system == questions.system == whole.system


def test_the_card_says_what_each_stage_was_trained_on():
    said = _trained_on(RECIPES["nsvqa"]())
    parts = ("6,000 scenes", "the programs of all", "the answers of all")
    assert [part in said for part in parts] == [True] * 3
    assert "pictures of the blocks world" not in said  # on which it is only measured


def test_halves_can_be_put_together(tmp_path):
    """Each half's run leaves the other half as it was."""
    recipe = nsvqa_tiny()
    short = [replace(stage, steps=2) for stage in recipe.stages]
    halves = {"scenes": short[:2], "parser": short[2:]}
    for name, stages in halves.items():
        run = replace(recipe, stages=tuple(stages), data=replace(recipe.data, held_out=2, tested=2))
        assert [s.stage for s in fit(run, tmp_path / name, device="cpu")][-1] == stages[-1].name
    start = build(recipe).state_dict()
    ran = {name: load(tmp_path / name).state_dict() for name in halves}
    for name, other in (("scenes", "parser."), ("parser", "scenes.")):
        moved = [k for k, v in ran[name].items() if not torch.equal(v, start[k])]
        assert moved
        assert not any(k.startswith(other) for k in moved)
    system = build(recipe)
    for name in halves:
        system.start_from({k: v for k, v in ran[name].items() if k.startswith(name)})
    for key, value in system.state_dict().items():
        if key.startswith(("scenes.", "parser.")):
            assert torch.equal(value, ran[key.split(".")[0]][key])
