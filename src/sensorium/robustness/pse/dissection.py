"""Network dissection: which concept is each unit a detector of?

Bau et al., *Network Dissection* (arXiv:1704.05796). A unit's threshold is what a share of 0.005 of
all its activations over the whole probe set, not upsampled, lies above; upsampled to the labels'
size its map is cut there; and its IoU with a concept is taken over the whole set, not averaged over
pictures. The unit's part of the union counts only in pictures in which the concept's category
is annotated at all. Above an IoU of 0.04 the unit is a detector of its best concept.

The cut is strict, so a unit that is 0 in most places (threshold 0) does not select them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from sensorium.robustness.pse.activations import outputs
from sensorium.robustness.pse.contributions import Network
from sensorium.robustness.pse.quantiles import Quantiles

SHARE = 0.005
"""Of a unit's activations above its threshold; small probe sets need 0.01 or 0.02."""

DETECTS = 0.04
"""IoU above which a unit is a detector."""


@dataclass(frozen=True)
class Concepts:
    """What can be detected.

    Attributes:
        names: of the concepts.
        categories: of each concept its category (colour, texture, object ...).
    """

    names: tuple[str, ...]
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.categories) or not self.names:
            raise ValueError(
                f"each concept needs a category, got {len(self.names)} names and "
                f"{len(self.categories)} categories"
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The categories, each once, in order of first use."""
        return tuple(dict.fromkeys(self.categories))

    @property
    def of_kind(self) -> Int64[Tensor, " C"]:
        """The number of each concept's category in `kinds`."""
        return torch.tensor([self.kinds.index(kind) for kind in self.categories])


@dataclass(frozen=True)
class Probe:
    """A batch of a probe set.

    Attributes:
        images: what the network takes.
        concepts: where each concept is; one that holds for the whole picture covers it.
        annotated: whether each category is annotated in each picture; default wherever a concept
            of it is.

    Shape:
        ``images``: ``[B, C, H, W]``; ``concepts``: ``[B, N, h, w]``, any size; ``annotated``:
        ``[B, G]``, in the order of ``Concepts.kinds``.
    """

    images: Float[Tensor, "B 3 H W"]
    concepts: Bool[Tensor, "B N h w"]
    annotated: Bool[Tensor, "B G"] | None = None

    def annotation(self, concepts: Concepts) -> Bool[Tensor, "B G"]:
        """``annotated``, or what the masks say."""
        if self.annotated is not None:
            return self.annotated
        there = self.concepts.flatten(2).any(2)
        found = torch.zeros(len(there), len(concepts.kinds), dtype=torch.bool)
        for number, kind in enumerate(concepts.of_kind.tolist()):
            found[:, kind] |= there[:, number].cpu()
        return found


@dataclass(frozen=True)
class Dissection:
    """A layer's units against concepts.

    Attributes:
        concepts: what was looked for.
        thresholds: of each unit.
        iou: of each unit with each concept over the whole set, 0..1.
        least: IoU of a detector.
    """

    concepts: Concepts
    thresholds: Float[Tensor, " D"] = field(repr=False)
    iou: Float[Tensor, "D C"] = field(repr=False)
    least: float = DETECTS

    @property
    def best(self) -> Float[Tensor, " D"]:
        """Each unit's IoU with its best concept."""
        return self.iou.amax(1)

    def label(self, unit: int) -> str | None:
        """The concept that a unit detects, if any."""
        value, number = self.iou[unit].max(0)
        return self.concepts.names[int(number)] if float(value) > self.least else None

    def labels(self) -> tuple[str | None, ...]:
        """The concept that each unit detects."""
        return tuple(self.label(unit) for unit in range(len(self.iou)))

    def detectors(self) -> dict[str, int]:
        """How many units detect a concept of each category."""
        kind = dict(zip(self.concepts.names, self.concepts.categories, strict=True))
        found = Counter(kind[name] for name in self.labels() if name is not None)
        return {category: found.get(category, 0) for category in self.concepts.kinds}

    def unique(self) -> int:
        """How many different concepts are detected."""
        return len({name for name in self.labels() if name is not None})


def dissect(
    network: Network,
    layers: Mapping[str, nn.Module],
    probes: Callable[[], Iterable[Probe]],
    concepts: Concepts,
    *,
    share: float = SHARE,
    shuffled: bool = False,
) -> dict[str, Dissection]:
    """Goes through the probe set twice: for the thresholds, then for the IoU.

    Args:
        network: logits of pictures in 0..1, in ``eval()`` mode.
        layers: whose outputs are maps, by name.
        probes: gives the probe set from its start, each time it is called.
        concepts: what the masks of the probes stand for.
        share: of the activations above a unit's threshold.
        shuffled: compare each picture's maps with the masks of the next one in its batch: what
            the best of so many concepts gives by chance.

    Raises:
        ValueError: when the probe set is empty or a layer gives no maps.
    """
    thresholds = _thresholds(network, layers, probes, share)
    tallies = {name: _Tally(len(value), concepts) for name, value in thresholds.items()}
    for probe in probes():
        masks, annotated = probe.concepts, probe.annotation(concepts)
        if shuffled:
            masks, annotated = masks.roll(1, 0), annotated.roll(1, 0)
        for name, maps in next(iter(outputs(network, layers, [probe.images]))).items():
            size = (int(masks.shape[-2]), int(masks.shape[-1]))
            large = F.interpolate(maps.float(), size, mode="bilinear", align_corners=False)
            cut = large > thresholds[name].to(large.device)[:, None, None]
            tallies[name].add(cut, masks.to(cut.device), annotated.to(cut.device))
    return {
        name: Dissection(concepts, thresholds[name], tally.iou()) for name, tally in tallies.items()
    }


def _thresholds(
    network: Network,
    layers: Mapping[str, nn.Module],
    probes: Callable[[], Iterable[Probe]],
    share: float,
) -> dict[str, Float[Tensor, " D"]]:
    """What a share of each unit's activations lies above."""
    streams: dict[str, Quantiles] = {}
    for maps in outputs(network, layers, (probe.images for probe in probes())):
        for name, value in maps.items():
            stream = streams.setdefault(name, Quantiles(value.shape[1]))
            stream.add(value.transpose(0, 1).flatten(1).T)  # [B, D, h, w] -> [B*h*w, D]
    if not streams:
        raise ValueError("the probe set is empty; dissection needs pictures with concept masks")
    return {name: stream.above(share) for name, stream in streams.items()}


class _Tally:
    """Pixels counted over the whole set."""

    def __init__(self, units: int, concepts: Concepts) -> None:
        self.of_kind = concepts.of_kind
        self.both = torch.zeros(units, len(concepts.names), dtype=torch.float64)
        self.unit = torch.zeros(units, len(concepts.kinds), dtype=torch.float64)
        self.concept = torch.zeros(len(concepts.names), dtype=torch.float64)

    def add(
        self,
        cut: Bool[Tensor, "B D h w"],
        masks: Bool[Tensor, "B C h w"],
        annotated: Bool[Tensor, "B G"],
    ) -> None:
        """One batch."""
        maps, truth = cut.flatten(2).float(), masks.flatten(2).float()
        both = torch.einsum("bdp,bcp->dc", maps, truth)
        self.both += both.double().cpu()
        self.unit += (maps.sum(2).T.double() @ annotated.double()).cpu()
        self.concept += truth.sum((0, 2)).double().cpu()

    def iou(self) -> Float[Tensor, "D C"]:
        """0 where neither the unit nor the concept ever shows."""
        union = self.unit[:, self.of_kind] + self.concept - self.both
        return (self.both / union.clamp(min=1)).float()
