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
    reconstruction,
)
from sensorium.system import Batch


class Attention(Protocol):
    """How much face and mouth count in the reconstruction."""

    @property
    def face_weight(self) -> float:
        """Of pixels of the face, beyond 1."""

    @property
    def mouth_weight(self) -> float:
        """Of pixels of the mouth, beyond those of the face."""


class Weights(Attention, Protocol):
    """The weights of the terms, see `systems.ExpressionsConfig`."""

    @property
    def reconstruction_weight(self) -> float:
        """Of the mean L1."""

    @property
    def squared_weight(self) -> float:
        """Of squares beside the L1, as long as there is reconstruction alone."""

    @property
    def adversarial_weight(self) -> float:
        """Of the global discriminator's verdict."""

    @property
    def local_weight(self) -> float:
        """Of the local one's."""

    @property
    def local_discriminator(self) -> bool:
        """Whether there is one."""

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
    squared = 0.0 if adversarial else weights.squared_weight
    out = {"reconstruction": reconstruction(made, true, attention(batch, weights), squared)}
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


def need(batch: Batch, weights: Weights) -> None:
    """Refuse a batch that lacks what the terms look at.

    Raises:
        ValueError: with what is missing and how to do without.
    """
    needed = {"neutral": "", "target": "", "degrees": "", "expression": ""}
    if weights.landmark_weight:
        needed["landmarks"] = "landmark_weight = 0"
    if weights.face_weight:
        needed["face"] = "face_weight = 0"
    if weights.local_discriminator or weights.mouth_weight:
        needed["mouth"] = "mouth_weight = 0 and local_discriminator = False"
    for name, way_out in needed.items():
        if name not in batch:
            hint = f", or set {way_out}" if way_out else ""
            raise ValueError(
                f"expressions: got a batch of {', '.join(sorted(batch))}, expected also "
                f"{name!r}; give data that have it{hint}"
            )


def attention(batch: Batch, weights: Attention) -> Tensor | None:
    """How much each pixel's reconstruction counts, ``[B, S, S]``; ``None`` when all count 1."""
    parts = [
        weight * batch[name].float()
        for name, weight in (("face", weights.face_weight), ("mouth", weights.mouth_weight))
        if weight
    ]
    return torch.stack(parts).sum(0).add(1) if parts else None


def nothing(parameters: Iterable[nn.Parameter]) -> Tensor | float:
    """0 with a gradient of 0 for each: distributed training wants every parameter in the graph."""
    sums = [p.sum() * 0 for p in parameters if p.requires_grad]
    return torch.stack(sums).sum() if sums else 0.0
