"""`evaluate`: a system's metrics on a split, the same however many processes share the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from sensorium.recipe import Data, Examples, Split
from sensorium.store.loading import placed
from sensorium.system import Batch, Meter, System
from sensorium.training.order import InTurn, batches

Calls = dict[str, list[tuple[Tensor, ...]]]
Share = Callable[[Calls], list[Calls]]
Measure = Callable[[Batch, Mapping[str, Meter]], None]


class ProtocolTest(Protocol):
    """How a test protocol measures a system: on which views of each example, scored how."""

    @property
    def views(self) -> int:
        """Forward passes per example."""

    def open(self, split: Split) -> Examples:
        """The examples of one split, each as all of its views."""

    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Feed one batch to the meters that the system made."""


@runtime_checkable
class HasProtocols(Protocol):
    """Data on which systems can be tested by their papers' protocols (optional)."""

    def protocol(self, name: str, system: System) -> ProtocolTest:
        """The test of that name.

        Raises:
            ValueError: when there is none, or it does not suit the system or the data.
        """


def protocol_test(name: str, system: System, data: Data) -> ProtocolTest:
    """How the protocol ``name`` tests ``system`` on ``data``.

    Raises:
        ValueError: when there is no such protocol for them.
    """
    if not isinstance(data, HasProtocols):
        raise ValueError(
            f"got the protocol {name!r}, but {system.name} on {type(data).__name__} has no test "
            "protocols; leave it out"
        )
    return data.protocol(name, system)


def evaluate(
    system: System,
    data: Data,
    *,
    split: Split = "test",
    protocol: str | None = None,
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
        protocol: a test protocol of the system's paper, such as ``accurate``; default: the one view
            of each example that training validates on.
        limit: only the first so many examples.
        batch: examples (with a protocol: views) at once; the figures do not depend on it.
        seed: of the examples' own randomness.
        device: where to compute; default: where the system is.
        workers: data-loading processes.

    Returns:
        Value per metric; those that have none on these examples are left out.

    Raises:
        ValueError: when the split is missing, empty or cannot be read, its classes are not the
            system's, or there is no such device or protocol.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    _refuse_other_classes(system, data)
    test = None if protocol is None else protocol_test(protocol, system, data)
    examples = data.open(split) if test is None else test.open(split)
    count = len(examples) if limit is None else min(limit, len(examples))
    if count < 1:
        raise ValueError(f"the {split} split gives {count} examples; expected at least one")
    if device is not None:
        system = placed(system, device)
    place = next(system.parameters()).device
    size = batch if test is None else max(1, batch // test.views)
    order = InTurn(seed, split, count, batch=size)
    return measured(
        system,
        batches(examples, order, workers=workers, device=place),
        measure=None if test is None else test.measure,
    )


def _refuse_other_classes(system: System, data: Data) -> None:
    """Figures on data of other classes, or of the same in another order, would mean nothing."""
    wanted = data.adapt(system.config)
    knows, has = (getattr(c, "classes", ()) for c in (system.config, wanted))
    if knows != has:
        raise ValueError(
            f"{system.weights} knows {_count(knows)}, the data have {_count(has)}; "
            "name data of its classes"
        )


def _count(classes: tuple[str, ...]) -> str:
    """``15 classes (rise, sink, slide right …)``."""
    more = " …" if len(classes) > 3 else ""
    return f"{len(classes)} classes ({', '.join(classes[:3])}{more})"


def measured(
    system: System,
    shares: Iterator[Batch],
    *,
    measure: Measure | None = None,
    rounds: int | None = None,
    gather: Share = lambda calls: [calls],
) -> dict[str, float]:
    """Feed batches to the system's meters; with several processes, every meter sees all of them.

    What ``measure`` tells the meters is gathered round by round and told to real meters in the
    order of the examples, so that any meter gives the figure of a single process.

    Args:
        system: on the batches' device.
        shares: this process's batches.
        measure: feeds a batch to the meters; default: `System.measure`.
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
                    (measure or system.measure)(batch, heard)
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
    """Finite values of meters that were told something: a class may not have occurred."""
    told = {n: m for n, m in meters.items() if getattr(m, "update_called", True)}
    values = {name: float(meter.compute()) for name, meter in told.items()}
    return {name: value for name, value in values.items() if abs(value) < float("inf")}
