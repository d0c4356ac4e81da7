"""Probe sets for dissection: objects with exact masks, and Broden by its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium import images
from sensorium.robustness.datasets.broden import BrodenExamples
from sensorium.robustness.pse.dissection import Concepts, Probe
from sensorium.worlds.objects import CONCEPTS, Cue, draw

Probes = Callable[[], Iterator[Probe]]


def object_probes(
    seeds: Sequence[int], *, cue: Cue = "shape", size: int = 32, batch: int = 128
) -> tuple[Probes, Concepts]:
    """Pictures of the world of objects: shapes, textures, colours, edges, background.

    Args:
        seeds: one for each picture, as ``sensorium.worlds.objects.split_seeds`` gives them.
        cue: of the world; ``"shape"`` draws shape and texture independently.
        size: height and width in pixels.
        batch: pictures in a `Probe`.
    """
    concepts = Concepts(tuple(c.name for c in CONCEPTS), tuple(c.category for c in CONCEPTS))
    categories = len(concepts.kinds)

    def probes() -> Iterator[Probe]:
        for first in range(0, len(seeds), batch):
            drawn = draw(seeds[first : first + batch], cue, size)
            pixels = torch.from_numpy(drawn.pixels).float() / 255
            everywhere = torch.ones(len(drawn), categories, dtype=torch.bool)
            yield Probe(pixels, torch.from_numpy(drawn.concepts()), everywhere)

    return probes, concepts


def broden_probes(
    examples: BrodenExamples, *, size: int | None = None, batch: int = 16
) -> tuple[Probes, Concepts]:
    """Broden's pictures; a category counts where the index annotates it.

    Args:
        examples: ``sensorium.robustness.datasets.broden.Broden(root).open()``.
        size: height and width that pictures are resized to; ``None``: as they are, which must then
            be the same for all of a batch.
        batch: pictures in a `Probe`.
    """
    concepts = Concepts(
        tuple(c.name for c in examples.concepts), tuple(c.category for c in examples.concepts)
    )

    def probes() -> Iterator[Probe]:
        for first in range(0, len(examples), batch):
            chosen = range(first, min(first + batch, len(examples)))
            masks = torch.stack([examples.masks(k) for k in chosen])
            annotated = torch.tensor(
                [[bool(examples.rows[k].cells.get(c)) for c in concepts.kinds] for k in chosen]
            )
            yield Probe(torch.stack([_pixels(examples, k, size) for k in chosen]), masks, annotated)

    return probes, concepts


def _pixels(examples: BrodenExamples, index: int, size: int | None) -> Float[Tensor, "3 H W"]:
    """A picture in 0..1."""
    picture = examples.image(index)
    whole = picture if size is None else images.resize(picture, (size, size))
    return whole.float() / 255
