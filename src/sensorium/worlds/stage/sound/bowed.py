"""A bowed string: Helmholtz motion, the bow's noise, vibrato, and a resonant body.

A bowed string moves in one corner that runs round the string, so the force on the bridge is a
sawtooth (H. Helmholtz, 1863); the bow's width and softness round its corner. The body filters the
moving sawtooth, so vibrato also flickers in loudness, harmonic by harmonic, as on the real
instrument.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorium.worlds.stage.script import Note
from sensorium.worlds.stage.sound import filters, wavetable
from sensorium.worlds.stage.sound.body import Body
from sensorium.worlds.stage.sound.controls import control_times, swell, to_audio, vibrato
from sensorium.worlds.stage.sound.note import Samples, hertz, length

_WOOD = ((280.0, 5.0, 6.0), (460.0, 6.0, 6.0), (1100.0, 4.0, 3.0), (2500.0, 6.0, 1.5))


@dataclass(frozen=True)
class Violin:
    """One violin and its player's bow arm.

    Args:
        body: air, wood and bridge resonances.
        corner: harmonic at which the corner's rounding begins, played loud.
        friction: bow noise relative to the tone.
        vibrato_hertz: its speed.
        vibrato_depth: as a part of the frequency.
        attack: time constant in seconds.
        release: seconds that the string rings on.
        cents: off tune.
    """

    body: Body
    corner: float
    friction: float
    vibrato_hertz: float
    vibrato_depth: float
    attack: float
    release: float
    cents: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Violin:
        """Any violin."""
        return cls(
            body=Body.draw(rng, _WOOD),
            corner=rng.uniform(10.0, 22.0),
            friction=rng.uniform(0.06, 0.18),
            vibrato_hertz=rng.uniform(4.5, 6.8),
            vibrato_depth=rng.uniform(0.003, 0.008),
            attack=rng.uniform(0.02, 0.05),
            release=rng.uniform(0.06, 0.11),
            cents=rng.uniform(-2, 2),
        )

    def play(self, note: Note, rate: int, rng: np.random.Generator) -> Samples:
        """One bow stroke."""
        f0 = hertz(note.pitch + 0.01 * self.cents)
        count = length(note.duration + self.release, rate)
        times = control_times(count, rate)
        k = wavetable.harmonic_numbers(f0, rate)
        loud = self.corner * (0.4 + 0.6 * note.velocity)
        tables = (
            wavetable.period(np.exp(-k / (0.5 * loud)) / k),
            wavetable.period(np.exp(-k / loud) / k),
        )
        swing = vibrato(times, self.vibrato_hertz, 0.15, rng.uniform())
        envelope = swell(times, note.duration, self.attack, self.release)
        frequency = f0 * (1.0 + self.vibrato_depth * swing)
        saw = wavetable.read(tables, frequency, envelope, count, rate)
        noise = filters.noise_band(rng, count, 2500.0, 0.6, rate)
        scratch = self.friction * (1.0 + 2.0 * np.exp(-times / 0.03))
        bowed = saw + to_audio(scratch, count, rate) * noise * (
            1.0 + 0.6 * saw
        )  # it slips, it hisses
        return self.body.colour(1.2 * bowed * to_audio(envelope, count, rate), rate)
