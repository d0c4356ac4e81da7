"""Labelled moments of whole episodes: windows around one move among all that goes on.

Clips of `compose_clip` show one move over most of their length. In an episode moves are longer or
shorter than a window, begin before it, and overlap. Networks for whole videos are trained on both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorium.seeds import derive, generator
from sensorium.worlds.stage.compose import compose
from sensorium.worlds.stage.moves import REST, partner
from sensorium.worlds.stage.reversal import backwards
from sensorium.worlds.stage.script import Episode, Event

_EPISODE_SECONDS = 16.0
_TRIES = 64  # a label occurs in about a third of the episodes
_LEAD = 0.5  # seconds that the named move is in the window more than any other


@dataclass(frozen=True)
class Moment:
    """A window of an episode.

    Attributes:
        episode: all of it.
        start: of the window, seconds.
        label: the move that fills the window best, or ``rest``.
    """

    episode: Episode
    start: float
    label: str


def moment(seed: int, label: str, seconds: float = 2.0) -> Moment:
    """A window of ``seconds`` in which ``label`` is what happens.

    As with `compose_clip`, it is by a fair coin a backwards window of the partner's label, so that
    windows of a pair cannot be told apart by single frames.

    Raises:
        ValueError: for a window as long as an episode.
    """
    if not 0 < seconds < _EPISODE_SECONDS:
        raise ValueError(
            f"a moment's window must be shorter than {_EPISODE_SECONDS:g} s, got {seconds:g}"
        )
    rng = generator(seed, "moment")
    reverse = bool(rng.uniform() < 0.5)
    wanted = partner(label) if reverse else label
    for k in range(_TRIES):
        performers = int(rng.integers(1, 5))
        episode = compose(derive(seed, "episode", k), _EPISODE_SECONDS, performers)
        starts = _starts(episode, wanted, seconds, rng)
        if starts:
            start = starts[int(rng.integers(len(starts)))]
            if reverse:
                return Moment(backwards(episode), episode.seconds - start - seconds, label)
            return Moment(episode, start, label)
    raise ValueError(f"no window of {seconds:g} s shows {label!r} plainly; take another length")


def _starts(episode: Episode, label: str, seconds: float, rng: np.random.Generator) -> list[float]:
    """Starts of windows in which ``label`` leads, one per event of that label."""
    moves = [e for e in episode.events if e.kind == "move"]
    latest = episode.seconds - seconds
    if label == REST:
        drawn = rng.uniform(0.0, latest, 8)
        return [float(t) for t in drawn if all(_shared(e, t, seconds) < 0.15 for e in moves)]
    found = []
    for event in moves:
        centre = event.start + event.duration / 2 + float(rng.uniform(-0.35, 0.35))
        start = float(np.clip(centre - seconds / 2, 0.0, latest))
        others = [_shared(e, start, seconds) for e in moves if e is not event]
        leads = _shared(event, start, seconds) >= max(others, default=0.0) + _LEAD
        if event.label == label and leads:
            found.append(start)
    return found


def _shared(event: Event, start: float, seconds: float) -> float:
    """Seconds of a move inside a window."""
    return max(0.0, min(event.end, start + seconds) - max(event.start, start))
