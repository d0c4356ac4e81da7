"""The body of an instrument: a few resonances between the sound's source and the air.

Known in closed form at any frequency, so that partials are weighted where they are made, and as a
filter for sources that are not sums of partials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensorium.worlds.stage.sound import filters
from sensorium.worlds.stage.sound.note import Samples

_REFERENCE_HERTZ = np.geomspace(150.0, 4000.0, 48)  # unit mean power gain over this range


@dataclass(frozen=True)
class Resonance:
    """One bell: where (Hz), how much (dB, may be negative), how narrow (Q)."""

    hertz: float
    gain_db: float
    q: float

    def gain(self, hertz: Samples) -> Samples:
        """Magnitude, of the analogue prototype (s² + sA/Q + 1) / (s² + s/(AQ) + 1)."""
        root = 10.0 ** (self.gain_db / 40.0)
        s = 1j * hertz / self.hertz
        magnitude: Samples = np.abs(
            (s * s + s * root / self.q + 1.0) / (s * s + s / (root * self.q) + 1.0)
        )
        return magnitude


@dataclass(frozen=True)
class Body:
    """Resonances in a row, levelled so that the mean power gain over 150 Hz .. 4 kHz is 1."""

    resonances: tuple[Resonance, ...]
    level: float

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        fixed: Sequence[tuple[float, float, float]] = (),
        free: int = 3,
    ) -> Body:
        """A player's own body.

        Args:
            rng: the player's.
            fixed: (Hz, dB, Q) of what every instrument of the kind has; each is moved a little.
            free: how many more bells to add anywhere, up to ±7 dB.
        """
        own = [
            Resonance(
                hertz * rng.uniform(0.92, 1.08),
                gain + rng.uniform(-2, 2),
                q * rng.uniform(0.8, 1.25),
            )
            for hertz, gain, q in fixed
        ]
        own += [
            Resonance(
                200.0 * 20.0 ** rng.uniform(0, 1), rng.uniform(-7, 7), float(rng.uniform(0.7, 3.0))
            )
            for _ in range(free)
        ]
        power = np.square(np.prod([r.gain(_REFERENCE_HERTZ) for r in own], axis=0)).mean()
        return cls(tuple(own), float(1.0 / np.sqrt(power)))

    def gain(self, hertz: Samples) -> Samples:
        """Magnitude at each frequency."""
        gain: Samples = self.level * np.prod([r.gain(hertz) for r in self.resonances], axis=0)
        return gain

    def colour(self, signal: Samples, rate: int) -> Samples:
        """A signal through the body."""
        audible = [r for r in self.resonances if r.hertz < 0.4 * rate]
        sections = [filters.peaking(r.hertz, r.gain_db, r.q, rate) for r in audible]
        return self.level * (filters.through(signal, *sections) if sections else signal)
