"""Second-order filters by the bilinear transform, and noise through them.

The coefficients are those of R. Bristow-Johnson's "Cookbook formulae for audio EQ biquad filter
coefficients". A section is ``[b0, b1, b2, a0, a1, a2]`` with ``a0 = 1``, the form that
`scipy.signal.sosfilt` takes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensorium.worlds.stage.sound.note import Samples

Section = list[float]


def _angle(hertz: float, rate: int) -> float:
    return 2.0 * float(np.pi) * min(hertz, 0.45 * rate) / rate


def _section(b: Sequence[float], a: Sequence[float]) -> Section:
    return [value / a[0] for value in (*b, *a)]


def peaking(hertz: float, gain_db: float, q: float, rate: int) -> Section:
    """A bell of ``gain_db`` around ``hertz``; unity far from it."""
    w, root = _angle(hertz, rate), 10.0 ** (gain_db / 40.0)
    alpha, cos = np.sin(w) / (2.0 * q), float(np.cos(w))
    b = (1.0 + alpha * root, -2.0 * cos, 1.0 - alpha * root)
    return _section(b, (1.0 + alpha / root, -2.0 * cos, 1.0 - alpha / root))


def band_pass(hertz: float, q: float, rate: int) -> Section:
    """Unity at ``hertz``, falling by 6 dB an octave on either side."""
    w = _angle(hertz, rate)
    alpha, cos = np.sin(w) / (2.0 * q), float(np.cos(w))
    return _section((alpha, 0.0, -alpha), (1.0 + alpha, -2.0 * cos, 1.0 - alpha))


def low_pass(hertz: float, q: float, rate: int) -> Section:
    """Unity at 0 Hz, falling by 12 dB an octave above ``hertz``."""
    w = _angle(hertz, rate)
    alpha, cos = np.sin(w) / (2.0 * q), float(np.cos(w))
    b = (0.5 * (1.0 - cos), 1.0 - cos, 0.5 * (1.0 - cos))
    return _section(b, (1.0 + alpha, -2.0 * cos, 1.0 - alpha))


def one_pole(hertz: float, rate: int) -> Section:
    """Unity at 0 Hz, falling by 6 dB an octave above ``hertz``."""
    pole = float(np.exp(-_angle(hertz, rate)))
    return [1.0 - pole, 0.0, 0.0, 1.0, -pole, 0.0]


def through(signal: NDArray[np.floating], *sections: Section) -> Samples:
    """``signal`` (along its last axis) through the sections in a row, from rest."""
    from scipy.signal import sosfilt

    filtered: Samples = sosfilt(np.array(sections), signal, axis=-1)
    return filtered


def noise_band(rng: np.random.Generator, count: int, hertz: float, q: float, rate: int) -> Samples:
    """White noise through a band-pass, as dense at any rate as unit variance is at 16 kHz."""
    density = np.float32(np.sqrt(rate / 16_000))
    return through(density * rng.standard_normal(count, np.float32), band_pass(hertz, q, rate))
