"""Which example comes when: a function of the seed and the number of the sample, nothing else.

Sample ``n`` of a run is entry ``n mod L`` of the permutation of epoch ``n // L``, augmented by a
seed of its own. So a run can go on at any step, with any number of workers, and see the same data;
and the processes of a distributed run share out the very batch that one process would see.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from sensorium.recipe import Examples
from sensorium.seeds import derive, torch_generator
from sensorium.system import Batch

Draw = tuple[int, int]  # index, seed


@dataclass(frozen=True)
class Failure:
    """What went wrong in a worker; it travels back instead of a batch."""

    message: str
    trace: str = ""


class Order(Sampler[list[Draw]]):
    """Micro-batches of ``(index, seed)`` for one process, from one step to another.

    Args:
        seed: of the run.
        length: examples in an epoch.
        steps: the steps to draw for (numbers from 0).
        batch: examples per step, over all processes and micro-batches.
        micro: micro-batches per step.
        share: this process and the number of processes.
    """

    def __init__(
        self,
        seed: int,
        length: int,
        steps: range,
        *,
        batch: int,
        micro: int = 1,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.seed, self.length, self.steps = seed, length, steps
        self.batch, self.micro = batch, micro
        self.rank, self.processes = share
        self._epoch = -1
        self._permutation: list[int] = []

    def draw(self, n: int) -> Draw:
        """Sample ``n`` of the run."""
        epoch, place = divmod(n, self.length)
        if epoch != self._epoch:
            generator = torch_generator(self.seed, "epoch", epoch)
            self._permutation = torch.randperm(self.length, generator=generator).tolist()
            self._epoch = epoch
        return self._permutation[place], derive(self.seed, "example", n)

    def __len__(self) -> int:
        return len(self.steps) * self.micro

    def __iter__(self) -> Iterator[list[Draw]]:
        size = self.batch // (self.processes * self.micro)
        for step in self.steps:
            for micro in range(self.micro):
                first = step * self.batch + (micro * self.processes + self.rank) * size
                yield [self.draw(n) for n in range(first, first + size)]


class InTurn(Sampler[list[Draw]]):
    """The examples one after another, for validation: batch ``b`` goes to process ``b mod P``."""

    def __init__(
        self, seed: int, split: str, count: int, *, batch: int, share: tuple[int, int] = (0, 1)
    ) -> None:
        rank, processes = share
        draws = [(i, derive(seed, split, i)) for i in range(count)]
        batches = [draws[i : i + batch] for i in range(0, count, batch)]
        self.batches = batches[rank::processes]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[Draw]]:
        return iter(self.batches)


class _Drawn(Dataset[dict[str, Tensor] | Failure]):
    """Looks like a map-style data set whose keys are draws."""

    def __init__(self, examples: Examples) -> None:
        self.examples = examples

    def __getitem__(self, draw: Draw) -> dict[str, Tensor] | Failure:
        index, seed = draw
        try:
            return self.examples.example(index, seed)
        except Exception as error:  # told to the main process, which raises it
            message = f"example {index} cannot be made: {_one_line(error)}"
            return Failure(message, traceback.format_exc())


def batches(
    examples: Examples,
    order: Order | InTurn,
    *,
    workers: int = 0,
    device: torch.device | str = "cpu",
) -> Generator[Batch, None, None]:
    """Stacked batches on ``device``, made by ``workers`` processes (0: in this one).

    The workers live as long as the generator, and go when it is closed or fails.

    Raises:
        ValueError: when an example cannot be made, with the message of its maker.
    """
    device = torch.device(device)
    count = min(workers, _usable_cores(), len(order))
    loader = DataLoader(
        _Drawn(examples),
        batch_sampler=order,
        num_workers=count,
        collate_fn=_stack,
        worker_init_fn=_start_worker if count else None,
        pin_memory=device.type == "cuda",
        generator=torch.Generator(),  # else the loader draws from the global one
    )
    try:
        for batch in loader:
            if isinstance(batch, Failure):
                error = ValueError(batch.message)
                error.add_note(batch.trace)
                raise error
            yield {k: v.to(device, non_blocking=True) for k, v in batch.items()}
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        reason = " ".join(str(error).split())
        raise ValueError(
            f"a data worker died ({reason}); most often memory ran out: take fewer workers"
        ) from error


def _stack(examples: list[dict[str, Tensor] | Failure]) -> Batch | Failure:
    """One batch of examples, or the first failure among them."""
    good: list[dict[str, Tensor]] = []
    for example in examples:
        if isinstance(example, Failure):
            return example
        good.append(example)
    first = good[0]
    for example in good:
        here = {k: (list(v.shape), v.dtype) for k, v in example.items()}
        there = {k: (list(v.shape), v.dtype) for k, v in first.items()}
        if here != there:
            return Failure(f"examples of one batch differ: {there} and {here}")
    return {k: torch.stack([e[k] for e in good]) for k in first}


def _start_worker(worker: int) -> None:
    """One thread per worker: the workers themselves are the parallelism."""
    torch.set_num_threads(1)
    opencv = sys.modules.get("cv2")
    if opencv is not None:
        opencv.setNumThreads(0)


def _usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _one_line(error: Exception) -> str:
    """The error's own words; with its type where it was not meant for users."""
    text = " ".join(str(error).split())
    if isinstance(error, ValueError | OSError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
