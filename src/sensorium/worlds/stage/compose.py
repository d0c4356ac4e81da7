"""From a seed to a whole `Episode`: several performers, events one after another and overlapping.

Each performer lives two lives side by side, one of moves and one of playing, each a chain of
events with pauses between them. A move starts from where the last one left the performer. No
performer does the same thing twice in an episode, so that a sentence means one stretch of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sensorium.seeds import generator
from sensorium.worlds.stage import captions, staging
from sensorium.worlds.stage.looks.paint import COLOURS
from sensorium.worlds.stage.moves import ENTER, FLASH_NOD, MOVES, TURN
from sensorium.worlds.stage.posing import follow, pose_at
from sensorium.worlds.stage.scores import STYLES, phrase
from sensorium.worlds.stage.script import (
    INSTRUMENTS,
    Course,
    Episode,
    Event,
    Instrument,
    Note,
    Performer,
    Pose,
    on_grid,
)

SHORTEST, LONGEST = 4.0, 600.0
MOST_PERFORMERS = 6


def compose(
    seed: int,
    seconds: float = 20.0,
    performers: int | Sequence[Instrument] | None = None,
    *,
    alike: bool = False,
    order_words: bool = True,
) -> Episode:
    """A whole episode with its events and sentences.

    Args:
        seed: world seed (see `seeds.split_seed`).
        seconds: length; 10 to 120 is usual.
        performers: how many (default: 2 to 4), or the kind of each.
        alike: performers of one kind look the same and can only be told apart by when they move.
        order_words: whether sentences may say "first", "then", "finally".

    Raises:
        ValueError: for a length below 4 or above 600 seconds, an unknown kind, or a number of
            performers that is not 1 to 6.
    """
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(
            f"an episode lasts {SHORTEST:g} to {LONGEST:g} seconds, got {seconds!r}; "
            "compose_clip makes shorter ones"
        )
    seconds = on_grid(seconds)
    people = _cast(generator(seed, "cast"), performers, alike)
    events: list[Event] = []
    for i, person in enumerate(people):
        rng = generator(seed, "life", i)
        person, moves = _moves(rng, person, i, seconds, len(people))
        notes, plays = _plays(rng, person, i, moves, seconds, len(people))
        people[i] = replace(person, notes=notes)
        events += [*moves, *plays]
    rng = generator(seed, "staging")
    episode = Episode(
        seed=seed,
        seconds=seconds,
        performers=tuple(people),
        events=tuple(sorted(events, key=lambda e: (e.start, e.performer, e.kind))),
        camera=staging.camera(rng, seconds),
        backdrop=staging.scenery(rng),
        room=staging.room(rng),
    )
    return captions.told(episode, generator(seed, "captions"), order_words)


def _cast(
    rng: np.random.Generator, performers: int | Sequence[Instrument] | None, alike: bool
) -> list[Performer]:
    kinds = _kinds(rng, performers)
    pairs = [(kind, colour) for kind in dict.fromkeys(kinds) for colour in COLOURS]
    free = {kind: [c for k, c in pairs if k == kind] for kind in kinds}
    lanes = rng.permutation(len(kinds))
    people: list[Performer] = []
    for kind, lane in zip(kinds, lanes, strict=True):
        colour = free[kind].pop(int(rng.integers(len(free[kind]))))
        person = staging.cast(rng, _home(rng, int(lane), len(kinds)), kind, colour)
        twin = next((p for p in people if p.kind == kind), None)
        if alike and twin:
            person = replace(
                person,
                design=twin.design,
                colour=twin.colour,
                costume=twin.costume,
                look=twin.look,
                home=replace(person.home, size=twin.home.size, fan=twin.home.fan),
            )
        people.append(person)
    return sorted(people, key=lambda p: p.home.size)


def _kinds(
    rng: np.random.Generator, performers: int | Sequence[Instrument] | None
) -> list[Instrument]:
    if performers is None:
        performers = int(rng.integers(2, 5))
    if isinstance(performers, int):
        kinds = [INSTRUMENTS[int(rng.integers(len(INSTRUMENTS)))] for _ in range(performers)]
    else:
        kinds = list(performers)
    wrong = [kind for kind in kinds if kind not in INSTRUMENTS]
    if wrong:
        raise ValueError(f"a kind must be one of {', '.join(INSTRUMENTS)}, got {wrong[0]!r}")
    if not 1 <= len(kinds) <= MOST_PERFORMERS:
        raise ValueError(f"a stage holds 1 to {MOST_PERFORMERS} performers, got {len(kinds)}")
    return kinds


def _home(rng: np.random.Generator, lane: int, count: int) -> Pose:
    """A place of one's own."""
    middle = (lane + 0.5) / count - 0.5
    largest = (0.68, 0.56, 0.50, 0.44, 0.38, 0.34)[count - 1]
    return Pose(
        x=float(0.84 * middle + rng.uniform(-0.16, 0.16) / count),
        y=float(rng.uniform(-0.16, 0.2)),
        size=float(largest * rng.uniform(0.75, 1.0)),
        angle=float(rng.normal(0.0, 0.04)),
        fan=float(rng.choice((0.0, 0.9)) + rng.uniform(0.0, 0.1)),
        presence=float(count == 1 or rng.uniform() > 0.15),
    )


def _pause(rng: np.random.Generator, count: int) -> float:
    """Seconds between two events of one life: longer the more performers share the stage."""
    return 0.4 + float(rng.exponential(max(1.5, 4.5 * count - 2.5)))


def _moves(
    rng: np.random.Generator, person: Performer, index: int, seconds: float, count: int
) -> tuple[Performer, list[Event]]:
    """The moves of one performer, each from where the last one ended."""
    moves: list[Event] = []
    time = 0.3 + float(rng.uniform(0.0, 0.4)) * (seconds - SHORTEST)
    while True:
        now = pose_at(person.home, moves, time)
        event = _next_move(rng, now, index, time, {m.label for m in moves})
        if event is None or event.end > seconds - 0.2:
            return person, moves
        moves.append(event)
        time = event.end + _pause(rng, count)


def _next_move(
    rng: np.random.Generator, now: Pose, index: int, time: float, done: set[str]
) -> Event | None:
    labels = [name for name in MOVES if name not in done]
    for label in (labels[i] for i in rng.permutation(len(labels))):
        family = MOVES[label].family
        if (now.presence < 0.5) != (label == "appear then wave"):
            continue
        course = MOVES[label].draw(rng, _value(now, family.channel))
        if course is None:
            continue
        duration = float(np.clip(2.1 * np.exp(0.3 * rng.normal()), 1.3, 3.5))
        if family is TURN:  # all the way round, back on the feet
            duration = max(duration, 2.2)
            course = _full_turn(course, now.angle, MOVES[label].forward)
        if family in (ENTER, FLASH_NOD):
            duration = max(duration, 1.8)
        return Event(index, "move", label, on_grid(time), on_grid(duration), course)
    return None


def _value(pose: Pose, channel: str | None) -> float | None:
    """The moved quantity as courses count it: a height grows upwards."""
    if channel is None:
        return None
    value = float(getattr(pose, channel))
    return -value if channel == "y" else value


def _full_turn(course: Course, now: float, forward: bool) -> Course:
    low = now if forward else now - 2.0 * np.pi
    return replace(course, low=low, high=low + 2.0 * np.pi)


def _plays(
    rng: np.random.Generator,
    person: Performer,
    index: int,
    moves: list[Event],
    seconds: float,
    count: int,
) -> tuple[tuple[Note, ...], list[Event]]:
    """What one performer plays while it is there."""
    notes: list[Note] = []
    plays: list[Event] = []
    time = 0.2 + float(rng.uniform(0.0, 0.4)) * (seconds - SHORTEST)
    for label in (list(STYLES)[i] for i in rng.permutation(len(STYLES))):
        end = time + float(np.clip(3.6 * np.exp(0.4 * rng.normal()), 2.0, 8.0))
        end = min(end, seconds - 0.1)
        if end - time < 1.5:
            break
        there = follow(person.home, moves, np.linspace(time, end, 16))["presence"].min() > 0.5
        played = phrase(person.kind, STYLES[label], time, end, rng) if there else ()
        if played:
            notes += played
            start, stop = played[0].start, played[-1].end
            plays.append(Event(index, "play", label, start, stop - start))
        time = end + _pause(rng, count)
    return tuple(notes), plays
