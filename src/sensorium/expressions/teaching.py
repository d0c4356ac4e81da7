"""One lesson of a generator and its discriminators: what a batch teaches them, as one scalar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor, nn

from sensorium.expressions.animating import signed
from sensorium.expressions.discriminators import Critics
from sensorium.expressions.generator import Generator
from sensorium.expressions.losses import (
    continuity,
    discrimination,
    landmark_distance,
    neighbours,
    persuasion,
)
from sensorium.system import Batch


class Weights(Protocol):
    """The weights of the terms, see `systems.ExpressionsConfig`."""

    @property
    def reconstruction_weight(self) -> float:
        """Of the mean L1."""

    @property
    def adversarial_weight(self) -> float:
        """Of the global discriminator's verdict."""

    @property
    def local_weight(self) -> float:
        """Of the local one's."""

    @property
    def landmark_weight(self) -> float:
        """Of the landmarks' distance."""

    @property
    def continuity_weight(self) -> float:
        """Of the difference to neighbouring degrees."""


def lesson(
    generator: Generator, critics: Critics, weights: Weights, adversarial: float, batch: Batch
) -> dict[str, Tensor]:
    """The losses of a batch (keys as `systems.ExpressionsSystem` lists them).

    The neutral picture is encoded once; its features are decoded at the degree and, for the
    continuity, a step to either side.

    Args:
        generator: learns from all terms but those of the discriminators.
        critics: learn from theirs.
        weights: of the terms.
        adversarial: a factor of the generator's adversarial terms; at 0 there is reconstruction
            (with landmarks) alone: the critics are not asked and no neighbours are painted.
        batch: with ``degrees`` of as many expressions as the generator has.
    """
    neutral, true = signed(batch["neutral"]), signed(batch["target"])
    degrees = batch["degrees"].float()
    direction = nn.functional.one_hot(batch["expression"], degrees.shape[1]).to(degrees)
    continuous = weights.continuity_weight > 0 and adversarial > 0
    steps = neighbours(degrees, direction) if continuous else degrees[:, None]
    painted, points = generator(neutral, steps)
    painted = painted.float().unflatten(0, steps.shape[:2])  # [B*T, ...] -> [B, T, ...]
    made = painted[:, 0].contiguous(memory_format=torch.channels_last)
    out = {"reconstruction": (made - true).abs().mean()}
    loss = weights.reconstruction_weight * out["reconstruction"]
    if points is not None:
        told = points.unflatten(0, steps.shape[:2])[:, 0]
        out["landmarks"] = landmark_distance(told, batch["landmarks"].float())
        loss = loss + weights.landmark_weight * out["landmarks"]
    if continuous:
        out["continuity"] = continuity(painted)
        loss = loss + weights.continuity_weight * out["continuity"]
    loss = loss + nothing(generator.idle((steps != 0).any(1)))
    if adversarial == 0:
        return {"loss": loss + nothing(critics.parameters())} | out
    mouth = torch.ones_like(true[:, 0], dtype=torch.bool)
    if critics.mouth is not None:
        mouth = batch["mouth"]
    fooled = persuasion(critics, made, neutral, mouth)
    told_apart = discrimination(critics, true, made, neutral, mouth)
    factors = (weights.adversarial_weight, weights.local_weight)
    for name, factor, value in zip(("adversarial", "mouth"), factors, fooled, strict=False):
        out[name] = value
        loss = loss + adversarial * factor * value
    for name, value in zip(("discriminator", "discriminator_mouth"), told_apart, strict=False):
        out[name] = value
        loss = loss + value
    return {"loss": loss} | out


def nothing(parameters: Iterable[nn.Parameter]) -> Tensor | float:
    """0 with a gradient of 0 for each: distributed training wants every parameter in the graph."""
    sums = [p.sum() * 0 for p in parameters if p.requires_grad]
    return torch.stack(sums).sum() if sums else 0.0
