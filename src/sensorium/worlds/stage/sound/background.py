"""Background noise: hiss, rumble, murmur of the air and hum, in proportions that vary."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from sensorium.seeds import generator
from sensorium.worlds.stage.sound import filters
from sensorium.worlds.stage.sound.controls import control_times, to_audio
from sensorium.worlds.stage.sound.performer import track_length


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
    white = rng.standard_normal((2, count))
    rumble = filters.through(white, filters.one_pole(60.0 * 50.0 ** rng.uniform(), rate))
    hiss = rng.uniform(0.0, 1.0) ** 3
    bell = filters.peaking(200.0 * 15.0 ** rng.uniform(), rng.uniform(-8.0, 12.0), 1.0, rate)
    sound = filters.through(hiss * white + rumble / rumble.std(), bell)
    times = control_times(count, rate)
    waver = 1.0 + rng.uniform(0.0, 0.3) * np.sin(2.0 * np.pi * rng.uniform(0.1, 0.7) * times)
    sound *= to_audio(waver, count, rate)
    if rng.uniform() < 0.3:
        mains = rng.choice([50.0, 60.0]) * np.arange(1, 6)
        turns = mains[:, None] * times + rng.uniform(size=(5, 1))
        hum = np.sin(2.0 * np.pi * turns) / np.arange(1, 6)[:, None] ** rng.uniform(0.5, 1.5)
        sound += rng.uniform(0.1, 0.6) * sound.std() * to_audio(hum.sum(axis=0), count, rate)
    return (sound * (level / np.sqrt(np.square(sound).mean()))).astype(np.float32)
