"""Where performers stand and in which state at any time: their home pose and the moves so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensorium.worlds.stage.moves import CHANNELS, MOVES
from sensorium.worlds.stage.script import Episode, Event, Pose

Curve = NDArray[np.float64]  # [T]

DECIMALS = 9
"""Poses are rounded, so that they are the same on machines whose sines differ in the last bit."""


def follow(home: Pose, moves: Sequence[Event], times: Curve) -> dict[str, Curve]:
    """Every channel of `moves.CHANNELS` at ``times`` (seconds), for one performer's moves in order.

    A move holds its end value until a later move of the same channel.

    Shape:
        ``times`` and each channel: ``[T]``.
    """
    channels = {name: np.full(len(times), float(getattr(home, name, 0.0))) for name in CHANNELS}
    for event in moves:
        assert event.course is not None
        begun = times >= event.start
        u = np.clip((times - event.start) / event.duration, 0.0, 1.0)
        for name, curve in MOVES[event.label].curve(event.course, u).items():
            channels[name] = np.where(begun, curve, channels[name])
    return channels


def poses(episode: Episode, performer: int, times: Curve) -> dict[str, Curve]:
    """Every channel of `moves.CHANNELS` of one performer at ``times`` (seconds).

    Shape:
        ``times`` and each channel: ``[T]``.
    """
    return follow(episode.performers[performer].home, episode.moves_of(performer), times)


def pose_at(home: Pose, moves: Sequence[Event], time: float) -> Pose:
    """The pose at one time (seconds)."""
    channels = follow(home, moves, np.array([time]))
    values = {name: round(float(channels[name][0]), DECIMALS) for name in Pose.__dataclass_fields__}
    return Pose(**values)
