"""A flute: few harmonics, breath noise, a chiff at the start, and vibrato of the breath."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorium.worlds.stage.script import Note
from sensorium.worlds.stage.sound import filters, wavetable
from sensorium.worlds.stage.sound.body import Body
from sensorium.worlds.stage.sound.controls import control_times, swell, to_audio, vibrato
from sensorium.worlds.stage.sound.note import Samples, hertz, length


@dataclass(frozen=True)
class Flute:
    """One flute and its player's breath.

    Args:
        body: the tube's and the player's own colour.
        slope: how fast the harmonics fall, in nepers each.
        octave: strength of the second harmonic, blown hard.
        breath: noise relative to the tone.
        chiff: noise of the start, relative to the breath.
        vibrato_hertz: its speed.
        vibrato_depth: as a part of the loudness.
        attack: time constant in seconds.
        release: in seconds.
        cents: off tune.
    """

    body: Body
    slope: float
    octave: float
    breath: float
    chiff: float
    vibrato_hertz: float
    vibrato_depth: float
    attack: float
    release: float
    cents: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Flute:
        """Any flute."""
        return cls(
            body=Body.draw(rng),
            slope=rng.uniform(1.0, 1.6),
            octave=rng.uniform(0.3, 0.9),
            breath=rng.uniform(0.08, 0.22),
            chiff=rng.uniform(1.0, 4.0),
            vibrato_hertz=rng.uniform(4.2, 6.0),
            vibrato_depth=rng.uniform(0.1, 0.3),
            attack=rng.uniform(0.02, 0.05),
            release=rng.uniform(0.05, 0.09),
            cents=rng.uniform(-2, 2),
        )

    def play(self, note: Note, rate: int, rng: np.random.Generator) -> Samples:
        """One breath."""
        f0 = hertz(note.pitch + 0.01 * self.cents)
        count = length(note.duration + self.release, rate)
        times = control_times(count, rate)
        k = wavetable.harmonic_numbers(f0, rate)
        soft = np.exp(-self.slope * (k - 1.0)) * self.body.gain(f0 * k)
        hard = soft * np.where(k == 1.0, 1.0, 1.0 + 1.5 * note.velocity)
        hard[1:2] *= 1.0 + self.octave
        tables = (wavetable.period(soft), wavetable.period(hard))
        swing = vibrato(times, self.vibrato_hertz, 0.2, rng.uniform())
        envelope = swell(times, note.duration, self.attack, self.release)
        frequency = f0 * (1.0 + 0.008 * self.vibrato_depth * swing - 0.006 * np.exp(-times / 0.02))
        tone = wavetable.read(tables, frequency, envelope * (0.7 + 0.3 * swing), count, rate)
        tone *= to_audio(envelope * (1.0 + self.vibrato_depth * swing), count, rate)
        noise = filters.noise_band(rng, count, 2.0 * f0, 2.0, rate)
        noise += filters.noise_band(rng, count, 3000.0, 0.5, rate)
        start = swell(times, note.duration, 0.004, self.release)
        puff = start * (1.0 + self.chiff * np.exp(-times / 0.025) + self.vibrato_depth * swing)
        return tone + self.breath * to_audio(puff, count, rate) * noise
