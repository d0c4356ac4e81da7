"""Recipes of expressions: the paper's is as published, the tiny one runs through its stages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sensorium.expressions.baselines import BASELINES
from sensorium.expressions.datasets.portraits import Portraits
from sensorium.expressions.recipes import (
    RECIPES,
    expressions,
    expressions_paper,
    expressions_tiny,
)
from sensorium.expressions.systems import ExpressionsConfig
from sensorium.plain import from_plain, to_plain
from sensorium.training import fit


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipes_are_complete(name: str) -> None:
    recipe = RECIPES[name]()
    assert recipe.name == name
    config = recipe.data.adapt(recipe.system)
    assert from_plain(ExpressionsConfig, to_plain(config)) == config
    assert len(config.expressions) == len(set(config.expressions))


def test_baselines_have_the_steps_of_the_system() -> None:
    steps = sum(stage.steps for stage in RECIPES["expressions"]().stages)
    for name, make in BASELINES.items():
        recipe = make()
        assert recipe.name == name
        assert sum(stage.steps for stage in recipe.stages) == steps


def test_paper_is_as_published() -> None:
    recipe = expressions_paper()
    system = recipe.system
    assert (system.size, len(system.channels), system.norm) == (256, 8, "batch")
    assert (system.discriminator, system.local_discriminator, system.local_crop) == (
        "three", True, 0)  # fmt: skip
    assert not system.d_conditional
    assert not system.input_skip
    assert (system.face_weight, system.mouth_weight, system.squared_weight) == (0, 0, 0)
    (stage,) = recipe.stages
    assert (stage.optimiser.kind, stage.optimiser.lr) == ("adam", 2e-4)
    assert stage.optimiser.lr * system.d_rate == 2e-4
    assert stage.steps * recipe.batch == pytest.approx(2100 * recipe.data.length, rel=1e-3)
    assert recipe.data.open("test").sittings.side == 289
    assert recipe.data.labels == "time"


def test_the_last_stages_are_of_people_who_hold_still() -> None:
    """Those before them are as the paper trains: filmed, cropped, labelled by time."""
    recipe = expressions()
    datas = [stage.data for stage in recipe.stages]
    assert datas == [Portraits()] * 3 + [None] * 2
    assert (recipe.data.still, recipe.data.whole, recipe.data.labels) == (True, 0.5, "true")
    assert [stage.anneal[0][1] for stage in recipe.stages] == [0, 0, 1, 0, 1]
    filmed = RECIPES["expressions-recordings"]()
    assert not filmed.system.d_conditional
    assert all(stage.data is None for stage in filmed.stages)


def test_tiny_runs_through_its_stages(tmp_path: Path) -> None:
    """The discriminators rest, then learn."""
    tiny = expressions_tiny()
    short = tuple(replace(stage, steps=3) for stage in tiny.stages)
    data = replace(tiny.data, length=8, held_out=0)
    states, losses = [], []
    for step in fit(replace(tiny, data=data, stages=short, batch=4), tmp_path, device="cpu"):
        losses.append(set(step.losses))
        states.append(step.stage)
    assert states == ["reconstruction 1"] * 3 + ["adversarial"] * 3
    assert losses[0] == {"loss", "reconstruction", "landmarks"}
    assert {"discriminator", "discriminator_mouth", "continuity"} <= losses[5]
    assert torch.isfinite(torch.tensor(step.losses["loss"]))
