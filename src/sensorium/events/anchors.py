"""Anchors and the one function that turns anchor and offset into a span (arXiv:1812.03849).

A span is ``(centre, width)`` in fractions of the video, as in the paper's section 3. The published
code decodes one way in training and another in testing, and offsets there only widen; ours has one
symmetric `decode` for everything. Denser anchors, whose offsets go by their width, are ours too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

NARROWEST = 1 / 256
"""Least width of a decoded span."""

PUBLISHED = (
    *((c / 4, 1 / 2) for c in (1, 2, 3)),
    *((c / 6, 1 / 3) for c in (1, 3, 5)),
    *((c / 16, 1 / 8) for c in range(1, 16, 2)),
    (1 / 2, 1.0),
)
"""The 15 published anchors as ``(centre, width)``."""


@dataclass(frozen=True)
class AnchorsConfig:
    """Which anchors there are and how far from them a span may lie.

    Attributes:
        kind: the 15 ``published`` ones, ``dense`` ones of given widths, or a ``single`` one in the
            middle, which with ``scale`` 1 lets offsets alone say where ("no anchors").
        widths: of ``dense`` anchors.
        steps: of ``dense`` anchors: how many start within the width of one.
        scale: how far an offset can go in all: the published 0.3 is 0.15 to either side; 0 switches
            regression off.
        relative: whether ``scale`` counts in widths of the anchor, not in videos.
    """

    kind: Literal["published", "dense", "single"] = "published"
    widths: tuple[float, ...] = (1 / 8, 1 / 4, 1 / 2, 1.0)
    steps: int = 4
    scale: float = 0.3
    relative: bool = False

    def __post_init__(self) -> None:
        if not self.widths or any(not 0 < width <= 1 for width in self.widths):
            raise ValueError(f"anchors: widths must be above 0 and at most 1, got {self.widths!r}")
        if self.steps < 1:
            raise ValueError(f"anchors: steps must be at least 1, got {self.steps!r}")
        if not 0 <= self.scale <= 1:
            raise ValueError(f"anchors: scale must be 0 to 1, got {self.scale!r}")


def anchors_of(config: AnchorsConfig) -> Float[Tensor, "A 2"]:
    """The anchors as ``(centre, width)``."""
    if config.kind == "single":
        return torch.tensor([[0.5, 0.5]])
    return torch.tensor(dense(config.widths, config.steps) if config.kind == "dense" else PUBLISHED)


def dense(widths: Sequence[float], steps: int) -> list[tuple[float, float]]:
    """Anchors of each width from end to end, ``steps`` of them per width (more where they must)."""
    made = []
    for width in widths:
        count = max(1, round((1 - width) / width * steps) + 1)
        gap = (1 - width) / max(1, count - 1)
        made += [(width / 2 + i * gap, width) for i in range(count)]
    return made


def decode(
    anchors: Float[Tensor, "*N 2"],
    offsets: Float[Tensor, "*N 2"],
    scale: float,
    *,
    relative: bool = False,
) -> Float[Tensor, "*N 2"]:
    """Spans ``anchor + scale * (sigmoid(offset) - 1/2)``, for centre and width alike.

    Offset 0 gives the anchor. The centre stays in the video.

    Args:
        anchors: as ``(centre, width)``, of the offsets' shape or broadcast to it.
        offsets: before the sigmoid.
        scale: see `AnchorsConfig`.
        relative: see `AnchorsConfig`.
    """
    moved = scale * (offsets.sigmoid() - 0.5)
    if relative:
        moved = moved * anchors[..., 1:]
    spans = anchors + moved
    centre, width = spans.unbind(-1)
    return torch.stack([centre.clamp(0, 1), width.clamp(NARROWEST, 1)], -1)


def edges(spans: Float[Tensor, "*N 2"]) -> Float[Tensor, "*N 2"]:
    """``(start, end)`` within 0..1 of ``(centre, width)``."""
    centre, width = spans.unbind(-1)
    return torch.stack([centre - width / 2, centre + width / 2], -1).clamp(0, 1)


def iou(a: Float[Tensor, "*N 2"], b: Float[Tensor, "*N 2"]) -> Float[Tensor, "*N"]:
    """Temporal intersection over union of spans ``(centre, width)``, broadcast."""
    first, second = edges(a), edges(b)
    end = torch.minimum(first[..., 1], second[..., 1])
    shared = (end - torch.maximum(first[..., 0], second[..., 0])).clamp_min(0)
    lengths = (first[..., 1] - first[..., 0]) + (second[..., 1] - second[..., 0])
    return shared / (lengths - shared).clamp_min(1e-8)
