"""`evaluate`: a system's metrics on a split, the same however many processes share the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from sensorium.recipe import Data, Split
from sensorium.store.loading import placed
from sensorium.system import Batch, Meter, System
from sensorium.training.order import InTurn, batches

Calls = dict[str, list[tuple[Tensor, ...]]]
Share = Callable[[Calls], list[Calls]]


def evaluate(
    system: System,
    data: Data,
    *,
    split: Split = "test",
    limit: int | None = None,
    batch: int = 32,
    seed: int = 0,
    device: str | None = None,
    workers: int = 0,
) -> dict[str, float]:
    """The metrics of ``system`` on a split.

    Args:
        system: trained; its mode is restored afterwards.
        data: opens the split.
        split: ``train``, ``val`` or ``test``.
        limit: only the first so many examples.
        batch: examples at once; the figures do not depend on it.
        seed: of the examples' own randomness.
        device: where to compute; default: where the system is.
        workers: data-loading processes.

    Returns:
        Value per metric; those that have none on these examples are left out.

    Raises:
        ValueError: when the split is missing, empty or cannot be read, or there is no such device.
    """
    examples = data.open(split)
    count = len(examples) if limit is None else min(limit, len(examples))
    if count < 1:
        raise ValueError(f"the {split} split gives {count} examples; expected at least one")
    if device is not None:
        system = placed(system, device)
    place = next(system.parameters()).device
    order = InTurn(seed, split, count, batch=batch)
    return measured(system, batches(examples, order, workers=workers, device=place))


def measured(
    system: System,
    shares: Iterator[Batch],
    *,
    rounds: int | None = None,
    gather: Share = lambda calls: [calls],
) -> dict[str, float]:
    """Feed batches to the system's meters; with several processes, every meter sees all of them.

    What `System.measure` tells the meters is gathered round by round and told to real meters in the
    order of the examples, so that any meter gives the figure of a single process.

    Args:
        system: on the batches' device.
        shares: this process's batches.
        rounds: how often to gather; the same in every process (default: once per batch).
        gather: gives every process's calls in the order of the processes.
    """
    meters = system.metrics()
    for meter in meters.values():
        if hasattr(meter, "sync_on_compute"):  # torchmetrics would gather a second time
            meter.sync_on_compute = False
    training = system.training
    system.eval()
    try:
        done = 0
        while rounds is None or done < rounds:
            batch = next(shares, None)
            if batch is None and rounds is None:
                break
            heard = {name: _Listener() for name in meters}
            if batch is not None:
                with torch.no_grad():
                    system.measure(batch, heard)
            for calls in gather({name: listener.calls for name, listener in heard.items()}):
                _replay(meters, calls)
            done += 1
    finally:
        system.train(training)
    return _figures(meters)


class _Listener:
    """Stands in for a meter and keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Tensor, ...]] = []

    def update(self, *values: Tensor) -> None:
        """Keep one call's tensors on the CPU."""
        self.calls.append(tuple(v.detach().cpu() for v in values))

    def compute(self) -> Any:
        """Nothing: only the real meters know."""
        raise TypeError("System.measure must only update its meters, not compute them")


def _replay(meters: Mapping[str, Meter], calls: Calls) -> None:
    for name, meter in meters.items():
        for values in calls[name]:
            meter.update(*values)


def _figures(meters: Mapping[str, Meter]) -> dict[str, float]:
    """Finite values only: a class that did not occur has no accuracy."""
    values = {name: float(meter.compute()) for name, meter in meters.items()}
    return {name: value for name, value in values.items() if abs(value) < float("inf")}
