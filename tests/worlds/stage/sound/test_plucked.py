from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from sensorium.worlds.stage.sound.plucked import loop_filter, run_loop


@pytest.mark.parametrize("delay", [1, 7, 61, 122, 500, 4000])
def test_the_loop_is_the_recursive_filter(delay: int) -> None:
    rng = np.random.default_rng(delay)
    pluck, kernel = rng.standard_normal(3000), rng.uniform(-0.14, 0.14, 7)
    plain = lfilter([1.0], np.concatenate([[1.0], np.zeros(delay - 1), -kernel]), pluck)
    assert np.abs(run_loop(pluck, delay, kernel) - plain).max() < 1e-9


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("f0", [82.4, 261.63, 329.9, 1046.5])
def test_the_loop_is_in_tune_and_loses_what_it_should(f0: float, rate: int) -> None:
    delay, kernel = loop_filter(f0, 3.0, 0.4, rate)

    def turn(hertz: float) -> complex:
        at = delay + np.arange(len(kernel))
        return complex(np.exp(-2j * np.pi * hertz / rate * at) @ kernel)

    cents = np.angle(turn(f0)) / (2 * np.pi) * 1200 / np.log(2)
    assert abs(cents) < (0.5 if rate > 10 * f0 else 1.5)
    seconds_for_60_db = -3.0 / (f0 * np.log10(abs(turn(f0))))
    assert seconds_for_60_db == pytest.approx(3.0, rel=0.02)
    assert max(abs(turn(f)) for f in np.linspace(0, rate / 2, 400)) < 1.0
    if rate > 8_000 and f0 < 1000:
        assert -3.0 / (f0 * np.log10(abs(turn(3000.0)))) == pytest.approx(0.4, rel=0.15)
