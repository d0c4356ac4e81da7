"""Recipes of WSDEC: the stages carry out the phases, and the published one is as published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sensorium.events.anchors import anchors_of
from sensorium.events.recipes import RECIPES, without, wsdec, wsdec_full, wsdec_paper, wsdec_tiny
from sensorium.events.systems import ANCHORS, CAPTIONS, CYCLE, SUPERVISED, WSDECConfig
from sensorium.plain import from_plain, to_plain
from sensorium.training import fit


def phases(name: str) -> list[float]:
    return [stage.anneal[0][1] for stage in RECIPES[name]().stages]


def test_names_and_configs_survive_json() -> None:
    for name, make in RECIPES.items():
        recipe = make()
        assert recipe.name == name
        assert from_plain(WSDECConfig, to_plain(recipe.system)) == recipe.system


def test_weak_recipes_go_from_captions_to_anchors_to_the_cycle() -> None:
    for name in ("wsdec", "wsdec-paper", "wsdec-tiny"):
        order = phases(name)
        assert order[0] == CAPTIONS
        assert order[1::2] == [ANCHORS] * len(order[1::2])
        assert order[2::2] == [CYCLE] * len(order[2::2])
        assert RECIPES[name]().data.kind == "weak"
    assert phases("wsdec-full") == [SUPERVISED]
    assert wsdec_full().data.kind == "full"
    assert wsdec_full().system.localiser == wsdec().system.localiser


def test_paper_is_as_published() -> None:
    recipe = wsdec_paper()
    system = recipe.system
    assert system.localiser.head == "published"
    assert (system.localiser.hidden, system.localiser.layers, system.localiser.norm) == (
        512, 2, "batch")  # fmt: skip
    assert (system.generator.context, system.generator.initial) == ("clr", "end")
    assert system.generator.slope == 0.1
    assert (system.learning.targets, system.learning.sentences) == ("metric", 1)
    assert (system.search.candidates, system.search.rounds, system.search.keep) == (15, 1, "moved")
    assert {stage.optimiser.kind for stage in recipe.stages} == {"sgd"}


def test_ablations_leave_out_what_they_say() -> None:
    recipe = wsdec()
    order = [stage.anneal[0][1] for stage in without(recipe, "cycle").stages]
    assert CYCLE not in order
    assert order[:2] == [CAPTIONS, ANCHORS]
    assert without(recipe, "regression").system.localiser.anchors.scale == 0
    bare = without(recipe, "anchors")
    assert len(anchors_of(bare.system.localiser.anchors)) == 1
    assert ANCHORS not in [stage.anneal[0][1] for stage in bare.stages]
    assert bare.name == "wsdec-without-anchors"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tiny_runs_through_its_stages(tmp_path: Path) -> None:
    """A few steps of each: the phase is set, captions get better, nothing else moves."""
    tiny = wsdec_tiny()
    counts = (8, 1, 1)
    stages = [replace(stage, steps=n) for stage, n in zip(tiny.stages, counts, strict=True)]
    data = replace(tiny.data, length=4, held_out=2, seconds=6.0)
    short = replace(tiny, data=data, stages=tuple(stages), batch=4)
    steps = list(fit(short, tmp_path, device="cpu"))
    captions = [step.losses["caption"] for step in steps[:8]]
    assert captions[-1] < captions[0]
    assert set(steps[8].losses) == {"loss", "anchor", "spread"}
    assert set(steps[9].losses) == {"loss", "caption", "segment", "anchor", "spread"}
    assert all(torch.isfinite(torch.tensor(step.losses["loss"])) for step in steps)
