"""A struck bar: the modes of a marimba's bar, tuned by its arch to about 1 : 3.93 : 9.5.

N. Fletcher and T. Rossing, "The Physics of Musical Instruments", chapter 19 (a plain bar would have
1 : 2.76 : 5.40).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorium.worlds.stage.script import Note
from sensorium.worlds.stage.sound import filters, modes
from sensorium.worlds.stage.sound.body import Body
from sensorium.worlds.stage.sound.note import Samples, hertz, let_go, ring_length


@dataclass(frozen=True)
class Marimba:
    """One marimba and its player's mallets.

    Args:
        body: the tubes' and the frame's own colour.
        ratios: of the modes' frequencies.
        gains: of the modes under a hard blow.
        decay: seconds for the lowest mode of a 220 Hz bar to fall to 1/e.
        hardness: cut-off of the mallet in hertz, struck hard.
        knock: noise of the blow, relative to the tone.
        cents: off tune.
        damping: seconds in which the mallet stops the bar.
    """

    body: Body
    ratios: Samples
    gains: Samples
    decay: float
    hardness: float
    knock: float
    cents: float
    damping: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Marimba:
        """Any marimba."""
        return cls(
            body=Body.draw(rng),
            ratios=np.array([1.0, 3.93, 9.5, 16.8])
            * (1.0 + rng.uniform(-0.02, 0.02, 4) * [0, 1, 1, 1]),
            gains=np.array([1.0, 0.7, 0.45, 0.25]) * 2.0 ** rng.uniform(-0.7, 0.7, 4),
            decay=rng.uniform(0.25, 0.55),
            hardness=rng.uniform(900.0, 3500.0),
            knock=rng.uniform(0.1, 0.35),
            cents=rng.uniform(-2, 2),
            damping=rng.uniform(0.07, 0.12),
        )

    def play(self, note: Note, rate: int, rng: np.random.Generator) -> Samples:
        """One blow."""
        f0 = hertz(note.pitch + 0.01 * self.cents)
        count = ring_length(note.duration, self.damping, rate)
        frequencies = f0 * self.ratios
        mallet = self.hardness * (0.35 + 0.65 * note.velocity)
        blow = 1.0 / (1.0 + np.square(frequencies / mallet))
        decays = self.decay * (220.0 / f0) ** 0.6 / self.ratios**0.9
        gains = self.gains * blow * self.body.gain(frequencies)
        bar = modes.ring(frequencies, gains / gains[0], decays, count, rate)
        thump = filters.noise_band(rng, count, mallet, 0.8, rate)
        thump *= np.exp(-np.arange(count) / (0.006 * rate))
        return let_go(bar + self.knock * thump, note.duration, self.damping, rate)
