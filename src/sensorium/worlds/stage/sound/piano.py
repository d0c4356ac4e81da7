"""A struck-string keyboard: stretched partials, two-stage decay, and the hammer's knock.

Stiffness moves partial k to ``k f0 sqrt(1 + B k²)`` (H. Fletcher, E. Blackham and R. Stratton,
1962); strings coupled at the bridge first lose energy fast together, then slowly against each other
(G. Weinreich, 1977).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorium.worlds.stage.script import Note
from sensorium.worlds.stage.sound import filters, modes, wavetable
from sensorium.worlds.stage.sound.body import Body
from sensorium.worlds.stage.sound.note import Samples, hertz, let_go, ring_length

_MOST_PARTIALS = 48
_BOARD = ((120.0, 4.0, 2.0), (450.0, 2.0, 1.5))


@dataclass(frozen=True)
class Piano:
    """One piano.

    Args:
        body: the sound board's.
        stiffness: B of the string of 262 Hz.
        position: where the hammer strikes, as a part of the string.
        hardness: cut-off of the felt in hertz, struck hard.
        sustain: seconds for the slow stage of 262 Hz to fall to 1/e.
        after: part of the amplitude that is left for the slow stage.
        beating: cents between the two stages' strings.
        knock: noise of the hammer, relative to the tone.
        damping: seconds in which the damper stops the strings.
        cents: off tune.
    """

    body: Body
    stiffness: float
    position: float
    hardness: float
    sustain: float
    after: float
    beating: float
    knock: float
    damping: float
    cents: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Piano:
        """Any piano."""
        return cls(
            body=Body.draw(rng, _BOARD),
            stiffness=2e-4 * 5.0 ** rng.uniform(0, 1),
            position=rng.uniform(0.11, 0.14),
            hardness=rng.uniform(1200.0, 3000.0),
            sustain=rng.uniform(1.5, 3.0),
            after=rng.uniform(0.15, 0.4),
            beating=rng.uniform(0.3, 1.5),
            knock=rng.uniform(0.3, 0.8),
            damping=rng.uniform(0.08, 0.14),
            cents=rng.uniform(-2, 2),
        )

    def play(self, note: Note, rate: int, rng: np.random.Generator) -> Samples:
        """One key: hammer, strings, damper."""
        f0 = hertz(note.pitch + 0.01 * self.cents)
        count = ring_length(note.duration, self.damping, rate)
        k = wavetable.harmonic_numbers(f0, rate)[:_MOST_PARTIALS]
        stretched = f0 * k * np.sqrt(1.0 + self.stiffness * (f0 / 262.0) * k * k)
        felt = self.hardness * (0.25 + 0.75 * note.velocity)
        struck = np.abs(np.sin(np.pi * self.position * k)) / k / (1.0 + np.square(stretched / felt))
        struck *= self.body.gain(stretched)
        slow = self.sustain * np.sqrt(262.0 / f0) / (1.0 + stretched / 1500.0)
        strings = modes.ring(
            np.concatenate([stretched, stretched * 2.0 ** (self.beating / 1200.0)]),
            np.concatenate([struck * (1.0 - self.after), struck * self.after]),
            np.concatenate([0.15 * slow, slow]),
            count,
            rate,
        )
        thud = filters.noise_band(rng, count, 350.0, 0.7, rate)
        thud *= np.exp(-np.arange(count) / (0.012 * rate)) * (0.3 + 0.7 * note.velocity)
        loudest = struck.max(initial=1e-9)
        return let_go(strings / loudest + self.knock * thud, note.duration, self.damping, rate)
