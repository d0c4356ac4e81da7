"""Adam on a batch of samples that do not touch each other, of which some may leave."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


class Adam:
    """The steps of Adam (arXiv:1412.6980) with its usual constants.

    Args:
        like: a tensor of the parameters' shape, one row per sample.
        lr: the step's length.
    """

    def __init__(self, like: Float[Tensor, "B ..."], lr: float) -> None:
        self.mean, self.square = torch.zeros_like(like), torch.zeros_like(like)
        self.lr, self.count = lr, 0

    def take(self, rows: Tensor) -> None:
        """Go on with some of the samples (an index or a mask)."""
        self.mean, self.square = self.mean[rows], self.square[rows]

    def step(self, gradient: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        """What to add to the parameters to descend."""
        self.count += 1
        self.mean = self.mean.mul(0.9).add_(gradient, alpha=0.1)
        self.square = self.square.mul(0.999).addcmul_(gradient, gradient, value=0.001)
        mean = self.mean / (1 - 0.9**self.count)
        square = self.square / (1 - 0.999**self.count)
        return mean.div_(square.sqrt_().add_(1e-8)).mul_(-self.lr)
