"""A free-reed instrument: two or three bright reeds a note, a little apart, fed by bellows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorium.worlds.stage.script import Note
from sensorium.worlds.stage.sound import filters, wavetable
from sensorium.worlds.stage.sound.body import Body
from sensorium.worlds.stage.sound.controls import control_times, swell, to_audio
from sensorium.worlds.stage.sound.note import Samples, hertz, length


@dataclass(frozen=True)
class Accordion:
    """One accordion and its player's bellows arm.

    Args:
        body: the case's own colour.
        reeds: cents away from the pitch of each reed that sounds.
        weights: of the reeds.
        opening: part of the cycle in which air passes; sets the comb in the harmonics.
        slope: exponent of the harmonics' fall.
        bellows_hertz: speed of the bellows' tremble.
        bellows_depth: of the tremble, as a part of the loudness.
        air: noise relative to the tone.
        attack: time constant in seconds.
        release: in seconds.
    """

    body: Body
    reeds: tuple[float, ...]
    weights: tuple[float, ...]
    opening: float
    slope: float
    bellows_hertz: float
    bellows_depth: float
    air: float
    attack: float
    release: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Accordion:
        """Any accordion: a pair of reeds, or three with the outer ones further away."""
        three = rng.uniform() < 0.6
        apart = rng.uniform(4.0, 9.0) if three else rng.uniform(1.5, 3.0)
        return cls(
            body=Body.draw(rng, ((900.0, 3.0, 1.5),)),
            reeds=(0.0, -apart, apart) if three else (-apart, apart),
            weights=(1.0, 0.5, 0.5) if three else (1.0, 0.9),
            opening=rng.uniform(0.12, 0.32),
            slope=rng.uniform(0.5, 0.9),
            bellows_hertz=rng.uniform(3.0, 5.5),
            bellows_depth=rng.uniform(0.05, 0.2),
            air=rng.uniform(0.01, 0.03),
            attack=rng.uniform(0.015, 0.04),
            release=rng.uniform(0.03, 0.06),
        )

    def play(self, note: Note, rate: int, rng: np.random.Generator) -> Samples:
        """One key held."""
        f0 = hertz(note.pitch)
        count = length(note.duration + self.release, rate)
        times = control_times(count, rate)
        k = wavetable.harmonic_numbers(f0, rate)
        comb = np.abs(np.sin(np.pi * self.opening * k)) + 0.1
        reed = self.body.gain(f0 * k) * comb * k**-self.slope
        reach = 2500.0 + 3500.0 * note.velocity
        tables = (
            wavetable.period(reed * np.exp(-f0 * k / (0.4 * reach))),
            wavetable.period(reed * np.exp(-f0 * k / reach)),
        )
        envelope = swell(times, note.duration, self.attack, self.release)
        tone = np.zeros(count)
        flat = np.ones_like(times)
        for cents, weight in zip(self.reeds, self.weights, strict=True):
            hz = f0 * 2.0 ** (cents / 1200.0)
            tone += weight * wavetable.read(tables, hz * flat, envelope, count, rate)
        tone /= np.sqrt(np.square(self.weights).sum())
        tone += self.air * filters.noise_band(rng, count, 2000.0, 0.5, rate)
        shake = np.sin(2.0 * np.pi * (self.bellows_hertz * times + rng.uniform()))
        return tone * to_audio(envelope * (1.0 + self.bellows_depth * shake), count, rate)
