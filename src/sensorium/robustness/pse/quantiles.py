"""Quantiles of a stream of numbers in bounded memory, for many units at once.

A hierarchy of buffers (Karnin, Lang, Liberty, *Optimal quantile approximation in streams*,
arXiv:1603.05346): a full buffer is sorted and every second number of it goes, with twice the
weight, to the next. All units share one schedule, so that a stream of ``[N, K]`` costs one sort a
buffer. The rank of an answer is off by a share of about ``2 / size`` of the numbers seen.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


class Quantiles:
    """Collects numbers of ``units`` streams of the same length.

    Args:
        units: how many streams.
        size: numbers in a buffer, even.
        seed: of the coin that says which of two neighbours is kept.
    """

    def __init__(self, units: int, size: int = 2048, seed: int = 1) -> None:
        if size < 2 or size % 2:
            raise ValueError(f"a buffer needs an even size of at least 2, got {size}")
        self.units = units
        self.size = size
        self.seen = 0
        self._coin = torch.Generator().manual_seed(seed)
        self._levels: list[Tensor] = [torch.empty(units, 0)]

    def add(self, values: Float[Tensor, "N K"]) -> None:
        """Take in as many numbers for each unit as there are rows.

        Raises:
            ValueError: when the columns are not the units, or a number is NaN.
        """
        if values.ndim != 2 or values.shape[1] != self.units:
            raise ValueError(f"expected numbers [N, {self.units}], got {list(values.shape)}")
        if bool(values.isnan().any()):
            raise ValueError("got NaN among the activations; are the weights finite?")
        self.seen += len(values)
        for part in torch.split(values.detach().float().cpu().T, self.size, 1):
            self._put(0, part)

    def _put(self, level: int, values: Float[Tensor, "K n"]) -> None:
        """Into a buffer; when that is full, half of it into the next."""
        if level == len(self._levels):
            self._levels.append(torch.empty(self.units, 0))
        whole = torch.cat([self._levels[level], values], 1)
        if whole.shape[1] < self.size:
            self._levels[level] = whole
            return
        even = whole.shape[1] // 2 * 2
        coin = int(torch.randint(2, (), generator=self._coin))
        chosen = whole[:, :even].sort(1).values[:, coin::2]
        self._levels[level] = whole[:, even:]
        self._put(level + 1, chosen)

    def above(self, share: float) -> Float[Tensor, " K"]:
        """For each unit the number that a ``share`` (0..1) of its numbers lies above.

        Raises:
            ValueError: when nothing was seen, or the share is outside 0..1.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"a share lies within 0..1, got {share:g}")
        if not self.seen:
            raise ValueError("a quantile of nothing: no numbers were seen")
        values = torch.cat(self._levels, 1)
        weights = torch.cat(
            [torch.full_like(v, float(2**k)) for k, v in enumerate(self._levels)], 1
        )
        values, order = values.sort(1)
        weight = weights.gather(1, order).double()
        reached = weight.cumsum(1) / weight.sum(1, keepdim=True)
        place = (reached < 1 - share - 1e-12).sum(1).clamp(max=values.shape[1] - 1)
        return values.gather(1, place[:, None])[:, 0]
