"""What each attack does, measured on a batch: kinds of cells, places, what is needed.

Everything is measured per picture; means come with percentile bootstrap intervals over pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sensorium.robustness.attacks import BIM, CW, EAD, FGSM, Attack, Attacked, StrAttack
from sensorium.robustness.pse.cam import activation_maps
from sensorium.robustness.pse.cells import Cells, grid, regions
from sensorium.robustness.pse.contributions import (
    contributions,
    first_order,
    rank_correlation,
    unit_contributions,
)
from sensorium.robustness.pse.interpretability import boolean_map, chance, interpretability
from sensorium.robustness.pse.keeping import Judged, keep_by_kind
from sensorium.robustness.pse.ratio import KINDS, Kind, classify, shares, used_cells
from sensorium.robustness.pse.refining import refine, summary, supports
from sensorium.seeds import generator, torch_generator

SIDE = 2
PERCENTILE = 70.0
EPS = tuple(k / 255 for k in (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64))
REGIONS = ("background", "object", "edges")


def attacks(fast: float = 1.0) -> dict[str, Attack | None]:
    """By name; FGSM is searched for its least eps in `run_attack`."""
    steps = lambda n: max(10, round(n * fast))  # noqa: E731
    return {
        "FGSM, least eps": None,
        "IFGSM 8/255, until it works": BIM(eps=8 / 255),
        "IFGSM 8/255": BIM(eps=8 / 255, stop=False),
        "IFGSM 16/255": BIM(eps=16 / 255, stop=False),
        "C&W": CW(steps=steps(150), searches=7, constant=0.1),
        "EAD": EAD(steps=steps(150), searches=7, constant=0.1),
        "StrAttack": StrAttack(window=SIDE, steps=steps(200), searches=6, tau=1.5, gamma=1.0),
    }


@dataclass(frozen=True)
class Batch:
    """Pictures to attack.

    Attributes:
        network: in ``eval()`` mode.
        x: 0..1.
        true: labels, all answered rightly.
        target: other labels, at random.
        areas: which of `REGIONS` each pixel belongs to.
    """

    network: Any
    x: Tensor
    true: Tensor
    target: Tensor
    areas: Tensor


def interval(values: Tensor, seed: int = 0, draws: int = 2000) -> dict[str, float]:
    """Mean over pictures with a 95 % bootstrap interval; pictures without a value are left out."""
    kept = values[~values.isnan()].double().numpy()
    if not len(kept):
        return {"mean": float("nan"), "low": float("nan"), "high": float("nan"), "pictures": 0}
    chosen = generator(seed, "bootstrap").integers(0, len(kept), (draws, len(kept)))
    low, high = np.percentile(kept[chosen].mean(1), [2.5, 97.5])
    mean = float(kept.mean())
    return {"mean": mean, "low": float(low), "high": float(high), "pictures": len(kept)}


def run_attack(name: str, attack: Attack | None, batch: Batch) -> tuple[Attacked, float]:
    """The attack and its seconds."""
    start = time.perf_counter()
    if attack is not None:
        done = attack(batch.network, batch.x, batch.true, target=batch.target)
        return done, time.perf_counter() - start
    best: Attacked | None = None
    for eps in EPS:
        done = FGSM(eps=eps)(batch.network, batch.x, batch.true, target=batch.target)
        best = done if best is None else _first(best, done)
    assert best is not None
    return best, time.perf_counter() - start


def _first(before: Attacked, now: Attacked) -> Attacked:
    """Where the smaller budget worked, its result; else the larger one's."""
    old = before.success
    pick = lambda a, b: torch.where(old.view(-1, *[1] * (a.ndim - 1)), a, b)  # noqa: E731
    return Attacked(
        x=pick(before.x, now.x),
        success=old | now.success,
        already=before.already,
        norms={k: pick(before.norms[k], now.norms[k]) for k in before.norms},
        queries=before.queries + now.queries,
        gradients=before.gradients + now.gradients,
        zero_gradients=before.zero_gradients + now.zero_gradients,
    )


def measure(batch: Batch, done: Attacked, layers: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """All figures of one attack, over the pictures where it worked."""
    ok = done.success
    if not bool(ok.any()):
        return {"success": 0.0}
    network, x, attacked = batch.network, batch.x[ok], done.x[ok]
    true, target = batch.true[ok], batch.target[ok]
    labels = torch.stack([target, true], 1)
    cells = grid(x.shape, SIDE)
    exact = contributions(network, x, attacked, labels, cells)
    used = used_cells(cells.norms(attacked - x))
    kinds = classify(exact[:, 0], exact[:, 1], used)
    share = shares(kinds)
    proxy = first_order(network, x, attacked, labels, cells)
    judged = Judged(network, x, attacked, true, target, cells)
    kept = keep_by_kind(judged, kinds, torch_generator(0, "kept"))
    change = network_change(network, x, attacked, labels)
    whole = classify(change[:, 0], change[:, 1])
    return {
        "success": float(ok.double().mean()),
        "norms": {k: float(v[ok].double().mean()) for k, v in done.norms.items()},
        "cells_used": interval(used.double().mean(1)),
        "kinds": {k.word: interval(share[:, int(k)]) for k in KINDS},
        "whole": {k.word: float((whole == int(k)).double().mean()) for k in KINDS},
        "logits": {"target": interval(change[:, 0]), "true": interval(change[:, 1])},
        "places": places(network, x, attacked, labels, cells, kinds),
        "kept": {name: outcome.mean() for name, outcome in kept.items()},
        "proxy_rank": {
            "target": interval(rank_correlation(exact[:, 0], proxy[:, 0], used)),
            "true": interval(rank_correlation(exact[:, 1], proxy[:, 1], used)),
        },
        "regions": by_region(network, x, attacked, labels, batch.areas[ok]),
        "units": {name: units(network, layer, x, attacked, labels) for name, layer in layers},
    }


@torch.no_grad()
def network_change(network: Any, x: Tensor, attacked: Tensor, labels: Tensor) -> Tensor:
    """How far both logits move, ``[B, 2]``."""
    return (network(attacked) - network(x)).gather(1, labels)


def places(
    network: Any, x: Tensor, attacked: Tensor, labels: Tensor, cells: Cells, kinds: Tensor
) -> dict[str, Any]:
    """Scores by each of the four maps, and which share of each kind of cell lies inside."""
    found: dict[str, Any] = {}
    for when, inputs in (("x0", x), ("x'", attacked)):
        maps = activation_maps(network, inputs, labels)
        large = maps.over(inputs)
        found["method"] = maps.method
        for column, what in ((1, "t0"), (0, "t")):
            mask = boolean_map(large[:, column], PERCENTILE)
            inside = cells.share_inside(mask) > 0.5
            row: dict[str, Any] = {
                "score": interval(interpretability(attacked - x, mask)),
                "chance": float(chance(mask).mean()),
                "area": float(inside.double().mean()),
            }
            for kind in (Kind.SUPPRESSION, Kind.BALANCED, Kind.PROMOTION):
                mine = kinds == int(kind)
                count = mine.sum(1).double()
                part = (mine & inside).sum(1) / torch.where(count > 0, count, torch.nan)
                row[kind.word] = interval(part)
            found[f"C({when}, {what})"] = row
    return found


def by_region(
    network: Any, x: Tensor, attacked: Tensor, labels: Tensor, areas: Tensor
) -> dict[str, Any]:
    """What each region contributes to the change of both logits, as a share of the sum."""
    rows = []
    for k in range(len(x)):
        here = slice(k, k + 1)
        cells = regions(areas[k])
        m = contributions(network, x[here], attacked[here], labels[here], cells)[0]
        rows.append(torch.nn.functional.pad(m, (0, len(REGIONS) - cells.count)))
    found = torch.stack(rows)  # [B, 2, regions]
    means = found.mean(0)
    return {
        name: {"target": float(means[0, k]), "true": float(means[1, k])}
        for k, name in enumerate(REGIONS)
    }


def units(
    network: Any, layer: Any, x: Tensor, attacked: Tensor, labels: Tensor
) -> dict[str, float]:
    """Shares of the kinds among a layer's units that change, and their rank agreement."""
    m = unit_contributions(network, layer, x, attacked, labels, batch=256)
    used = used_cells(m.abs().sum(1))
    share = shares(classify(m[:, 0], m[:, 1], used))
    return {k.word: float(share[:, int(k)].nanmean()) for k in KINDS}


def refinement(
    batch: Batch, attack: Attack, say: Callable[[str], None]
) -> dict[str, dict[str, dict[str, float]]]:
    """The attack under each map's mask and its controls."""
    labels = torch.stack([batch.target, batch.true], 1)
    clean = activation_maps(batch.network, batch.x, labels).over(batch.x)
    free = attack(batch.network, batch.x, batch.true, target=batch.target)
    after = activation_maps(batch.network, free.x, labels).over(batch.x)
    found = {}
    for name, maps in (("C(x0, t0)", clean[:, 1]), ("C(x', t)", after[:, 0])):
        masks = supports(maps, torch_generator(0, "refining", name), PERCENTILE).named()
        done = refine(attack, batch.network, batch.x, batch.true, batch.target, masks)
        found[name] = {mask: summary(row, batch.x) for mask, row in done.items()}
        say(f"  {name}: " + ", ".join(f"{k} {v['success']:.2f}" for k, v in found[name].items()))
    return found
