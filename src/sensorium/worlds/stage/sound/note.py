"""What the sound models need to know of a note, and how a note of any kind is timed and levelled."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

LOUDNESS_SECONDS = 0.4  # a ringing note is levelled by its energy over this long


class Note(Protocol):
    """One note of a performer; `sensorium.worlds.stage.script.Note` is one."""

    @property
    def start(self) -> float:
        """Onset in seconds."""

    @property
    def duration(self) -> float:
        """Seconds from the onset until the player lets go."""

    @property
    def pitch(self) -> float:
        """MIDI number, 69 = 440 Hz; fractions are cents / 100."""

    @property
    def velocity(self) -> float:
        """How hard it is played, 0..1; the amplitude is proportional to it."""


class Instrument(Protocol):
    """One performer's instrument: its parameters are drawn once, then it plays notes."""

    def play(self, note: Note, rate: int, rng: np.random.Generator) -> Samples:
        """The samples of one note from its onset on, at a loudness (RMS) of about 1 whatever the velocity."""


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
    """A freely ringing note levelled to RMS 1 over `LOUDNESS_SECONDS`, then damped at its end.

    Args:
        ring: `ring_length` samples of the undamped note.
        duration: seconds until the damping starts.
        release: seconds that it takes.
        rate: in hertz.
    """
    power = float(np.mean(np.square(ring[: length(LOUDNESS_SECONDS, rate)])))
    note = ring[: length(duration + release, rate)] / max(np.sqrt(power), 1e-9)
    held = min(round(duration * rate), len(note))
    note[held:] *= np.square(np.linspace(1.0, 0.0, len(note) - held))
    return note
