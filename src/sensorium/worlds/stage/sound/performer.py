"""One performer's dry track: an instrument of a kind, drawn from a seed, that plays notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float32

from sensorium.seeds import generator
from sensorium.worlds.stage.script import Note
from sensorium.worlds.stage.sound.bar import Marimba
from sensorium.worlds.stage.sound.bowed import Violin
from sensorium.worlds.stage.sound.brass import Trumpet
from sensorium.worlds.stage.sound.drum import Drum
from sensorium.worlds.stage.sound.flute import Flute
from sensorium.worlds.stage.sound.note import Instrument
from sensorium.worlds.stage.sound.piano import Piano
from sensorium.worlds.stage.sound.plucked import Guitar
from sensorium.worlds.stage.sound.reed import Accordion

MODELS: dict[str, Callable[[np.random.Generator], Instrument]] = {
    "guitar": Guitar.draw,
    "violin": Violin.draw,
    "flute": Flute.draw,
    "trumpet": Trumpet.draw,
    "marimba": Marimba.draw,
    "drum": Drum.draw,
    "accordion": Accordion.draw,
    "piano": Piano.draw,
}
LEVEL = 0.1  # RMS of a note of velocity 1
LOWEST_RATE = 4000


def synthesise(
    kind: str, notes: Sequence[Note], seconds: float, rate: int, seed: int
) -> Float32[np.ndarray, " N"]:
    """The dry sound of one performer.

    A note's amplitude is proportional to its velocity; a note of velocity 1 has an RMS of about 0.1
    whatever its kind. Should many notes at once pass ±1, the whole track is made quieter.

    Args:
        kind: a key of `MODELS`.
        notes: in any order; each starts within the track and may ring past its end, where it is
            cut.
        seconds: length of the track.
        rate: in hertz.
        seed: the performer's: two of a kind with different seeds sound alike but not the same.

    Shape:
        ``[N]`` with ``N = round(seconds * rate)``, in -1..1.

    Raises:
        ValueError: for an unknown kind, a rate or length out of range, or a note that is not a
            number.
    """
    if kind not in MODELS:
        raise ValueError(f"kind must be one of {', '.join(MODELS)}, got {kind!r}")
    count = track_length(seconds, rate)
    instrument = MODELS[kind](generator(seed, "instrument", kind))
    rng = generator(seed, "notes", kind)
    track = np.zeros(count)
    for note in sorted(notes, key=lambda n: (n.start, n.pitch)):
        _check(note, seconds)
        start = round(note.start * rate)
        samples = instrument.play(note, rate, rng)[: count - start]
        track[start : start + len(samples)] += (LEVEL * note.velocity) * samples
    peak = float(np.abs(track).max(initial=0.0))
    return (track / max(1.0, peak)).astype(np.float32)


def track_length(seconds: float, rate: int) -> int:
    """Samples in a track.

    Raises:
        ValueError: if the length is negative or not finite, or the rate too low to carry a tune.
    """
    if not (0.0 <= seconds < float("inf")):
        raise ValueError(f"seconds must be finite and at least 0, got {seconds!r}")
    if rate < LOWEST_RATE:
        raise ValueError(f"rate must be at least {LOWEST_RATE} Hz, got {rate!r}; 16000 is usual")
    return round(seconds * rate)


def _check(note: Note, seconds: float) -> None:
    if not (0.0 <= note.start <= seconds and 0.0 < note.duration < float("inf")):
        raise ValueError(
            f"a note must start within 0..{seconds:g} s and last longer than 0 s, got {note!r}"
        )
    if not (0.0 <= note.pitch <= 127.0 and 0.0 <= note.velocity <= 1.0):
        raise ValueError(f"a note needs a pitch in 0..127 and a velocity in 0..1, got {note!r}")
