"""Band-limited periodic sources: one period is summed from its harmonics and read at any frequency.

A note has two tables, a dark and a bright one, and moves between them while it sounds. Only
harmonics below 0.45 of the sampling rate are in a table, so nothing folds back; reading 4096 points
along straight lines puts the images of harmonic k at (k / 4096)² of it, under −70 dB for those that
are loud.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensorium.worlds.stage.sound.controls import to_audio
from sensorium.worlds.stage.sound.note import Samples

POINTS = 4096
HIGHEST = 0.45  # of the sampling rate
_MOST_HARMONICS = 160
_SWING = 1.02  # vibrato and attacks move the pitch by less than this


def harmonic_numbers(hertz: float, rate: int) -> Samples:
    """1, 2, 3 … as far as they fit below `HIGHEST` (none fits: empty)."""
    return np.arange(1.0, min(_MOST_HARMONICS, int(HIGHEST * rate / (hertz * _SWING))) + 1)


def period(amplitudes: Samples) -> Samples:
    """One period of a sum of sines, levelled to RMS 1.

    Shape:
        ``amplitudes``: ``[K]`` of harmonics 1..K; the answer: ``[POINTS + 1]``, the last equal to
        the first.
    """
    spectrum = np.zeros(POINTS // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(amplitudes) + 1] = amplitudes * (-0.5j * POINTS)
    wave = np.fft.irfft(spectrum, POINTS)
    power = float(0.5 * np.square(amplitudes).sum())
    table: Samples = np.append(wave, wave[0]) / max(np.sqrt(power), 1e-9)
    return table


def read(
    tables: tuple[Samples, Samples], hertz: Samples, brightness: Samples, count: int, rate: int
) -> Samples:
    """A note read from a dark and a bright table.

    Shape:
        ``hertz``, ``brightness`` (0 dark .. 1 bright): ``[J]`` at the control times; the answer:
        ``[count]``.
    """
    steps = to_audio(hertz * (POINTS / rate), count, rate)
    position = np.cumsum(steps) - steps[0]
    index = position.astype(np.int64)
    part = position - index
    index &= POINTS - 1
    dark, bright = tables
    mix = to_audio(brightness, count, rate)
    near: Samples = _between(dark, bright, index, mix)
    index += 1
    near += part * (_between(dark, bright, index, mix) - near)
    return near


def _between(dark: Samples, bright: Samples, index: NDArray[np.int64], mix: Samples) -> Samples:
    low: Samples = dark[index]
    between: Samples = low + mix * (bright[index] - low)
    return between
