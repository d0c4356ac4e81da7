"""Dissection against sensitivity, and what silencing the sensitive units does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sensorium.robustness.attacks import BIM
from sensorium.robustness.pse.dissection import Dissection, dissect
from sensorium.robustness.pse.probes import object_probes
from sensorium.robustness.pse.sensitivity import Sensitivity, mask_units, rank_units, sensitivity
from sensorium.seeds import generator
from sensorium.worlds.objects import split_seeds

SHARE = 0.02
SHUFFLES = 5
MEASURES = ("jsd of maxima", "jsd of means", "relative L2")
EPS = tuple(k / 255 for k in (0.25, 0.5, 1, 2, 4, 8))


def dissected(
    network: Any, layers: Mapping[str, Any], pictures: int
) -> tuple[dict[str, Dissection], dict[str, Dissection]]:
    """Each layer against the concepts of the world of objects, and with shuffled masks."""
    probes, concepts = object_probes(split_seeds("test", pictures, 10_000))
    true = dissect(network, layers, probes, concepts, share=SHARE)
    chance = dissect(network, layers, probes, concepts, share=SHARE, shuffled=True)
    return true, chance


def sensitivities(
    network: Any, layers: Mapping[str, Any], x: Tensor, attacked: Tensor
) -> dict[str, dict[str, Sensitivity]]:
    """By the summary of the maps."""
    return {
        "max": sensitivity(network, layers, x, attacked),
        "mean": sensitivity(network, layers, x, attacked, summary="mean"),
    }


def measures_of(found: Mapping[str, Mapping[str, Sensitivity]], layer: str) -> dict[str, Tensor]:
    """The measures of one layer, for each unit."""
    by_max, by_mean = found["max"][layer], found["mean"][layer]
    values = (by_max.jsd, by_mean.jsd, by_max.relative_l2)
    return dict(zip(MEASURES, values, strict=True))


def relation(iou: Tensor, sensitive: Tensor, seed: int, draws: int = 5000) -> dict[str, float]:
    """Spearman's correlation with a permutation p-value and a bootstrap interval over units.

    Units that never say anything are left out: they would agree with each other for no reason.
    """
    from scipy.stats import rankdata

    dead = (sensitive == 0) & (iou == 0)
    keep = sensitive.isfinite() & iou.isfinite() & ~dead
    a, b = iou[keep].double().numpy(), sensitive[keep].double().numpy()
    random = generator(seed, "relation")

    def spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        x, y = (rankdata(v, axis=-1) for v in (x, y))
        x, y = (v - v.mean(-1, keepdims=True) for v in (x, y))
        scale = np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
        return np.where(scale > 0, (x * y).sum(-1) / np.maximum(scale, 1e-12), 0.0)

    rho = float(spearman(a, b))
    shuffled = random.permuted(np.tile(b, (draws, 1)), axis=1)
    p = (1 + int((np.abs(spearman(a[None], shuffled)) >= abs(rho) - 1e-12).sum())) / (draws + 1)
    chosen = random.integers(0, len(a), (draws, len(a)))
    low, high = np.percentile(spearman(a[chosen], b[chosen]), [2.5, 97.5])
    top = np.argsort(-b)[: max(1, len(b) // 4)]
    rest = np.setdiff1d(np.arange(len(b)), top)
    return {
        "rho": rho,
        "p": p,
        "low": float(low),
        "high": float(high),
        "units": len(a),
        "iou_of_most_sensitive_quarter": float(a[top].mean()),
        "iou_of_rest": float(a[rest].mean()),
    }


def holm(rows: Sequence[dict[str, float]]) -> None:
    """Adds p-values adjusted for the number of comparisons (Holm) under ``p_adjusted``."""
    order = sorted(range(len(rows)), key=lambda k: rows[k]["p"])
    largest = 0.0
    for place, k in enumerate(order):
        largest = max(largest, min(1.0, (len(rows) - place) * rows[k]["p"]))
        rows[k]["p_adjusted"] = largest


def study(
    network: Any, layers: Mapping[str, Any], x: Tensor, attacked: Tensor, pictures: int
) -> dict[str, Any]:
    """Per layer: what its units detect, how sensitive they are, and whether the two go together."""
    true, shuffled = dissected(network, layers, pictures)
    moved = sensitivities(network, layers, x, attacked)
    found: dict[str, Any] = {}
    tests = []
    for number, name in enumerate(layers):
        one, values = true[name], measures_of(moved, name)
        related = {m: relation(one.best, values[m], 10 * number + k) for k, m in enumerate(values)}
        tests += list(related.values())
        kind = dict(zip(one.concepts.names, one.concepts.categories, strict=True))
        labels = one.labels()
        found[name] = {
            "units": len(one.iou),
            "iou": float(one.best.mean()),
            "iou_by_chance": float(shuffled[name].best.mean()),
            "detectors": one.detectors(),
            "detectors_by_chance": sum(shuffled[name].detectors().values()),
            "unique": one.unique(),
            "jsd": float(moved["max"][name].jsd.mean()),
            "jsd_halves": float(moved["max"][name].halves.mean()),
            "jsd_clean_halves": float(moved["max"][name].baseline.mean()),
            "relative_l2": float(values["relative L2"][values["relative L2"].isfinite()].mean()),
            "relation": related,
            "by_category": _by_category(labels, kind, values["jsd of maxima"]),
            "each": {
                "iou": [round(float(v), 4) for v in one.best],
                "label": list(labels),
                **{m: [round(float(v), 4) for v in value] for m, value in values.items()},
            },
        }
    holm(tests)
    return found


def _by_category(
    labels: Sequence[str | None], kind: Mapping[str, str], sensitive: Tensor
) -> dict[str, float]:
    """Mean sensitivity of the detectors of each category."""
    found: dict[str, list[float]] = {}
    for label, value in zip(labels, sensitive.tolist(), strict=True):
        found.setdefault("none" if label is None else kind[label], []).append(value)
    return {name: float(np.mean(values)) for name, values in found.items()}


def middling_eps(network: Any, x: Tensor, y: Tensor) -> float:
    """The budget that leaves about half of the answers right, chosen on validation pictures."""
    left = {eps: BIM(eps=eps, steps=10, step=eps / 4)(network, x, y).accuracy for eps in EPS}
    return min(left, key=lambda eps: abs(left[eps] - 0.5))


def silencing(
    network: Any,
    layer: Any,
    sensitive: Tensor,
    data: tuple[Tensor, Tensor],
    eps: float,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Accuracy with the most sensitive, the least sensitive and random units silenced."""
    x, y = data
    attack = BIM(eps=eps, steps=10, step=eps / 4, stop=False)
    attacked = attack(network, x, y).x
    count = len(sensitive)
    counts = sorted({0, *(round(count * s) for s in (0.03, 0.06, 0.12, 0.25, 0.5))})
    order = rank_units(sensitive)
    orders = {"most sensitive": order, "least sensitive": order.flip(0)}
    random = generator(0, "silencing")
    for draw in range(3):
        orders[f"random {draw}"] = torch.from_numpy(random.permutation(count))
    found: dict[str, Any] = {"eps": eps, "counts": counts, "pictures": len(x)}
    for name, chosen in orders.items():
        rows = mask_units(
            network,
            layer,
            chosen,
            (x, attacked),
            y,
            counts=counts,
            attack=lambda: attack(network, x, y).x,
        )
        found[name] = {
            "clean": [row.clean for row in rows],
            "attacked": [row.attacked for row in rows],
            "again": [row.again for row in rows],
        }
        say(f"  silenced, {name}: {[round(row.again, 2) for row in rows]}")
    return found
