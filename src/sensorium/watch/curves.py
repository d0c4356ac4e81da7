"""Curves over time, thinned so that an hour draws as fast as a minute, and as an SVG path."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]


def thin(points: Sequence[Point], limit: int = 400) -> tuple[Point, ...]:
    """At most ``limit`` points, each the peak of its bucket, so that no short peak is lost.

    The first and the last time stay, so that the curve keeps its extent.
    """
    if len(points) <= limit:
        return tuple(points)
    edges = [len(points) * i // limit for i in range(limit + 1)]
    kept = [max(points[a:b], key=lambda p: p[1]) for a, b in pairwise(edges)]
    kept[0] = (points[0][0], kept[0][1])
    kept[-1] = (points[-1][0], kept[-1][1])
    return tuple(kept)


def svg(points: Sequence[Point], start: float, duration: float) -> str:
    """A curve as an area and a line in a box of 1000 by 100, to be stretched over a track."""
    if not points:
        return ""
    box = [(1000 * (t - start) / duration, 98 - 96 * min(max(v, 0.0), 1.0)) for t, v in points]
    if len(box) == 1:
        box = [(0.0, box[0][1]), (1000.0, box[0][1])]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in box)
    return (
        '<svg class="curve" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="area" d="M{box[0][0]:.1f} 100L{line}L{box[-1][0]:.1f} 100Z"/>'
        f'<path class="line" d="M{line}"/></svg>'
    )
