"""`fit`: carry out a recipe, step by step, so that it can be killed anywhere and resumed exactly.

Each step depends on the weights, the optimiser's state and the step's number alone: the data come
from `order`, the learning rate from `optimisation.lr_factor`, dropout from a seed per step.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sensorium.recipe import Data, Examples, Recipe
from sensorium.seeds import derive
from sensorium.store.loading import load_weights
from sensorium.system import Batch, System
from sensorium.training import checkpoints, run_folder
from sensorium.training.building import build
from sensorium.training.checkpoints import Best, Checkpoint, Record
from sensorium.training.devices import open_accelerator
from sensorium.training.evaluation import measured
from sensorium.training.order import InTurn, Order, batches
from sensorium.training.randomness import seeded
from sensorium.training.stage import ActiveStage
from sensorium.training.step import Step

if TYPE_CHECKING:
    from accelerate import Accelerator

T = TypeVar("T")
logger = logging.getLogger("sensorium.training")


def fit(
    recipe: Recipe,
    folder: str | Path,
    *,
    resume: bool = False,
    device: str | None = None,
    system: type[System] | None = None,
) -> Iterator[Step]:
    """Train by ``recipe`` in the run folder ``folder``; yields every step when it is done.

    A checkpoint is written after the consumer has seen its step: every ``save_every`` steps, at a
    new best validation and at the end. Several processes (``accelerate launch``) share each batch.

    Args:
        recipe: what to do.
        folder: new or empty, or with ``resume`` one that holds a run of the same recipe.
        resume: go on from the newest whole checkpoint.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; default: the best there is.
        system: the system's class, when it is none of the package's.

    Raises:
        ValueError: when the folder, the recipe, the device or the data do not allow it, and while
            iterating when a loss or gradient is not finite or an example cannot be made.
    """
    folder = Path(folder)
    if not recipe.stages or min(stage.steps for stage in recipe.stages) < 1:
        raise ValueError(f"recipe {recipe.name!r} needs stages of at least one step each")
    accelerator = open_accelerator(recipe, device)
    val = recipe.data.open("val")
    train = [_open_train(recipe, stage.data or recipe.data) for stage in recipe.stages]
    checkpoint = _on_main(accelerator, lambda: run_folder.open_run(folder, recipe, resume=resume))
    model = build(recipe, system, start=checkpoint is None)
    if checkpoint is not None:
        load_weights(model, checkpoint.weights)
    run = _Run(recipe, folder, accelerator, model.to(accelerator.device), train, val, checkpoint)
    if run.done >= run.total:
        logger.warning("%s: all %d steps are done already", folder, run.total)
        return iter(())
    facts = {"processes": accelerator.num_processes, "device": str(accelerator.device)}
    if accelerator.is_main_process:
        run_folder.note_start(folder, run.done, facts)
    return _steps(run)


@dataclass
class _Run:
    """One process's part of a run."""

    recipe: Recipe
    folder: Path
    accelerator: Accelerator
    system: System
    train: list[Examples]  # of each stage
    val: Examples
    checkpoint: Checkpoint | None

    def __post_init__(self) -> None:
        self.system.train()  # systems may decide there what is trained at all
        self.trainable = frozenset(n for n, p in self.system.named_parameters() if p.requires_grad)
        self.best = None if self.checkpoint is None else self.checkpoint.record.best
        self.total = sum(stage.steps for stage in self.recipe.stages)
        self.done = 0 if self.checkpoint is None else self.checkpoint.record.step

    @property
    def share(self) -> tuple[int, int]:
        """This process and the number of processes."""
        return self.accelerator.process_index, self.accelerator.num_processes

    def batches(self, stage: int, steps: range) -> Generator[Batch, None, None]:
        """What this process sees in the given steps (numbers from 0) of a stage."""
        order = Order(
            self.recipe.seed,
            len(self.train[stage]),
            steps,
            batch=self.recipe.batch,
            micro=self.recipe.accumulate,
            share=self.share,
        )
        workers, device = self.recipe.workers, self.accelerator.device
        return batches(self.train[stage], order, workers=workers, device=device)

    def validate(self, number: int) -> dict[str, float] | None:
        """Metrics on the validation split if it is this step's turn."""
        every = self.recipe.validate_every
        if not len(self.val) or not (number == self.total or (every and number % every == 0)):
            return None
        from accelerate.utils import gather_object

        rank, processes = self.share
        size = max(1, self.recipe.batch // (processes * self.recipe.accumulate))
        count, place = len(self.val), self.accelerator.device
        order = InTurn(self.recipe.seed, "val", count, batch=size, share=(rank, processes))
        with seeded(derive(self.recipe.seed, "validate", number), place):
            return measured(
                self.system,
                batches(self.val, order, workers=self.recipe.workers, device=place),
                rounds=-(-count // (size * processes)),
                gather=lambda calls: gather_object([calls]),
            )

    def save(self, number: int, stage: int, active: ActiveStage, step: Step) -> None:
        """Write a checkpoint if it is this step's turn or a new best."""
        better = _better(self.system, self.best, number, step.validation)
        self.best = better or self.best
        every = self.recipe.save_every
        due = number == self.total or (every and number % every == 0) or better is not None
        if not due:
            return
        if self.accelerator.is_main_process:
            record = Record(number, stage, self.best, step.validation)
            checkpoints.write(self.folder, self.system, active.state(), record)
        active.last_saved = number


def _steps(run: _Run) -> Iterator[Step]:
    """The generator proper."""
    recipe = run.recipe
    clock = _Clock(recipe.batch)
    first, last_saved = 0, run.done
    for index, stage in enumerate(recipe.stages):
        last = first + stage.steps
        if run.done < last:
            stream = run.batches(index, range(max(first, run.done), last))
            try:
                active = ActiveStage(run.accelerator, run.system, recipe, stage, run.trainable)
                active.last_saved = last_saved
                active.first = first
                if run.checkpoint is not None and run.checkpoint.record.stage == index:
                    active.restore(run.checkpoint.state())
                for number in range(max(first, run.done) + 1, last + 1):
                    losses, rate = active.step(number, stream)
                    validation = run.validate(number)
                    if validation is not None:
                        active.train()
                    clock.tick()
                    left = clock.seconds_left(run.total - number)
                    step = Step(
                        number, run.total, stage.name, losses, rate, clock.rate, left, validation
                    )
                    yield step
                    run.save(number, index, active, step)
                last_saved = active.last_saved
                run.accelerator.free_memory()
            finally:
                stream.close()
        first = last
    run.accelerator.end_training()


class _Clock:
    """How fast the last steps were."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.ticks: deque[float] = deque([time.perf_counter()], maxlen=51)

    def tick(self) -> None:
        """A step is done."""
        self.ticks.append(time.perf_counter())

    @property
    def step_seconds(self) -> float:
        """Seconds per step."""
        return max(1e-9, self.ticks[-1] - self.ticks[0]) / max(1, len(self.ticks) - 1)

    @property
    def rate(self) -> float:
        """Examples per second."""
        return self.batch / self.step_seconds

    def seconds_left(self, steps: int) -> float:
        """For so many steps."""
        return steps * self.step_seconds


def _open_train(recipe: Recipe, data: Data) -> Examples:
    """The training split, which must hold something."""
    examples = data.open("train")
    if not len(examples):
        raise ValueError(f"recipe {recipe.name!r}: the train split is empty; check the data")
    return examples


def _on_main(accelerator: Accelerator, work: Callable[[], T]) -> T:
    """Do it in the main process; all get its result, or its error."""
    from accelerate.utils import broadcast_object_list

    outcome: list[T | str | None] = [None, None]
    if accelerator.is_main_process:
        try:
            outcome[0] = work()
        except (ValueError, OSError) as error:
            if accelerator.num_processes == 1:
                raise
            outcome[1] = str(error)
    broadcast_object_list(outcome)
    if isinstance(outcome[1], str):
        raise ValueError(outcome[1])
    return outcome[0]  # type: ignore[return-value]


def _better(
    system: System, best: Best | None, step: int, validation: dict[str, float] | None
) -> Best | None:
    """This step as the new best, or ``None``; of equals the later one counts.

    The metric is the first of ``System.metrics`` that knows whether higher is better.
    """
    if validation is None:
        return None
    for name, meter in system.metrics().items():
        higher = getattr(meter, "higher_is_better", None)
        if higher is None:
            continue
        if name not in validation:
            return None
        value = validation[name]
        sign = 1.0 if higher else -1.0
        if best is None or best.metric != name or sign * value >= sign * best.value:
            return Best(step, name, value)
        return None
    return None
