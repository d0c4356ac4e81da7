"""What performers play: phrases of notes in a few styles, the same for every kind of instrument."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorium.worlds.stage.looks import LOOKS
from sensorium.worlds.stage.looks.gestures import HIGHEST, LOWEST
from sensorium.worlds.stage.script import Instrument, Note, on_grid


@dataclass(frozen=True)
class Style:
    """A way of playing.

    Attributes:
        beat: shortest and longest distance between onsets, in seconds.
        leap: greatest step between neighbouring pitches, in semitones.
        rests: share of beats that stay silent.
    """

    beat: tuple[float, float]
    leap: float
    rests: float


STYLES: dict[str, Style] = {
    "play slowly": Style(beat=(0.7, 1.0), leap=7.0, rests=0.05),
    "play quickly": Style(beat=(0.17, 0.24), leap=4.0, rests=0.05),
    "play": Style(beat=(0.32, 0.45), leap=5.0, rests=0.12),
}
"""The labels of playing, and how they sound."""


def phrase(
    kind: Instrument, style: Style, start: float, end: float, rng: np.random.Generator
) -> tuple[Note, ...]:
    """The notes of one phrase between ``start`` and ``end`` (seconds)."""
    beat = float(rng.uniform(*style.beat))
    pitch = float(rng.uniform(LOWEST + 2, HIGHEST - 2))
    loud, stroke = float(rng.uniform(0.45, 0.9)), int(rng.choice((-1, 1)))
    hands = not LOOKS[kind].strokes
    notes: list[Note] = []
    time = start + 0.02
    while time < end - 0.12:
        length = beat * float(rng.choice((1.0, 1.0, 1.0, 0.5, 1.5)) if style.rests > 0.1 else 1.0)
        length = min(length * float(rng.uniform(0.9, 1.1)), end - time)
        first, last = on_grid(time), on_grid(time + 0.88 * length)
        time += length
        if last - first < 0.06 or (notes and rng.uniform() < style.rests):
            continue
        notes.append(Note(first, last - first, round(pitch, 2), _velocity(loud, rng), stroke))
        pitch = _next_pitch(pitch, style.leap, rng)
        stroke = -stroke if not hands or rng.uniform() < 0.75 else stroke
    return tuple(notes)


def _velocity(loud: float, rng: np.random.Generator) -> float:
    return round(float(np.clip(loud + rng.normal(0.0, 0.12), 0.2, 1.0)), 3)


def _next_pitch(pitch: float, leap: float, rng: np.random.Generator) -> float:
    pitch += float(rng.uniform(-leap, leap))
    if not LOWEST <= pitch <= HIGHEST:
        pitch = 2.0 * float(np.clip(pitch, LOWEST, HIGHEST)) - pitch
    return pitch
