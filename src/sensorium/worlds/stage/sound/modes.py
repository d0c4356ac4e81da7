"""Sums of decaying sinusoids: the free vibration of bars, strings and shells.

Mode m is ``a_m Im(z_m^n)`` with ``z_m = exp((−1/τ_m + 2πi f_m) / rate)``. With n = 64 i + j the
power splits into ``z^(64 i) z^j``, so the sum over the modes is a product of two small matrices:
exact, and far faster than one filter per mode.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensorium.worlds.stage.sound.note import Samples
from sensorium.worlds.stage.sound.wavetable import HIGHEST

_COLUMNS = 64
_ROWS = 16  # small products stay on one thread in every BLAS


def ring(hertz: Samples, amplitudes: Samples, decays: Samples, count: int, rate: int) -> Samples:
    """Struck modes, all at phase 0 at the first sample.

    Args:
        hertz: of each mode; those above 0.45 of the rate are left out.
        amplitudes: at the start.
        decays: time constants in seconds.
        count: samples to render.
        rate: in hertz.

    Shape:
        ``hertz``, ``amplitudes``, ``decays``: ``[M]``; the answer: ``[count]``.
    """
    kept = (hertz < HIGHEST * rate) & (amplitudes > 1e-4 * amplitudes.max(initial=0.0))
    hertz, amplitudes, decays = hertz[kept], amplitudes[kept], decays[kept]
    exponent = np.empty(len(hertz), dtype=np.complex128)
    exponent.real = -1.0 / (decays * rate)
    exponent.imag = 2.0 * np.pi / rate * hertz
    rows = -(-count // (_COLUMNS * _ROWS)) * _ROWS
    within = amplitudes[:, None] * _powers(exponent, _COLUMNS)
    across = _powers(exponent * _COLUMNS, rows).T
    left = np.concatenate([across.real, across.imag], axis=1)
    right = np.concatenate([within.imag, within.real], axis=0)
    blocks = left.reshape(rows // _ROWS, _ROWS, left.shape[1])  # [rows, 2M] -> [rows / 16, 16, 2M]
    sum_of_modes: Samples = np.matmul(blocks, right).reshape(-1)
    return sum_of_modes[:count]  # [rows / 16, 16, 64] -> [count]


def _powers(exponent: NDArray[np.complex128], count: int) -> NDArray[np.complex128]:
    """``exp(exponent)`` to the powers 0 .. count − 1, ``[M, count]``."""
    powers = np.repeat(np.exp(exponent)[:, None], count, axis=1)
    powers[:, 0] = 1.0
    return np.multiply.accumulate(powers, axis=1)
