"""What every system promises, tried on the tiny recipe of each."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sensorium.recipe import Optimiser, Recipe, Schedule, Stage
from sensorium.seeds import derive
from sensorium.store import Card, load, save, systems
from sensorium.system import Batch, Result, System
from sensorium.training import HasParameterGroups, evaluate, fit, recipe, recipes
from sensorium.training.building import build
from sensorium.types import Clip, FrameVideo
from sensorium.worlds.stage import clip as stage_clip
from sensorium.worlds.stage import compose
from sensorium.worlds.stage.watching import StageAudio

TINY = sorted(name for name in recipes() if name.endswith("-tiny"))


@pytest.fixture(params=TINY)
def tiny(request: pytest.FixtureRequest) -> Recipe:
    """The recipe, with little held out."""
    whole = recipe(request.param)
    return replace(whole, data=replace(whole.data, length=24, held_out=4), batch=4, save_every=2)


def batch_of(tiny: Recipe, indices: list[int], split: Any = "train") -> Batch:
    examples = tiny.data.open(split)
    made = [examples.example(i, derive(0, "contract", i)) for i in indices]
    return {key: torch.stack([e[key] for e in made]) for key in made[0]}


def training_batches(tiny: Recipe, indices: list[int]) -> list[Batch]:
    """A batch of each kind (set of keys) that the stages train on; most recipes have one kind."""
    own = [tiny.data] if any(stage.data is None for stage in tiny.stages) else []
    found: dict[frozenset[str], Batch] = {}
    for data in (*own, *(stage.data for stage in tiny.stages if stage.data is not None)):
        kind = frozenset(data.open("train").example(0, 0))
        if kind not in found:
            found[kind] = batch_of(replace(tiny, data=data), indices)
    return list(found.values())


def copied(batch: Batch) -> Batch:
    return {key: value.clone() for key, value in batch.items()}


def state(system: System) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in system.state_dict().items()}


def plain_run(tiny: Recipe, steps: int) -> Recipe:
    stage = replace(tiny.stages[0], steps=steps)
    return replace(tiny, stages=(stage,), validate_every=0)


def test_every_system_has_a_tiny_recipe() -> None:
    assert {type(build(recipe(name))).name for name in TINY} == set(systems())


def test_builds_from_its_recipe(tiny: Recipe) -> None:
    system = build(tiny)
    assert type(system) is systems()[system.name]
    assert type(system.config) is type(system).Config
    assert type(system)(system.config).state_dict().keys() == system.state_dict().keys()
    assert system.weights == tiny.name


def test_same_seed_same_weights(tiny: Recipe) -> None:
    first, again, other = build(tiny), build(tiny), build(replace(tiny, seed=1))
    assert all(
        torch.equal(a, b) for a, b in zip(state(first).values(), state(again).values(), strict=True)
    )
    differ = [
        not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True)
    ]
    assert any(differ)


def test_examples_depend_on_index_and_seed_alone(tiny: Recipe) -> None:
    first, again = tiny.data.open("train"), tiny.data.open("train")
    again.example(1, 5)
    torch.manual_seed(1)
    a = first.example(3, 7)
    torch.manual_seed(2)
    b = again.example(3, 7)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_losses_are_finite_scalars_and_reach_every_parameter(tiny: Recipe) -> None:
    """Where the stages train on several kinds of batch, all of these together."""
    system = build(tiny).train()
    for batch in training_batches(tiny, [0, 1, 2, 3]):
        before = copied(batch)
        losses = system.losses(batch)
        assert "loss" in losses
        assert all(value.ndim == 0 and torch.isfinite(value) for value in losses.values())
        assert all(torch.equal(before[key], batch[key]) for key in batch), "the batch was changed"
        losses["loss"].backward()
    for name, parameter in system.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name


def test_parameter_groups_hold_every_parameter_once(tiny: Recipe) -> None:
    system = build(tiny)
    if isinstance(system, HasParameterGroups):
        grouped = [id(p) for group in system.parameter_groups() for p in group["params"]]
        assert sorted(grouped) == sorted(id(p) for p in system.parameters())


OVERFIT = {
    "pixels": (100, 0.6),
    "motions": (100, 0.6),
    "concepts": (100, 0.6),
    "nsvqa": (250, 0.1),
    "wsdec": (200, 0.6),
    "expressions": (120, 0.4),
}
"""Steps, and share of the first loss: masks, boxes and sentences take longer than a few labels, and
adversaries keep a loss."""


def test_overfits_two_examples(tiny: Recipe) -> None:
    """Every kind of batch for itself; a policy gradient's loss is no measure of fit."""
    system = build(tiny).train()
    steps, share = OVERFIT.get(system.name, (40, 0.1))
    tried = 0
    for batch in training_batches(tiny, [0, 1]):
        losses = system.losses(batch)
        if "reward" in losses:
            continue
        tried, first = tried + 1, float(losses["loss"].detach())
        optimiser = torch.optim.AdamW(system.parameters(), lr=3e-3)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            for _ in range(steps):
                optimiser.zero_grad()
                system.losses(batch)["loss"].backward()
                optimiser.step()
            last = float(system.losses(batch)["loss"].detach())
        assert last < share * first, sorted(batch)
    assert tried


def test_saved_is_loaded(tiny: Recipe, tmp_path: Path) -> None:
    system = build(tiny)
    with torch.no_grad():
        for batch in training_batches(tiny, [0, 1, 2, 3]):
            system.train().losses(batch)  # statistics of normalisation move
    back = load(save(system, tmp_path / "saved", Card(recipe=tiny.name)))
    ours, theirs = state(system), state(back)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert back.config == system.config
    clip = a_clip()
    assert system.eval().predict(clip).to_dict() == back.predict(clip).to_dict()


def a_clip() -> Clip:
    return stage_clip(compose(seed=3, seconds=4.0, performers=2), 48, 64)


def test_prediction_is_plain_and_can_be_kept(tiny: Recipe, tmp_path: Path) -> None:
    system = build(tiny).eval()
    result = system.predict(a_clip())
    assert isinstance(result, Result)
    said = json.loads(json.dumps(result.to_dict()))
    assert said["system"] == tiny.name
    assert said["file"] == "stage seed 3"
    written = result.save(tmp_path / "result")
    assert written
    assert all(path.stat().st_size > 0 for path in written)
    assert result.figure().axes
    assert system.predict(a_clip()).to_dict() == result.to_dict()
    assert all(p.grad is None for p in system.parameters())


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 17, 91), (9, 90, 18), (40, 1, 1)])
def test_prediction_takes_any_length_and_size(tiny: Recipe, shape: tuple[int, int, int]) -> None:
    count, height, width = shape
    frames = torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8)
    heard = StageAudio(compose(seed=4, seconds=8.0, performers=1), 8000)
    clip = Clip(FrameVideo(frames, fps=7.5, start=2.0), heard, "odd")
    said = build(tiny).eval().predict(clip).to_dict()
    numbers = [v for v in json.loads(json.dumps(said)).values() if isinstance(v, float)]
    assert all(math.isfinite(v) for v in numbers)


def test_missing_pictures_are_one_line(tiny: Recipe) -> None:
    whole = a_clip()
    with pytest.raises(ValueError, match="stage seed 3") as caught:
        build(tiny).eval().predict(replace(whole, video=None))
    assert "\n" not in str(caught.value)


def test_metrics_do_not_depend_on_the_batch(tiny: Recipe) -> None:
    system = build(tiny)
    whole = evaluate(system, tiny.data, batch=8)
    assert whole
    assert all(math.isfinite(value) for value in whole.values())
    assert evaluate(system, tiny.data, batch=3) == pytest.approx(whole, abs=1e-5)


def test_broken_off_and_resumed_is_unbroken(tiny: Recipe, tmp_path: Path) -> None:
    run = plain_run(tiny, 4)
    whole = [step.losses for step in fit(run, tmp_path / "whole", device="cpu")]
    for step in fit(run, tmp_path / "broken", device="cpu"):
        if step.number == 3:
            break
    rest = [s.losses for s in fit(run, tmp_path / "broken", device="cpu", resume=True)]
    assert len(rest) == 2
    assert rest == whole[2:]
    ours, theirs = (state(load(tmp_path / name)) for name in ("whole", "broken"))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_calibration_is_saved_with_the_weights(tiny: Recipe, tmp_path: Path) -> None:
    system = build(tiny).eval()
    system.calibrate(iter([batch_of(tiny, [0, 1, 2, 3]), batch_of(tiny, [4, 5, 6, 7])]))
    back = load(save(system, tmp_path / "saved", Card()))
    ours, theirs = state(system), state(back)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_bf16_stage_runs(tiny: Recipe, tmp_path: Path) -> None:
    data = tiny.stages[0].data
    stage = Stage("half", 1, Optimiser("adamw", lr=1e-3), Schedule(), data=data)
    run = replace(tiny, stages=(stage,), precision="bf16")
    (step,) = fit(run, tmp_path / "run", device="cpu")
    assert math.isfinite(step.losses["loss"])
