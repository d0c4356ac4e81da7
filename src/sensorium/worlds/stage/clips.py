"""From a seed to a short `Episode` of one move, for training and measuring action recognition.

**What is exact.** `compose_clip` draws a clip for its label or, with even odds, draws one for
the partner's label and plays it backwards (`reversal`). The clips of a label are therefore
distributed exactly as its partner's clips played backwards: moves, notes and their gestures,
camera. No bag of frames without their order tells the two apart, whatever looks at it. Backdrop,
light, colours, kinds, sizes and rooms are drawn without knowing the label.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sensorium.seeds import generator
from sensorium.worlds.stage import staging
from sensorium.worlds.stage.moves import LABELS, MOVES, REST, partner
from sensorium.worlds.stage.posing import follow
from sensorium.worlds.stage.reversal import backwards
from sensorium.worlds.stage.scores import STYLES, phrase
from sensorium.worlds.stage.script import (
    Course,
    Episode,
    Event,
    Performer,
    Pose,
    on_grid,
)

PLAYING = 0.85
"""Share of performers in clips who play."""


def compose_clip(seed: int, label: str | None = None, seconds: float = 2.0) -> Episode:
    """A clip of exactly one move by one performer, among 0 to 2 others who only play.

    The move takes 70 to 100 % of the clip. In a clip of the class ``"rest"`` there is no move at
    all.

    Args:
        seed: world seed (see `seeds.split_seed`).
        label: one of `moves.LABELS`; ``None`` draws one, each as likely.
        seconds: length, rounded to the grid of `script.TICK`.

    Raises:
        ValueError: for an unknown label, or fewer than 0.25 seconds.
    """
    if label is not None and label not in LABELS:
        raise ValueError(f"label must be one of {', '.join(LABELS)}, got {label!r}")
    if not seconds >= 0.25:
        raise ValueError(f"a clip needs at least 0.25 seconds, got {seconds!r}")
    seconds = on_grid(seconds)
    rng = generator(seed, "clip")
    drawn = LABELS[int(rng.integers(len(LABELS)))]
    label = label or drawn
    reverse = bool(rng.uniform() < 0.5)
    episode = _forwards(seed, partner(label) if reverse else label, seconds)
    return backwards(episode) if reverse else episode


def clip_label(episode: Episode) -> str:
    """The class of a clip by `compose_clip`."""
    moves = [e.label for e in episode.events if e.kind == "move"]
    return moves[0] if moves else REST


def _forwards(seed: int, label: str, seconds: float) -> Episode:
    rng = generator(seed, "staging")
    home = _anywhere(rng)
    others = [_beside(rng, home) for _ in range(int(rng.integers(0, 3)))]
    main = int(rng.integers(len(others) + 1)) if rng.uniform() < 0.4 else len(others)
    homes = [*others[:main], home, *others[main:]]
    performers = [staging.cast(rng, place) for place in homes]
    events: tuple[Event, ...] = ()
    if label != REST:
        event, home = _one_move(generator(seed, "move"), label, home, main, seconds)
        events = (event,)
        performers[main] = replace(performers[main], home=home)
    scores = generator(seed, "scores")
    performers = [_with_notes(scores, p, seconds) for p in performers]
    if events:
        performers[main] = heard_when_seen(performers[main], events)
    return Episode(
        seed=seed,
        seconds=seconds,
        performers=tuple(performers),
        events=events,
        camera=staging.camera(rng, seconds),
        backdrop=staging.scenery(rng),
        room=staging.room(rng),
    )


def _anywhere(rng: np.random.Generator) -> Pose:
    """A home for the performer who moves."""
    return Pose(
        x=float(rng.uniform(-0.22, 0.22)),
        y=float(rng.uniform(-0.10, 0.12)),
        size=float(rng.uniform(0.36, 0.75)),
        angle=float(rng.normal(0.0, 0.08)),
        fan=_some_fan(rng),
    )


def _some_fan(rng: np.random.Generator) -> float:
    """Mostly closed or mostly open, rarely in between."""
    return float(np.clip(rng.choice((0.0, 0.9)) + rng.uniform(0.0, 0.1), 0.0, 1.0))


def _beside(rng: np.random.Generator, home: Pose) -> Pose:
    """A home for someone who only plays, to the left or right of ``home``."""
    side = float(rng.choice((-1, 1)))
    return Pose(
        x=float(np.clip(home.x + side * rng.uniform(0.28, 0.5), -0.46, 0.46)),
        y=float(rng.uniform(-0.08, 0.2)),
        size=float(rng.uniform(0.32, 0.55)),
        angle=float(rng.normal(0.0, 0.06)),
        fan=_some_fan(rng),
    )


def _one_move(
    rng: np.random.Generator, label: str, home: Pose, performer: int, seconds: float
) -> tuple[Event, Pose]:
    """A move over most of the clip, and the home pose from which it starts."""
    duration = on_grid(seconds * float(rng.uniform(0.7, 1.0)))
    start = on_grid(float(rng.uniform()) * (seconds - duration))
    course = MOVES[label].draw(rng)
    assert course is not None
    event = Event(performer, "move", label, start, duration, course)
    return event, starting(home, label, course)


def starting(home: Pose, label: str, course: Course) -> Pose:
    """``home`` with the moved channel at the value where the move starts."""
    channel = MOVES[label].family.channel
    if channel is None:
        return home
    value = float(MOVES[label].curve(course, np.zeros(1))[channel][0])
    return replace(home, **{channel: value})


def _with_notes(rng: np.random.Generator, performer: Performer, seconds: float) -> Performer:
    style = STYLES[staging.choose(rng, list(STYLES))]
    plays = bool(rng.uniform() < PLAYING)
    start = float(rng.uniform(0.0, 0.2)) * seconds
    notes = phrase(performer.kind, style, start, seconds, rng)
    return replace(performer, notes=notes if plays else ())


def heard_when_seen(performer: Performer, moves: tuple[Event, ...]) -> Performer:
    """The performer without the notes for which it is not there."""

    def there(time: float) -> bool:
        channels = follow(performer.home, moves, np.array([time]))
        return bool(channels["presence"][0] >= 0.5)

    notes = tuple(n for n in performer.notes if there(n.start) and there(n.end))
    return replace(performer, notes=notes)
