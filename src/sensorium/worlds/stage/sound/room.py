"""The room: an impulse response of early reflections and a tail of decaying noise, one per ear.

It only adds and multiplies by fixed numbers, so the tracks of an episode that were sent through the
same room one by one sum to their mix sent through it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from sensorium.seeds import generator
from sensorium.worlds.stage.sound.filters import one_pole, through
from sensorium.worlds.stage.sound.note import Samples

_REFLECTIONS = 9
_GRID = 2.0**24  # samples are rounded to this: the same bytes whatever way a machine adds


def room(
    track: Float32[np.ndarray, " N"], rate: int, seed: int, wetness: float, pan: float
) -> Float32[np.ndarray, "2 N"]:
    """A dry track as heard in a room; the direct sound is not delayed.

    Args:
        track: mono.
        rate: in hertz.
        seed: the room's: the same for every performer in it.
        wetness: 0 (dry) .. 1 (reverberation only); the loudness stays about the same.
        pan: -1 (left) .. 1 (right); moves the direct sound and the early reflections.

    Shape:
        ``track``: ``[N]``; the answer: ``[2, N]``, left and right, cut at the track's end.

    Raises:
        ValueError: if ``wetness`` or ``pan`` is out of range, or the track is not mono.
    """
    if track.ndim != 1:
        raise ValueError(f"a room takes a mono track [N], got {list(track.shape)}")
    if not (0.0 <= wetness <= 1.0 and -1.0 <= pan <= 1.0):
        raise ValueError(f"wetness must be in 0..1 and pan in -1..1, got {wetness!r} and {pan!r}")
    direct = np.cos(0.5 * np.pi * wetness) * ears(pan)
    heard: Samples = direct[:, None] * track
    if wetness > 0.0 and len(track) > 0:
        response = np.sin(0.5 * np.pi * wetness) * impulse_response(rate, seed, pan)
        heard += _convolve(track, response)
    heard *= _GRID
    np.rint(heard, out=heard)
    heard += 0.0  # no negative zeros
    return heard.astype(np.float32) / np.float32(_GRID)


def ears(pan: float) -> Samples:
    """Gains of left and right at equal power."""
    angle = 0.25 * np.pi * (1.0 + pan)
    return np.array([np.cos(angle), np.sin(angle)])


def impulse_response(rate: int, seed: int, pan: float) -> Samples:
    """The reverberation of a room without its direct sound, at unit energy over both ears.

    Shape:
        ``[2, K]``, K at most 0.7 s.
    """
    rng = generator(seed, "room")
    reverberation = 0.15 * (0.6 / 0.15) ** rng.uniform()  # seconds for 60 dB
    size = rng.uniform(0.5, 1.5)
    count = round((0.02 * size + reverberation) * rate)
    response = _tail(rng, count, rate, reverberation, 0.012 * size)
    response *= np.sqrt(rng.uniform(0.3, 0.7) / np.square(response).sum())
    delays = size * rng.uniform(0.003, 0.022, _REFLECTIONS)
    sides = rng.uniform(-1.0, 1.0, _REFLECTIONS)
    signs = rng.choice([-1.0, 1.0], _REFLECTIONS)
    gains = signs * np.exp(-delays / (0.25 * reverberation))
    gains *= np.sqrt((1.0 - np.square(response).sum()) / np.square(gains).sum())
    for delay, side, gain in zip(delays, sides, gains, strict=True):
        heard = delay * (1.0 - 0.15 * side * pan)  # a wall on the performer's side is nearer
        response[:, round(heard * rate)] += gain * ears(np.clip(0.7 * side + 0.3 * pan, -1.0, 1.0))
    return response


def _tail(
    rng: np.random.Generator, count: int, rate: int, reverberation: float, onset: float
) -> Samples:
    """Noise that decays, faster at high frequencies, ``[2, count]``; independent at either ear."""
    times = np.arange(count) / rate
    decay = np.log(1e3) / reverberation
    noise = rng.standard_normal((2, count))
    dull = through(noise, one_pole(rng.uniform(800.0, 2500.0), rate))
    air = rng.uniform(1.0, 3.0)  # how much faster the bright part decays
    tail: Samples = dull * np.exp(-decay * times) + (noise - dull) * np.exp(-decay * air * times)
    return tail * np.minimum(times / onset, 1.0)


def _convolve(track: Float32[np.ndarray, " N"], response: Samples) -> Samples:
    """The first N samples of ``track`` convolved with each row, by overlap-save."""
    from scipy.fft import irfft, rfft

    past = response.shape[1] - 1
    block = 1 << (2 * past).bit_length()
    step = block - past
    blocks = -(-len(track) // step)
    padded = np.zeros(past + blocks * step)
    padded[past : past + len(track)] = track
    windows = np.lib.stride_tricks.sliding_window_view(padded, block)[::step]
    spectra = rfft(windows, axis=-1)
    wet = np.empty((2, blocks, step))
    for ear, spectrum in enumerate(rfft(response, block, axis=-1)):
        wet[ear] = irfft(spectra * spectrum, block, axis=-1)[:, past:]
    return wet.reshape(2, -1)[:, : len(track)]  # [2, blocks, step] -> [2, N]
