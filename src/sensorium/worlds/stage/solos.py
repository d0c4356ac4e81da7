"""Solos: one performer alone who plays most of the time, for learning what belongs to which sound.

Pictures, room and the few moves are those of `compose`; the notes are denser. Twins are solos of
one kind and one look: nothing but what they do tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sensorium.seeds import generator
from sensorium.worlds.stage.clips import heard_when_seen
from sensorium.worlds.stage.compose import compose
from sensorium.worlds.stage.scores import STYLES, phrase
from sensorium.worlds.stage.script import Episode, Event, Instrument, Note

_PHRASE = (1.5, 4.0)  # seconds
_PAUSE = 0.5  # mean seconds between phrases


def compose_solo(
    seed: int,
    kind: Instrument,
    seconds: float = 12.0,
    *,
    look: int | None = None,
    moves: bool = True,
) -> Episode:
    """One performer who plays phrase after phrase.

    Args:
        seed: world seed (see `seeds.split_seed`).
        kind: of instrument.
        seconds: length, at least 4.
        look: seed of the performer's appearance; solos of one kind with the same ``look`` are
            twins. Default: ``seed``.
        moves: whether the performer also makes the moves of `compose`; else it stays in its place
            and moves only to play.

    Raises:
        ValueError: as `compose`.
    """
    episode = compose(seed, seconds, [kind])
    (person,) = episode.performers
    if look is not None:
        (twin,) = compose(look, seconds, [kind]).performers
        person = replace(
            person,
            design=twin.design,
            colour=twin.colour,
            costume=twin.costume,
            look=twin.look,
            home=replace(person.home, size=twin.home.size, fan=twin.home.fan),
        )
    person = replace(person, notes=_notes(generator(seed, "solo"), kind, episode.seconds))
    kept = episode.moves_of(0) if moves else ()
    return replace(episode, performers=(heard_when_seen(person, kept),), events=kept)


def empty_stage(seed: int, seconds: float = 4.0) -> Episode:
    """A stage on which nobody stands and nothing sounds."""
    episode = compose(seed, seconds, 1)
    room = replace(episode.room, noise=0.0)
    return replace(episode, performers=(), events=(), room=room)


def alone(episode: Episode, performer: int) -> Episode:
    """The same stage with one of its performers only."""
    events: Sequence[Event] = [e for e in episode.events if e.performer == performer]
    return replace(
        episode,
        performers=(episode.performers[performer],),
        events=tuple(replace(e, performer=0) for e in events),
    )


def _notes(rng: np.random.Generator, kind: Instrument, seconds: float) -> tuple[Note, ...]:
    styles = list(STYLES.values())
    notes: list[Note] = []
    time = float(rng.uniform(0.0, 0.6))
    while time < seconds - 0.5:
        end = min(time + float(rng.uniform(*_PHRASE)), seconds)
        notes += phrase(kind, styles[int(rng.integers(len(styles)))], time, end, rng)
        time = end + 0.1 + float(rng.exponential(_PAUSE))
    return tuple(notes)
