"""What an instrument is to a track, and how notes of any kind are timed and levelled."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensorium.worlds.stage.script import Note

Samples = NDArray[np.float64]

LOUDNESS_SECONDS = 0.4  # a ringing note is levelled by its energy over this long
MOST_CREST = 8.0  # unless its peak would pass this many times the RMS


class Instrument(Protocol):
    """One performer's instrument: its parameters are drawn once, then it plays notes."""

    def play(self, note: Note, rate: int, rng: np.random.Generator) -> Samples:
        """One note from its onset on, at a loudness (RMS) of about 1 whatever the velocity."""


def hertz(pitch: float) -> float:
    """The frequency of a MIDI pitch in equal temperament."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def length(seconds: float, rate: int) -> int:
    """Samples in ``seconds``, at least one."""
    return max(1, round(seconds * rate))


def ring_length(duration: float, release: float, rate: int) -> int:
    """Samples to render of a ringing note: enough to hear it out and to level it by `let_go`."""
    return max(length(duration + release, rate), length(LOUDNESS_SECONDS, rate))


def let_go(ring: Samples, duration: float, release: float, rate: int) -> Samples:
    """A freely ringing note levelled to RMS 1 (see `LOUDNESS_SECONDS`), then damped at its end.

    Args:
        ring: `ring_length` samples of the undamped note.
        duration: seconds until the damping starts.
        release: seconds that it takes.
        rate: in hertz.
    """
    rms = float(np.sqrt(np.mean(np.square(ring[: length(LOUDNESS_SECONDS, rate)]))))
    level = max(rms, float(np.abs(ring).max()) / MOST_CREST, 1e-9)
    note: Samples = ring[: length(duration + release, rate)] / level
    held = min(round(duration * rate), len(note))
    note[held:] *= np.square(np.linspace(1.0, 0.0, len(note) - held))
    return note
