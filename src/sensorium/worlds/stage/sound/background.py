"""Background noise: hiss, rumble, murmur of the air and hum, in proportions that vary."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from sensorium.seeds import generator
from sensorium.worlds.stage.sound import filters, modes
from sensorium.worlds.stage.sound.controls import control_times, to_audio
from sensorium.worlds.stage.sound.performer import track_length

_HUM = np.arange(1.0, 6.0)  # harmonics of the mains


def noise(seconds: float, rate: int, seed: int, level: float) -> Float32[np.ndarray, "2 N"]:
    """The noise of a place.

    Args:
        seconds: length.
        rate: in hertz.
        seed: sets the colour (from rumble to hiss), how much it wavers, and the hum.
        level: RMS over both channels.

    Shape:
        ``[2, N]`` with ``N = round(seconds * rate)``.

    Raises:
        ValueError: if ``level`` is negative, or length or rate are out of range.
    """
    if not level >= 0.0:
        raise ValueError(
            f"level must be at least 0 (an RMS amplitude, 0.01 is quiet), got {level!r}"
        )
    count = track_length(seconds, rate)
    if count == 0 or level == 0.0:
        return np.zeros((2, count), dtype=np.float32)
    rng = generator(seed, "background")
    white = rng.standard_normal((2, count), dtype=np.float32)
    bell = filters.peaking(200.0 * 15.0 ** rng.uniform(), rng.uniform(-8.0, 12.0), 1.0, rate)
    sound = filters.through(white, _rumble_and_hiss(rng, rate), bell)
    times = control_times(count, rate)
    waver = 1.0 + rng.uniform(0.0, 0.3) * np.sin(2.0 * np.pi * rng.uniform(0.1, 0.7) * times)
    sound *= to_audio(waver, count, rate)
    if rng.uniform() < 0.3:
        mains = rng.choice([50.0, 60.0]) * _HUM
        gains = _HUM ** -rng.uniform(0.5, 1.5)
        hum = modes.ring(mains, gains, np.full(len(_HUM), 1e9), count, rate)
        sound += rng.uniform(0.1, 0.6) * sound.std() * hum
    sound *= level / np.sqrt(np.square(sound).mean())
    return sound.astype(np.float32)


def _rumble_and_hiss(rng: np.random.Generator, rate: int) -> filters.Section:
    """Low-passed noise of unit variance plus a share of white, as one section."""
    _, _, _, one, minus_pole, zero = filters.one_pole(60.0 * 50.0 ** rng.uniform(), rate)
    rumble = float(np.sqrt(1.0 - minus_pole**2))
    hiss = rng.uniform(0.0, 1.0) ** 3
    return [rumble + hiss, hiss * minus_pole, 0.0, one, minus_pole, zero]
