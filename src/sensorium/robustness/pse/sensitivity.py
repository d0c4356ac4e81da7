"""How much an attack changes what each unit says.

Xu et al. (arXiv:1904.02057) relate a unit's sensitivity to the concept it detects. The exact
estimator of the paper could not be read, so there are two: the Jensen–Shannon divergence between
the distributions of a unit's activation over clean and over attacked inputs (base 2, 0..1, shared
bins), and the relative L2 change of its maps. With few inputs the divergence of two samples of the
same distribution is far from 0: ``baseline`` is that of one half of the clean inputs from the
other, and ``halves``, of one clean half from the other half attacked, is what to compare it with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from sensorium.robustness.pse.activations import masked, outputs
from sensorium.robustness.pse.contributions import Network, logits_of

Summary = Literal["max", "mean"]
BINS = 16
SMOOTHING = 0.5
"""Added to the count of each bin."""


def divergence(
    a: Float[Tensor, "N D"],
    b: Float[Tensor, "M D"],
    *,
    bins: int = BINS,
    smoothing: float = SMOOTHING,
) -> Float[Tensor, " D"]:
    """Jensen–Shannon divergence of each unit's two samples, in bits: 0 (equal) to 1 (apart).

    Args:
        a: one sample, a column for each unit.
        b: the other.
        bins: of equal width from the smallest to the largest number of both samples.
        smoothing: added to each bin's count.
    """
    low = torch.minimum(a.amin(0), b.amin(0))
    width = (torch.maximum(a.amax(0), b.amax(0)) - low).clamp(min=1e-12)
    p, q = (_histogram(v, low, width, bins, smoothing) for v in (a, b))
    middle = 0.5 * (p + q)
    return 0.5 * (_relative_entropy(p, middle) + _relative_entropy(q, middle)).clamp(min=0)


def _histogram(
    values: Float[Tensor, "N D"],
    low: Float[Tensor, " D"],
    width: Float[Tensor, " D"],
    bins: int,
    smoothing: float,
) -> Float[Tensor, "D K"]:
    """Shares of each unit's numbers in each bin."""
    place = ((values - low) / width * bins).long().clamp(0, bins - 1)
    counts = values.new_zeros(values.shape[1], bins)
    counts.scatter_add_(1, place.T, torch.ones_like(place.T, dtype=values.dtype))
    counts += smoothing
    return counts / counts.sum(1, keepdim=True)


def _relative_entropy(p: Float[Tensor, "D K"], q: Float[Tensor, "D K"]) -> Float[Tensor, " D"]:
    """Kullback–Leibler divergence in bits."""
    parts = torch.where(p > 0, p * (p.clamp(min=1e-30) / q.clamp(min=1e-30)).log2(), 0.0)
    return parts.sum(1)


@dataclass(frozen=True)
class Sensitivity:
    """How far an attack moves the units of a layer.

    Attributes:
        jsd: divergence of attacked from clean inputs.
        relative_l2: norm of the change of the unit's maps over the norm of the clean maps, both
            over all inputs together (a unit that is silent on clean inputs has 0 or infinity).
        halves: divergence of one half of the clean inputs from the other half attacked.
        baseline: divergence of one half of the clean inputs from the other half.
    """

    jsd: Float[Tensor, " D"]
    relative_l2: Float[Tensor, " D"]
    halves: Float[Tensor, " D"]
    baseline: Float[Tensor, " D"]


def sensitivity(
    network: Network,
    layers: Mapping[str, nn.Module],
    clean: Float[Tensor, "B ..."],
    attacked: Float[Tensor, "B ..."],
    *,
    summary: Summary = "max",
    batch: int = 64,
) -> dict[str, Sensitivity]:
    """Compares each unit's activations on clean and on attacked inputs.

    Args:
        network: logits of inputs in 0..1, in ``eval()`` mode.
        layers: whose outputs are maps, by name.
        clean: inputs.
        attacked: the same inputs, attacked.
        summary: which number of a map stands for it in the distributions.
        batch: inputs in one forward pass.
    """
    pairs = zip(
        outputs(network, layers, torch.split(clean, batch)),
        outputs(network, layers, torch.split(attacked, batch)),
        strict=True,
    )
    before: dict[str, list[Tensor]] = {name: [] for name in layers}
    after: dict[str, list[Tensor]] = {name: [] for name in layers}
    moved: dict[str, Tensor | float] = dict.fromkeys(layers, 0.0)
    size: dict[str, Tensor | float] = dict.fromkeys(layers, 0.0)
    for maps, changed in pairs:
        for name in layers:
            a, b = maps[name].float(), changed[name].float()
            before[name].append(_summarised(a, summary))
            after[name].append(_summarised(b, summary))
            moved[name] = moved[name] + (b - a).square().sum((0, 2, 3)).double()
            size[name] = size[name] + a.square().sum((0, 2, 3)).double()
    found = {}
    for name in layers:
        x, y = torch.cat(before[name]), torch.cat(after[name])
        far, norm = torch.as_tensor(moved[name]), torch.as_tensor(size[name])
        relative = torch.where(far > 0, (far / norm).sqrt(), 0.0).float()
        found[name] = Sensitivity(
            divergence(x, y),
            relative,
            divergence(x[0::2], y[1::2]),
            divergence(x[0::2], x[1::2]),
        )
    return found


def _summarised(maps: Float[Tensor, "B D h w"], summary: Summary) -> Float[Tensor, "B D"]:
    """One number for each map."""
    return maps.amax((2, 3)) if summary == "max" else maps.mean((2, 3))


@dataclass(frozen=True)
class Masking:
    """Accuracy with some units of a layer silenced, at one number of them.

    Attributes:
        units: how many are silenced.
        clean: accuracy on clean inputs.
        attacked: on inputs that were attacked before anything was silenced.
        again: on inputs attacked anew through the silenced network; NaN when not tried.
    """

    units: int
    clean: float
    attacked: float
    again: float = float("nan")


def mask_units(
    network: Network,
    layer: nn.Module,
    order: Int64[Tensor, " D"],
    inputs: tuple[Float[Tensor, "B ..."], Float[Tensor, "B ..."]],
    labels: Int64[Tensor, " B"],
    *,
    counts: Sequence[int],
    attack: Callable[[], Tensor] | None = None,
) -> list[Masking]:
    """Silences the first units of an order, some more at a time.

    Args:
        network: logits of inputs in 0..1, in ``eval()`` mode.
        layer: one of its modules.
        order: of its units; the most sensitive first, or random ones as control.
        inputs: clean and attacked.
        labels: true ones.
        counts: how many units to silence.
        attack: attacks the network as it is then, and returns the inputs.
    """
    found = []
    for count in counts:
        chosen: Bool[Tensor, " D"] = torch.zeros(len(order), dtype=torch.bool)
        chosen[order[:count]] = True
        with masked(layer, chosen):
            clean, attacked = (_accuracy(network, x, labels) for x in inputs)
            again = float("nan") if attack is None else _accuracy(network, attack(), labels)
        found.append(Masking(count, clean, attacked, again))
    return found


def _accuracy(network: Network, x: Float[Tensor, "B ..."], labels: Int64[Tensor, " B"]) -> float:
    """Share of right answers."""
    return float((logits_of(network, x).argmax(1) == labels).double().mean())


def rank_units(values: Iterable[float] | Tensor) -> Int64[Tensor, " D"]:
    """Units from the most to the least sensitive."""
    return torch.as_tensor(list(values)).argsort(descending=True, stable=True)
