"""A brass instrument: the louder the brighter, with a blip at the attack.

J.-C. Risset and M. Mathews, "Analysis of musical-instrument tones", Physics Today 22(2), 1969.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorium.worlds.stage.script import Note
from sensorium.worlds.stage.sound import filters, wavetable
from sensorium.worlds.stage.sound.body import Body
from sensorium.worlds.stage.sound.controls import control_times, swell, to_audio, vibrato
from sensorium.worlds.stage.sound.note import Samples, hertz, length


@dataclass(frozen=True)
class Trumpet:
    """One trumpet and its player's lips.

    Args:
        body: the bell's formant and the instrument's own colour.
        dark: cut-off in hertz, played as softly as possible.
        bright: cut-off in hertz, played as loudly as possible.
        blip: overshoot of loudness and brightness at the attack.
        scoop: how far below the pitch the attack starts, as a part of the frequency.
        vibrato_hertz: its speed.
        vibrato_depth: as a part of the frequency.
        attack: time constant in seconds.
        release: in seconds.
        cents: off tune.
    """

    body: Body
    dark: float
    bright: float
    blip: float
    scoop: float
    vibrato_hertz: float
    vibrato_depth: float
    attack: float
    release: float
    cents: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Trumpet:
        """Any trumpet."""
        return cls(
            body=Body.draw(rng, ((1300.0, 7.0, 1.2),)),
            dark=rng.uniform(350.0, 600.0),
            bright=rng.uniform(1600.0, 3200.0),
            blip=rng.uniform(0.3, 0.9),
            scoop=rng.uniform(0.003, 0.015),
            vibrato_hertz=rng.uniform(4.5, 6.0),
            vibrato_depth=rng.uniform(0.0, 0.003),
            attack=rng.uniform(0.012, 0.03),
            release=rng.uniform(0.04, 0.08),
            cents=rng.uniform(-2, 2),
        )

    def play(self, note: Note, rate: int, rng: np.random.Generator) -> Samples:
        """One tongued note."""
        f0 = hertz(note.pitch + 0.01 * self.cents)
        count = length(note.duration + self.release, rate)
        times = control_times(count, rate)
        k = wavetable.harmonic_numbers(f0, rate)
        bell = self.body.gain(f0 * k)
        cut_off = self.dark * (self.bright / self.dark) ** (0.25 + 0.75 * note.velocity)
        tables = (
            wavetable.period(bell * np.exp(-f0 * (k - 1.0) / self.dark)),
            wavetable.period(bell * np.exp(-f0 * (k - 1.0) / cut_off)),
        )
        envelope = swell(times, note.duration, self.attack, self.release)
        blip = self.blip * (times / 0.03) * np.exp(1.0 - times / 0.03)
        swing = vibrato(times, self.vibrato_hertz, 0.25, rng.uniform())
        frequency = f0 * (1.0 + self.vibrato_depth * swing - self.scoop * np.exp(-times / 0.015))
        brightness = np.minimum(envelope * (0.75 + 0.6 * blip), 1.0)
        tone = wavetable.read(tables, frequency, brightness, count, rate)
        spit = filters.noise_band(rng, count, 1500.0, 0.7, rate)
        spit *= to_audio(0.03 + 0.4 * np.exp(-times / 0.008), count, rate)
        return (tone + spit) * to_audio(envelope * (1.0 + blip), count, rate)
