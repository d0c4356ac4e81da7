"""From notes to motion: curves over time that the looks draw.

Every curve is the same backwards in this sense: the curve of the mirrored notes (see
``reversal.mirrored``)
is the mirrored curve. So the motion of playing says nothing about the direction of time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensorium.worlds.stage.script import Note

Curve = NDArray[np.float64]  # [T]

LOWEST, HIGHEST = 48.0, 72.0
"""The range of pitches (MIDI), the same for every kind, so that the register gives no kind away."""

ARC_SECONDS = 0.5
PLUCK_SECONDS = 0.16


def height(pitch: float) -> float:
    """Where in the range a pitch lies, 0 low .. 1 high."""
    return min(1.0, max(0.0, (pitch - LOWEST) / (HIGHEST - LOWEST)))


def _follow(times: Curve, knots: Sequence[tuple[float, float]], empty: float) -> Curve:
    """Straight lines between ``(time, value)`` knots, held before the first and after the last."""
    if not knots:
        return np.full(len(times), empty)
    where, what = zip(*knots, strict=True)
    values: Curve = np.interp(times, where, what)
    return values


def reach(notes: Sequence[Note], times: Curve) -> Curve:
    """Where the hand is for the pitch, 0..1: still inside a note, moving between notes."""
    knots = []
    for n in notes:
        still = 0.3 * n.duration
        knots += [(n.start + still, height(n.pitch)), (n.end - still, height(n.pitch))]
    return _follow(times, knots, 0.5)


def reach_onsets(notes: Sequence[Note], times: Curve) -> Curve:
    """As `reach`, for kinds whose notes are struck: in place at the onset, moving in between."""
    return _follow(times, [(n.start, height(n.pitch)) for n in notes], 0.5)


def sounding(notes: Sequence[Note], times: Curve) -> Curve:
    """0 in silence, 0.6..1 by velocity in a note, with a dip between notes."""
    knots: list[tuple[float, float]] = []
    for n in notes:
        ramp, level = min(0.08, 0.35 * n.duration), 0.55 + 0.45 * n.velocity
        knots += [(n.start, 0.0), (n.start + ramp, level), (n.end - ramp, level), (n.end, 0.0)]
    return _follow(times, knots, 0.0)


def travel(notes: Sequence[Note], times: Curve) -> Curve:
    """-1..1: bow or bellows cross in the direction of the stroke for as long as the note sounds."""
    knots: list[tuple[float, float]] = []
    for n in notes:
        reach_of = n.stroke * (0.55 + 0.45 * n.velocity)
        knots += [(n.start, -reach_of), (n.end, reach_of)]
    return _follow(times, knots, 0.0)


def pluck(notes: Sequence[Note], times: Curve) -> Curve:
    """-1..1: the hand crosses the strings in the direction of the stroke, at the onset."""
    knots: list[tuple[float, float]] = []
    starts = [-np.inf, *(n.start for n in notes), np.inf]
    for i, n in enumerate(notes):
        gaps = (n.start - starts[i], starts[i + 2] - n.start)
        half = 0.5 * min(PLUCK_SECONDS, 0.8 * min(gaps))
        reach_of = n.stroke * (0.55 + 0.45 * n.velocity)
        knots += [(n.start - half, -reach_of), (n.start + half, reach_of)]
    return _follow(times, knots, -0.5)


def strike(notes: Sequence[Note], times: Curve, hand: int) -> Curve:
    """Height of the stick of one hand: 0 at an onset of this hand, up to 1 between onsets.

    Between two onsets the stick flies in an arc; in a long pause it waits at 0.8.
    """
    mine = [n for n in notes if n.stroke == hand]
    if not mine:
        return np.full(len(times), 0.7)
    onsets = np.array([n.start for n in mine])
    after = np.searchsorted(onsets, times, side="right")
    previous = np.where(after > 0, times - onsets[np.maximum(after - 1, 0)], np.inf)
    coming = np.where(
        after < len(onsets), onsets[np.minimum(after, len(onsets) - 1)] - times, np.inf
    )
    gap = np.minimum(previous + coming, ARC_SECONDS)
    near = np.minimum(np.minimum(previous, coming), 0.5 * gap)
    arc = np.sin(np.pi * near / np.maximum(gap, 1e-6))
    lift: Curve = arc * np.minimum(1.0, 0.45 + 1.1 * gap)
    return lift


def press(notes: Sequence[Note], times: Curve, hand: int) -> Curve:
    """0 lifted .. 1 pressed: the keys of one hand are down while its notes sound."""
    return sounding([n for n in notes if n.stroke == hand], times)
