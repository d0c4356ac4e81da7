"""Long videos in windows as long as the training's, and what several windows tell put together.

The paper's videos fit into one network pass. Ours may last hours: windows overlap by half, an
event counts in the window in which its middle lies farthest from an edge, and what two windows
tell of the same event is suppressed like any two that overlap. Memory is bounded by a window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

Fetch = Callable[[int, int], Float[Tensor, "N D"]]
"""Feature vectors of the steps from the first number up to the second."""


@dataclass(frozen=True)
class Window:
    """A stretch of steps, and the part of it whose events count.

    Attributes:
        first: step.
        steps: in it, padding included.
        real: steps in it that the video has.
        own: from and up to which step (of the video) an event's middle must lie.
    """

    first: int
    steps: int
    real: int
    own: tuple[float, float]

    def owns(self, start: float, end: float) -> bool:
        """Whether an event (in steps of the video) lasts and has its middle in the own part."""
        return start < end and self.own[0] <= (start + end) / 2 < self.own[1]


def windows(total: int, steps: int) -> list[Window]:
    """Windows of ``steps`` over ``total`` steps, half overlapping; the last ends with the video."""
    if total <= steps:
        return [Window(0, steps, total, (0.0, float(total)))]
    hop = max(1, steps // 2)
    firsts = [*range(0, total - steps, hop), total - steps]
    borders = [
        0.0,
        *((a + b + steps) / 2 for a, b in pairwise(firsts)),
        float(total),
    ]
    return [
        Window(first, steps, steps, (borders[i], borders[i + 1])) for i, first in enumerate(firsts)
    ]


def windowed(total: int, steps: int, fetch: Fetch) -> Iterator[tuple[Window, Float[Tensor, "T D"]]]:
    """Every window with the vectors of its real steps; each step is fetched once."""
    kept, end = None, 0
    for window in windows(total, steps):
        last = window.first + window.real
        fresh = fetch(end, last)
        kept = fresh if kept is None else torch.cat([kept, fresh])
        kept, end = kept[len(kept) - window.real :], last
        yield window, kept
