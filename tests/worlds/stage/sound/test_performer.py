from __future__ import annotations

import hashlib

import numpy as np
import pytest

from sensorium.worlds.stage.script import INSTRUMENTS, Note
from sensorium.worlds.stage.sound import MODELS, synthesise
from sensorium.worlds.stage.sound.note import hertz

RATE = 16_000
KINDS = list(MODELS)
TUNED = [kind for kind in KINDS if kind != "drum"]


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64)))))


def decibels(ratio: float) -> float:
    return 20 * float(np.log10(ratio))


def part(track: np.ndarray, start: float, stop: float, rate: int = RATE) -> np.ndarray:
    return track[round(start * rate) : round(stop * rate)]


def fundamental(samples: np.ndarray, near: float, rate: int) -> float:
    """The highest peak of a finely sampled spectrum within a tone of ``near``."""
    points = 1 << 19
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), points))
    low, high = (round(near * f * points / rate) for f in (0.89, 1.12))
    return (low + int(np.argmax(spectrum[low:high]))) * rate / points


def test_every_kind_on_the_stage_has_a_model() -> None:
    assert set(KINDS) == set(INSTRUMENTS)


@pytest.mark.parametrize("kind", KINDS)
def test_shape_range_and_same_bytes_for_the_same_seed(kind: str) -> None:
    notes = [Note(0.1, 0.4, 60.0, 1.0), Note(0.5, 0.3, 67.5, 0.5), Note(0.95, 0.4, 48.0, 0.8)]
    track = synthesise(kind, notes, 1.0301, RATE, 5)
    again = synthesise(kind, list(reversed(notes)), 1.0301, RATE, 5)
    assert track.shape == (round(1.0301 * RATE),)
    assert track.dtype == np.float32
    assert np.isfinite(track).all()
    assert np.abs(track).max() <= 1.0
    assert hashlib.sha256(track).digest() == hashlib.sha256(again).digest()


@pytest.mark.parametrize("kind", TUNED)
@pytest.mark.parametrize(("pitch", "rate"), [(48.0, 16_000), (60.37, 16_000), (81.0, 44_100)])
def test_pitch_within_five_cents(kind: str, pitch: float, rate: int) -> None:
    for seed in range(3):
        track = synthesise(kind, [Note(0.1, 1.2, pitch, 0.7)], 1.4, rate, seed)
        heard = fundamental(part(track, 0.1, 1.3, rate), hertz(pitch), rate)
        assert abs(1200 * np.log2(heard / hertz(pitch))) < 5.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_onset_within_a_millisecond_and_silence_around(kind: str, rate: int) -> None:
    for seed, start in enumerate((0.25, 0.3333, 0.5)):
        track = synthesise(kind, [Note(start, 0.3, 62.0, 0.6)], 1.2, rate, seed)
        loud = np.flatnonzero(np.abs(track) > 0.02 * np.abs(track).max())
        assert abs(loud[0] / rate - start) < 0.001
        assert not part(track, 0.0, start - 0.001, rate).any()
        assert not part(track, start + 0.3 + 0.15, 1.2, rate).any()
        assert part(track, start + 0.29, start + 0.3, rate).any()


@pytest.mark.parametrize("kind", ["violin", "flute", "trumpet", "accordion"])
def test_blown_and_bowed_notes_last_as_long_as_they_should(kind: str) -> None:
    for duration in (0.2, 0.5, 1.1):
        track = synthesise(kind, [Note(0.2, duration, 65.0, 0.8)], 2.0, RATE, 4)
        held = rms(part(track, 0.2 + 0.6 * duration, 0.2 + duration))
        after = rms(part(track, 0.2 + duration + 0.06, 0.2 + duration + 0.09))
        assert 0.05 < held < 0.15
        assert decibels((after + 1e-9) / held) < -12


@pytest.mark.parametrize("kind", ["guitar", "marimba", "drum", "piano"])
def test_struck_and_plucked_notes_ring_down_and_are_damped_at_their_end(kind: str) -> None:
    track = synthesise(kind, [Note(0.2, 1.0, 65.0, 0.8)], 2.0, RATE, 4)
    early, middle, late = (rms(part(track, 0.2 + t, 0.3 + t)) for t in (0.0, 0.3, 0.8))
    assert early > 1.2 * middle > 1.2 * late > 0
    short = synthesise(kind, [Note(0.2, 0.3, 65.0, 0.8)], 2.0, RATE, 4)
    assert np.array_equal(part(short, 0.2, 0.5), part(track, 0.2, 0.5))
    assert rms(part(short, 0.6, 0.7)) < 0.5 * rms(part(track, 0.6, 0.7))


@pytest.mark.parametrize("kind", KINDS)
def test_amplitude_is_proportional_to_velocity(kind: str) -> None:
    loud, soft = (
        np.mean(
            [
                rms(part(synthesise(kind, [Note(0.1, 0.4, p, v)], 0.6, RATE, s), 0.1, 0.5))
                for s, p in enumerate((50.0, 57.0, 63.0, 70.0))
            ]
        )
        for v in (0.9, 0.3)
    )
    assert abs(decibels(loud / soft) - decibels(3.0)) < 1.5


def test_kinds_are_equally_loud() -> None:
    level = {
        kind: decibels(
            np.mean(
                [
                    rms(part(synthesise(kind, [Note(0.1, 0.4, p, 1.0)], 0.6, RATE, s), 0.1, 0.5))
                    for s, p in enumerate(np.linspace(48.0, 80.0, 12))
                ]
            )
            / 0.1
        )
        for kind in KINDS
    }
    assert max(level.values()) - min(level.values()) < 3.0
    assert all(abs(value) < 3.0 for value in level.values())


@pytest.mark.parametrize("kind", KINDS)
def test_two_performers_of_a_kind_do_not_sound_the_same(kind: str) -> None:
    notes = [Note(0.05, 0.6, 57.0, 0.7)]

    def spectrum(seed: int) -> np.ndarray:
        power = np.square(np.abs(np.fft.rfft(synthesise(kind, notes, 0.8, RATE, seed)))[: 5 * 1024])
        bands = power.reshape(40, -1).sum(axis=1)
        return 10 * np.log10(bands / bands.sum())

    differences = [np.abs(spectrum(s) - spectrum(s + 1)).mean() for s in range(0, 8, 2)]
    assert np.mean(differences) > 2.0  # dB in a band of 160 Hz


def test_notes_add_up_and_later_notes_leave_earlier_ones_alone() -> None:
    notes = [Note(0.1, 0.2, 60.0, 0.5), Note(0.5, 0.2, 64.0, 0.5), Note(0.55, 0.3, 67.0, 0.5)]
    whole = synthesise("piano", notes, 1.2, RATE, 9)
    first = synthesise("piano", notes[:1], 1.2, RATE, 9)
    assert np.array_equal(part(whole, 0.0, 0.5), part(first, 0.0, 0.5))
    assert rms(part(whole, 0.6, 0.7)) > rms(
        part(synthesise("piano", notes[:2], 1.2, RATE, 9), 0.6, 0.7)
    )


def test_a_thick_chord_stays_within_range() -> None:
    chord = [Note(0.0, 0.5, 40.0 + i, 1.0) for i in range(24)]
    assert np.abs(synthesise("trumpet", chord, 0.5, RATE, 1)).max() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [4_000, 11_025, 96_000])
def test_the_ends_of_what_can_be_asked(kind: str, rate: int) -> None:
    notes = [Note(0.0, 0.001, 0.0, 1.0), Note(0.01, 0.05, 127.0, 1.0), Note(0.1, 2.0, 108.0, 0.0)]
    track = synthesise(kind, notes, 0.12, rate, 3)
    assert np.isfinite(track).all()
    assert np.abs(track).max() <= 1.0
    assert not synthesise(kind, [], 0.12, rate, 3).any()
    assert synthesise(kind, [], 0.0, rate, 3).shape == (0,)


@pytest.mark.parametrize(
    ("kind", "note", "seconds", "rate", "words"),
    [
        ("kazoo", Note(0.0, 1.0, 60.0, 1.0), 1.0, RATE, "kind must be one of guitar, violin"),
        ("piano", Note(-0.1, 1.0, 60.0, 1.0), 1.0, RATE, "start within 0..1 s"),
        ("piano", Note(1.1, 1.0, 60.0, 1.0), 1.0, RATE, "start within 0..1 s"),
        ("piano", Note(0.0, 0.0, 60.0, 1.0), 1.0, RATE, "last longer than 0 s"),
        ("piano", Note(0.0, float("nan"), 60.0, 1.0), 1.0, RATE, "last longer than 0 s"),
        ("piano", Note(0.0, 1.0, 128.0, 1.0), 1.0, RATE, "pitch in 0..127"),
        ("piano", Note(0.0, 1.0, 60.0, 1.1), 1.0, RATE, "velocity in 0..1"),
        ("piano", Note(0.0, 1.0, 60.0, 1.0), float("inf"), RATE, "seconds must be finite"),
        ("piano", Note(0.0, 1.0, 60.0, 1.0), 1.0, 100, "at least 4000 Hz, got 100"),
    ],
)
def test_what_cannot_be_played(
    kind: str, note: Note, seconds: float, rate: int, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        synthesise(kind, [note], seconds, rate, 0)
