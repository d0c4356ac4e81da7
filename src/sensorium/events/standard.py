"""Feature vectors with mean 0 and deviation 1, by statistics of the training."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

_LEAST = 1e-3


class Standard(nn.Module):
    """Takes the mean from features and divides by their deviation.

    Both are averages over the batches that `learn` was shown, so they settle.

    Args:
        dim: of a feature vector.
    """

    mean: Tensor
    square: Tensor
    batches: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("square", torch.ones(dim))
        self.register_buffer("batches", torch.tensor(0.0))

    @torch.no_grad()
    def learn(self, features: Float[Tensor, "B T D"], real: Bool[Tensor, "B T"]) -> None:
        """Count one more batch."""
        rows = features[real]
        self.batches += 1
        self.mean += (rows.mean(0) - self.mean) / self.batches
        self.square += (rows.square().mean(0) - self.square) / self.batches

    def forward(self, features: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Standardised; as they are before anything was learnt."""
        deviation = (self.square - self.mean.square()).clamp_min(_LEAST**2).sqrt()
        return (features - self.mean) / deviation
