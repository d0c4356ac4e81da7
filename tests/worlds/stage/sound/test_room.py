from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import fftconvolve

from sensorium.worlds.stage.sound import room
from sensorium.worlds.stage.sound.room import impulse_response

RATE = 16_000


@pytest.fixture
def track() -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(30_011)).astype(np.float32)


def test_dry_is_the_track_at_equal_power(track: np.ndarray) -> None:
    for pan in (-1.0, -0.3, 0.0, 1.0):
        heard = room(track, RATE, 1, 0.0, pan)
        assert heard.shape == (2, len(track))
        assert heard.dtype == np.float32
        assert np.allclose(np.square(heard).sum(axis=0), np.square(track), atol=1e-6)
    assert not room(track, RATE, 1, 0.0, -1.0)[1].any()


def test_equal_to_plain_convolution(track: np.ndarray) -> None:
    for seed in range(3):
        wet = room(track, RATE, seed, 1.0, 0.4)
        plain = fftconvolve(
            track[None].astype(np.float64), impulse_response(RATE, seed, 0.4), axes=1
        )
        assert np.abs(wet - plain[:, : len(track)]).max() < 1e-5


def test_tracks_sent_one_by_one_sum_to_their_mix(track: np.ndarray) -> None:
    other = np.roll(track[::-1], 77)
    mix = room(track + other, RATE, 4, 0.3, 0.2)
    assert (
        np.abs(room(track, RATE, 4, 0.3, 0.2) + room(other, RATE, 4, 0.3, 0.2) - mix).max() < 1e-6
    )


def test_reverberation_decays_and_rooms_differ() -> None:
    for rate in (8_000, 48_000):
        for seed in range(5):
            response = impulse_response(rate, seed, 0.0)
            assert np.square(response).sum() == pytest.approx(1.0, abs=0.35)
            quarters = np.square(response).sum(axis=0)
            assert (
                quarters[: len(quarters) // 4].sum() > 50 * quarters[-(len(quarters) // 4) :].sum()
            )
            assert response.shape[1] < 0.7 * rate
    lengths = {impulse_response(RATE, seed, 0.0).shape[1] for seed in range(5)}
    assert len(lengths) == 5


def test_the_late_room_is_shared_and_the_side_is_heard(track: np.ndarray) -> None:
    left, right = (impulse_response(RATE, 3, pan) for pan in (-0.9, 0.9))
    late = round(0.05 * RATE)
    assert np.array_equal(left[:, late:], right[:, late:])
    assert not np.array_equal(left[:, :late], right[:, :late])
    heard = np.square(room(track, RATE, 3, 0.3, 0.8)).sum(axis=1)
    assert heard[1] > 2 * heard[0]


def test_the_direct_sound_comes_first_and_at_once() -> None:
    click = np.zeros(4000, dtype=np.float32)
    click[1000] = 1.0
    heard = np.abs(room(click, RATE, 2, 0.4, 0.0)).max(axis=0)
    assert np.argmax(heard) == 1000
    assert heard[:1000].max() < 1e-5


def test_short_and_empty_tracks() -> None:
    assert room(np.zeros(0, dtype=np.float32), RATE, 0, 0.5, 0.0).shape == (2, 0)
    assert room(np.ones(1, dtype=np.float32), RATE, 0, 0.5, 0.0).shape == (2, 1)


@pytest.mark.parametrize(
    ("shape", "wetness", "pan", "words"),
    [
        ((2, 10), 0.5, 0.0, r"mono track \[N\], got \[2, 10\]"),
        ((10,), 1.5, 0.0, "wetness must be in 0..1"),
        ((10,), 0.5, float("nan"), "pan in -1..1"),
    ],
)
def test_what_a_room_refuses(
    shape: tuple[int, ...], wetness: float, pan: float, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        room(np.zeros(shape, dtype=np.float32), RATE, 0, wetness, pan)


def test_samples_lie_on_a_grid_without_negative_zeros(track: np.ndarray) -> None:
    heard = room(np.where(np.arange(len(track)) < 500, track, 0), RATE, 5, 0.3, 0.1)
    assert np.array_equal(heard.astype(np.float64) * 2**24 % 1, np.zeros(heard.shape))
    assert not (np.signbit(heard) & (heard == 0)).any()
    assert not heard[:, -1000:].any()
