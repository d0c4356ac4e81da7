"""Slow signals (envelopes, vibrato, brightness): made every millisecond, straight lines between."""

from __future__ import annotations

import numpy as np

from sensorium.worlds.stage.sound.note import Samples

CONTROL_HERTZ = 1000
_BITE_SECONDS = 0.002  # a quarter of a note is there at once, which makes its onset plain


def _hop(rate: int) -> int:
    return max(1, rate // CONTROL_HERTZ)


def control_times(count: int, rate: int) -> Samples:
    """Seconds of the control points of ``count`` samples, the first 0, the last past the end."""
    hop = _hop(rate)
    times: Samples = np.arange(-(-count // hop) + 1, dtype=np.float64) * (hop / rate)
    return times


def to_audio(control: Samples, count: int, rate: int) -> Samples:
    """Straight lines through control points.

    Shape:
        ``control``: ``[J]``, one value per `control_times`; the answer: ``[count]``.
    """
    hop = _hop(rate)
    ramp = np.arange(hop) / hop
    lines = control[:-1, None] + np.diff(control)[:, None] * ramp
    return lines.reshape(-1)[:count]  # [J - 1, hop] -> [count]


def swell(times: Samples, duration: float, attack: float, release: float) -> Samples:
    """Loudness of a sustained note: an exponential rise, held, a rounded fall from its end on.

    Args:
        times: control times in seconds.
        duration: where the fall starts, in seconds.
        attack: time constant of the rise in seconds.
        release: length of the fall in seconds.
    """
    rise = 1.0 - 0.75 * np.exp(-times / attack) - 0.25 * np.exp(-times / _BITE_SECONDS)
    fall = np.clip(1.0 - (times - duration) / release, 0.0, 1.0)
    return rise * np.square(fall)


def vibrato(times: Samples, hertz: float, onset: float, phase: float) -> Samples:
    """A sine of amplitude 0..1 that fades in over about ``onset`` seconds, as players do."""
    return np.sin(2.0 * np.pi * (hertz * times + phase)) * (1.0 - np.exp(-times / onset))
