from __future__ import annotations

import numpy as np
import pytest

from sensorium.worlds.stage.script import Note
from sensorium.worlds.stage.sound import synthesise, wavetable
from sensorium.worlds.stage.sound.controls import control_times
from sensorium.worlds.stage.sound.note import hertz


def off_harmonics(samples: np.ndarray, f0: float, rate: int, width: float) -> float:
    """Energy further than ``width`` Hz from every harmonic, in dB of the whole."""
    power = np.square(np.abs(np.fft.rfft(samples * np.blackman(len(samples)))))
    f = np.fft.rfftfreq(len(samples), 1 / rate)
    away = np.abs(f / f0 - np.maximum(np.round(f / f0), 1)) * f0
    return float(10 * np.log10(power[away > width].sum() / power.sum()))


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("f0", [131.3, 523.7, 1661.2, 3000.1])
def test_a_sawtooth_has_its_harmonics_and_nothing_else(f0: float, rate: int) -> None:
    k = wavetable.harmonic_numbers(f0, rate)
    table = wavetable.period(1.0 / k)
    steady = np.full(len(control_times(rate, rate)), f0)
    saw = wavetable.read((table, table), steady, 0.0 * steady, rate, rate)
    assert np.sqrt(np.mean(saw**2)) == pytest.approx(1.0, rel=0.01)
    assert off_harmonics(saw, f0, rate, 12.0) < -65
    folded = 2 * ((f0 * np.arange(rate) / rate) % 1) - 1  # what a plain sawtooth would do
    assert off_harmonics(folded, f0, rate, 12.0) > -45


def test_bright_and_dark_tables_are_mixed_along_the_note() -> None:
    sine, third = wavetable.period(np.array([1.0])), wavetable.period(np.array([0.0, 0.0, 1.0]))
    rise = np.linspace(0.0, 1.0, len(control_times(16_000, 16_000)))
    note = wavetable.read((sine, third), np.full_like(rise, 500.0), rise, 16_000, 16_000)
    time = np.arange(16_000) / 16_000
    expected = np.sqrt(2) * (
        (1 - time) * np.sin(2 * np.pi * 500 * time) + time * np.sin(2 * np.pi * 1500 * time)
    )
    assert np.abs(note - expected).max() < 1e-3


def test_no_harmonic_fits_above_the_limit() -> None:
    assert len(wavetable.harmonic_numbers(8000.0, 16_000)) == 0
    assert not wavetable.period(np.zeros(0)).any()


@pytest.mark.parametrize("kind", ["trumpet", "accordion", "violin"])
def test_high_loud_notes_of_real_instruments_do_not_fold(kind: str) -> None:
    track = synthesise(kind, [Note(0.0, 1.0, 91.3, 1.0)], 1.0, 16_000, 2)
    middle = track[4000:14_000].astype(np.float64)
    limit = {"trumpet": -35, "accordion": -35, "violin": -15}[
        kind
    ]  # what is left is breath and bow
    assert off_harmonics(middle, hertz(91.3), 16_000, 120.0) < limit
