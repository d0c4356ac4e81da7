"""`train`: a whole run, from recipe to saved system, with bar and log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from sensorium.recipe import Recipe, Split
from sensorium.store import Card, save
from sensorium.store.loading import load_weights
from sensorium.system import System
from sensorium.training import checkpoints, run_folder
from sensorium.training.building import build
from sensorium.training.checkpoints import Checkpoint
from sensorium.training.evaluation import evaluate
from sensorium.training.log import Log
from sensorium.training.loop import fit
from sensorium.training.order import InTurn, batches
from sensorium.training.progress import Bar
from sensorium.training.step import Step
from sensorium.training.tensorboard import Board
from sensorium.types import Clip

EVALUATION_SEED = 0
logger = logging.getLogger("sensorium.training")


@runtime_checkable
class HasPaper(Protocol):
    """A system that knows what its card should say (optional)."""

    paper: str
    limits: str


@runtime_checkable
class HasClips(Protocol):
    """Data that also have whole videos, to calibrate on (optional)."""

    def clips(self, split: Split) -> Iterable[Clip]:
        """Some of a split's videos, one after another."""


def train(
    recipe: Recipe,
    folder: str | Path,
    *,
    resume: bool = False,
    device: str | None = None,
    system: type[System] | None = None,
    tensorboard: bool = False,
    bar: bool = True,
) -> Path:
    """Carry out ``recipe`` in ``folder`` and save the trained system there; returns its folder.

    The saved weights are those of the best validation (the last ones when no metric says which is
    better), calibrated on the validation split and measured on the test split.

    Args:
        recipe: what to do.
        folder: new or empty, or with ``resume`` one that holds a run of the same recipe.
        resume: go on where a run stopped, with the same numbers as if it had not.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; default: the best there is.
        system: the system's class, when it is none of the package's.
        tensorboard: also write TensorBoard's files.
        bar: show progress on stderr.

    Raises:
        ValueError: as `fit` does, and when TensorBoard is asked for but not installed.
    """
    folder = Path(folder)
    target = folder / run_folder.SYSTEM
    if resume and run_folder.is_finished(folder, recipe):
        logger.warning("%s is finished: the trained system is in %s", folder, target)
        return target
    boards = [Board(folder)] if tensorboard else []
    steps = fit(recipe, folder, resume=resume, device=device, system=system)
    held_out = _held_out(recipe)
    main, place = _where()
    with ExitStack() as stack:
        listening: list[Callable[[Step], None]] = []
        if main:
            listening += [stack.enter_context(Log(folder))]
            listening += [stack.enter_context(board) for board in boards]
            listening += [stack.enter_context(Bar())] if bar else []
        for step in steps:
            for listen in listening:
                listen(step)
    if main:
        _finish(recipe, folder, system, place, held_out)
    return target


def _where() -> tuple[bool, torch.device]:
    """Whether this is the main process, and its device, as `fit` set them up."""
    from accelerate import PartialState

    state = PartialState()
    return state.is_main_process, state.device


def _finish(
    recipe: Recipe,
    folder: Path,
    kind: type[System] | None,
    device: torch.device,
    held_out: _HeldOut,
) -> None:
    """Calibrate, measure and save what the run gave."""
    checkpoint = _chosen(folder)
    system = build(recipe, kind, start=False)
    load_weights(system, checkpoint.weights)
    system.to(device).eval()
    val = recipe.data.open("val")
    if len(val):
        order = InTurn(recipe.seed, "val", len(val), batch=recipe.batch)
        clips = recipe.data.clips("val") if isinstance(recipe.data, HasClips) else ()
        system.calibrate(batches(val, order, workers=recipe.workers, device=device), clips)
    metrics: dict[str, float] = {}
    if held_out.count:
        metrics = evaluate(
            system,
            recipe.data,
            split=held_out.split,
            batch=recipe.batch,
            seed=EVALUATION_SEED,
            workers=recipe.workers,
        )
    save(system, folder / run_folder.SYSTEM, _card(recipe, system, checkpoint, held_out, metrics))


@dataclass(frozen=True)
class _HeldOut:
    """What the card's figures are measured on."""

    split: Split
    count: int


def _held_out(recipe: Recipe) -> _HeldOut:
    """The test split, or validation where there is none (its truth is not published) or it is bad.

    Asked before training, so that what is wrong is said then.
    """
    try:
        return _HeldOut("test", len(recipe.data.open("test")))
    except ValueError as error:
        logger.warning("%s; the figures will be those of the validation split", error)
        return _HeldOut("val", len(recipe.data.open("val")))


def _chosen(folder: Path) -> Checkpoint:
    """The checkpoint of the best validation, else the last one."""
    last = checkpoints.newest(folder)
    if last is None:
        raise ValueError(f"{folder} holds no readable checkpoint; train again in a new folder")
    best = last.record.best
    if best is None or best.step == last.record.step:
        return last
    try:
        return checkpoints.at(folder, best.step)
    except ValueError as error:
        logger.warning("%s; saving the last weights instead of the best", error)
        return last


def _trained_on(recipe: Recipe) -> str:
    """The data of all stages, each once; where a stage has none of its own, the recipe's."""
    own = (recipe.data if stage.data is None else stage.data for stage in recipe.stages)
    return "; ".join(dict.fromkeys(map(str, own)))


def _card(
    recipe: Recipe,
    system: System,
    checkpoint: Checkpoint,
    held_out: _HeldOut,
    metrics: dict[str, float],
) -> Card:
    """What there is to say about the run."""
    best = checkpoint.record.best
    chosen = (
        f"weights of the best validation: {best.metric} {best.value:.4f} at step {best.step}"
        if best is not None and best.step == checkpoint.record.step
        else f"weights of the last step, {checkpoint.record.step}"
    )
    return Card(
        description=recipe.description,
        recipe=recipe.name,
        seeds=(recipe.seed,),
        steps=checkpoint.record.step,
        trained_on=_trained_on(recipe),
        evaluated_on=(
            f"the {held_out.split} split, {held_out.count} examples, seed {EVALUATION_SEED}"
        ),
        metrics=metrics,
        limits=system.limits if isinstance(system, HasPaper) else "",
        paper=system.paper if isinstance(system, HasPaper) else "",
        notes=(chosen,),
    )
