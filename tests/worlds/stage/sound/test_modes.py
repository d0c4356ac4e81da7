from __future__ import annotations

import numpy as np

from sensorium.worlds.stage.sound import modes


def test_equal_to_the_plain_sum_of_decaying_sines() -> None:
    rng = np.random.default_rng(0)
    hertz, gains, decays = rng.uniform(50, 7000, 9), rng.uniform(0.1, 1, 9), rng.uniform(0.02, 2, 9)
    time = np.arange(12_345) / 16_000
    plain = sum(
        a * np.exp(-time / d) * np.sin(2 * np.pi * f * time)
        for f, a, d in zip(hertz, gains, decays, strict=True)
    )
    assert np.abs(modes.ring(hertz, gains, decays, 12_345, 16_000) - plain).max() < 1e-9


def test_modes_that_would_fold_are_left_out() -> None:
    one = np.ones(1)
    assert not modes.ring(7300.0 * one, one, one, 1000, 16_000).any()
    assert modes.ring(7100.0 * one, one, one, 1000, 16_000).any()
