"""Scores any number of ways of separating one fixed set of mixtures, each way in each figure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from sensorium.sounds.datasets.data import SoundData
from sensorium.sounds.metrics import MixtureScorer, SourceScores
from sensorium.system import Batch

Ways = Callable[[Batch], dict[str, Tensor]]
"""From a batch of mixtures to estimates ``[B, S, N]`` by row name."""
MIXTURES = 256
ORACLE = "oracle permutation"
FIGURES = ("sdr", "nsdr", "sir", "sar", "si_sdri", "sdr_mix")
_ACTIVE = 0.1  # of the loudest frame's level (-20 dB), where a source is called active
_FRAME = 1024  # samples


def held_out_batches(data: SoundData, count: int = MIXTURES, size: int = 32) -> Iterable[Batch]:
    """The test mixtures of some data, the same for every row: they depend on the index alone."""
    examples = replace(data, held_out=max(count, 160)).open("test")
    for first in range(0, count, size):
        made = [examples.example(i, 0) for i in range(first, min(first + size, count))]
        yield {key: torch.stack([e[key] for e in made]) for key in made[0]}


def score(
    batches: Iterable[Batch],
    ways: Ways,
    classes: Sequence[str],
    *,
    orderless: Sequence[str] = (),
    detail: bool = False,
) -> dict[str, dict[str, Any]]:
    """Every way's figures.

    Args:
        batches: the mixtures.
        ways: how to take them apart.
        classes: names of the labels.
        orderless: rows whose estimates come in no order; scored as they come, and in the order
            that an oracle gives them.
        detail: whether to keep overlap and NSDR of every mixture.
    """
    tallies: dict[str, Tally] = {}
    for batch in batches:
        with torch.no_grad():
            estimates = ways(batch)
        for i, references in enumerate(batch["waves"]):
            scorer = MixtureScorer(references, references.sum(0))
            shared = overlap(references) if detail else None
            for name, estimate in estimates.items():
                orders = {name: estimate[i]}
                if name in orderless:
                    best = estimate[i][scorer.best_order(estimate[i])]
                    orders = {f"{name}, fixed order": estimate[i], f"{name}, {ORACLE}": best}
                for row, ordered in orders.items():
                    tally = tallies.setdefault(row, Tally(tuple(classes)))
                    tally.add(scorer.score(ordered), batch["label"][i], shared)
    return {name: tally.figures() for name, tally in tallies.items()}


@dataclass
class Tally:
    """What is known so far of one row."""

    classes: tuple[str, ...]
    values: dict[str, list[float]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    mixtures: int = 0
    overlaps: list[tuple[float, float]] = field(default_factory=list)

    def add(self, scores: SourceScores, label: Tensor, shared: float | None) -> None:
        """One mixture's scores."""
        self.mixtures += 1
        figures = {name: value.tolist() for name, value in scores.figures().items()}
        for name, values in figures.items():
            self.values.setdefault(name, []).extend(v for v in values if not math.isnan(v))
        for k, value in zip(label.tolist(), figures["nsdr"], strict=True):
            if k >= 0 and not math.isnan(value):
                self.values.setdefault(f"nsdr/{self.classes[k]}", []).append(value)
        for name, number in scores.counts().items():
            self.counts[name] = self.counts.get(name, 0) + number
        nsdr = [v for v in figures["nsdr"] if not math.isnan(v)]
        if shared is not None and nsdr:
            self.overlaps.append((round(shared, 3), round(statistics.mean(nsdr), 2)))

    def figures(self) -> dict[str, Any]:
        """Means over sources, counts, and where asked for every mixture's overlap and NSDR."""
        means = {name: statistics.mean(v) for name, v in self.values.items() if v}
        out: dict[str, Any] = {"mixtures": self.mixtures, **self.counts, **means}
        return {**out, "by_overlap": self.overlaps} if self.overlaps else out


def overlap(references: Tensor) -> float:
    """Of the time in which any source ``[S, N]`` is active, the share in which two or more are.

    Active is within 20 dB of the source's loudest stretch of 93 ms.
    """
    frames = references[:, : references.shape[1] // _FRAME * _FRAME].unflatten(1, (-1, _FRAME))
    level = frames.square().mean(-1).sqrt()
    active = level > _ACTIVE * level.amax(1, keepdim=True).clamp_min(1e-6)
    number = active.sum(0)
    return float((number > 1).sum() / (number > 0).sum().clamp_min(1))


def swapped(batch: Batch, sights: Sequence[str]) -> Batch:
    """The same mixtures with each source's pictures given to the next one."""
    return {k: v.roll(1, 1) if k in sights else v for k, v in batch.items()}


def over_seeds(seeds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Means and spread of one row over its seeds."""
    runs = list(seeds.values())
    names = [n for n, v in runs[0].items() if isinstance(v, int | float)]
    out: dict[str, Any] = {"seeds": sorted(seeds)}
    for name in names:
        values = [run[name] for run in runs if name in run]
        out[name] = statistics.mean(values)
        if len(values) > 1 and (name in FIGURES or isinstance(values[0], float)):
            out[f"{name}_spread"] = statistics.stdev(values)
    if "by_overlap" in runs[0]:
        pairs = [tuple(pair) for run in runs for pair in run["by_overlap"]]
        out["by_overlap"] = binned(pairs)
    return out


def binned(
    pairs: Sequence[tuple[float, float]], edges: Sequence[float] = (0, 0.2, 0.4, 0.6, 0.8, 1.01)
) -> list[dict[str, float]]:
    """Mean NSDR of the mixtures of each range of overlap, with its standard error."""
    rows = []
    for low, high in pairwise(edges):
        values = [nsdr for shared, nsdr in pairs if low <= shared < high]
        if values:
            error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
            rows.append(
                {
                    "from": low,
                    "to": min(high, 1.0),
                    "mixtures": len(values),
                    "nsdr": statistics.mean(values),
                    "error": error,
                }
            )
    return rows
