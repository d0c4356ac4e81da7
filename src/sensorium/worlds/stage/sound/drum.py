"""A drum: the modes of a round membrane, a pitch that falls after the blow, a burst of noise.

The ratios are those of the Bessel zeros of an ideal membrane (Fletcher and Rossing, chapter 18).
The pitch chooses the
drum: low ones are big, deep and long, high ones small, short and with rattling wires.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorium.worlds.stage.script import Note
from sensorium.worlds.stage.sound import filters, modes
from sensorium.worlds.stage.sound.note import Samples, let_go, ring_length
from sensorium.worlds.stage.sound.wavetable import HIGHEST

RATIOS = np.array([1.0, 1.593, 2.136, 2.296, 2.653, 2.918, 3.156, 3.5])
_LOWEST_PITCH, _LOWEST_HERTZ = 48.0, 62.0
_GLIDE_SECONDS = 0.03
_DENSER = 4  # so that straight lines between samples are smooth enough
_PITCHES_PER_OCTAVE = 18.0  # a set of drums spans less than the pitches that play it


@dataclass(frozen=True)
class Drum:
    """One set of drums and its player's sticks.

    Args:
        tuning: of the whole set, as a factor.
        gains: of the modes (where the skin is struck).
        decay: seconds for the lowest mode of the lowest drum to fall to 1/e.
        glide: by how much a hard blow raises the pitch.
        stick: centre of the noise in hertz.
        wires: noise of a small drum, relative to the skin.
        damping: seconds in which the hand stops the skin.
    """

    tuning: float
    gains: Samples
    decay: float
    glide: float
    stick: float
    wires: float
    damping: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Drum:
        """Any set of drums."""
        return cls(
            tuning=2.0 ** rng.uniform(-0.25, 0.25),
            gains=np.array([1.0, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25, 0.2])
            * 2.0 ** rng.uniform(-1, 1, 8),
            decay=rng.uniform(0.16, 0.32),
            glide=rng.uniform(0.1, 0.5),
            stick=rng.uniform(1200.0, 4000.0),
            wires=rng.uniform(0.2, 0.7),
            damping=rng.uniform(0.06, 0.1),
        )

    def play(self, note: Note, rate: int, rng: np.random.Generator) -> Samples:
        """One stroke."""
        octaves = (note.pitch - _LOWEST_PITCH) / _PITCHES_PER_OCTAVE
        f0 = self.tuning * _LOWEST_HERTZ * 2.0**octaves
        count = ring_length(note.duration, self.damping, rate)
        times = np.arange(count) / rate
        glide = self.glide * (0.3 + 0.7 * note.velocity)
        decay = self.decay * 2.0 ** (-0.5 * octaves)
        skin = self._skin(f0, decay, glide, times, rate, rng)
        click = np.exp(-times / 0.005) + 0.6 * np.clip(octaves, 0.1, 1.5) * np.exp(-times / 0.06)
        noise = filters.noise_band(rng, count, self.stick, 0.6, rate)
        struck = skin + (0.4 + 0.6 * note.velocity) * self.wires * click * noise
        return let_go(struck, note.duration, self.damping, rate)

    def _skin(
        self,
        f0: float,
        decay: float,
        glide: float,
        times: Samples,
        rate: int,
        rng: np.random.Generator,
    ) -> Samples:
        """The modes, rendered at a steady pitch, then read along a time that starts out fast."""
        heard = f0 * RATIOS * (1.0 + glide) < HIGHEST * rate
        gains = self.gains * rng.uniform(0.7, 1.3, len(RATIOS)) * heard
        warped = times + _GLIDE_SECONDS * glide * (1.0 - np.exp(-times / _GLIDE_SECONDS))
        position = warped * (_DENSER * rate)
        index = position.astype(np.int64)
        steady = modes.ring(
            f0 * RATIOS, gains, decay / RATIOS**0.7, int(index[-1]) + 2, _DENSER * rate
        )
        near = steady[index]
        return near + (position - index) * (steady[index + 1] - near)
