from __future__ import annotations

import numpy as np
import pytest

from sensorium.worlds.stage.sound import noise


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_level_shape_and_same_bytes_for_the_same_seed(rate: int) -> None:
    for seed in range(4):
        sound = noise(1.5, rate, seed, 0.02)
        assert sound.shape == (2, round(1.5 * rate))
        assert sound.dtype == np.float32
        assert np.sqrt(np.mean(np.square(sound))) == pytest.approx(0.02, rel=1e-3)
        assert sound.tobytes() == noise(1.5, rate, seed, 0.02).tobytes()
        assert abs(np.corrcoef(sound)[0, 1]) < 0.9


def test_colours_vary_from_rumble_to_hiss() -> None:
    centres = []
    for seed in range(40):
        power = np.square(np.abs(np.fft.rfft(noise(1.0, 16_000, seed, 0.1)[0])))
        centres.append((power * np.arange(len(power))).sum() / power.sum())
    assert min(centres) < 400
    assert max(centres) > 2000


def test_nothing_asked_nothing_heard() -> None:
    assert noise(0.0, 16_000, 0, 0.1).shape == (2, 0)
    assert not noise(0.1, 16_000, 0, 0.0).any()
    with pytest.raises(ValueError, match="level must be at least 0"):
        noise(1.0, 16_000, 0, -0.1)
