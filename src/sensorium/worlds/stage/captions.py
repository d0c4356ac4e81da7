"""English sentences for events: who does what, in varied words.

Every sentence is true: colours, kinds and places are the performer's, "slowly" and "quickly" go
by the event's length, "while" names another event that overlaps, order words go by the order of
starts. A sentence has no capital and no full stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sensorium.worlds.stage.posing import pose_at
from sensorium.worlds.stage.script import Episode, Event

PLAYERS: dict[str, str] = {
    "guitar": "guitarist",
    "violin": "violinist",
    "flute": "flutist",
    "trumpet": "trumpeter",
    "marimba": "marimba player",
    "drum": "drummer",
    "accordion": "accordionist",
    "piano": "pianist",
}

MOVES_IN_WORDS: dict[str, tuple[str, ...]] = {
    "rise": ("rises", "goes up", "floats upwards"),
    "sink": ("sinks", "goes down", "floats downwards"),
    "slide left": ("slides left", "slides to the left", "moves to the left"),
    "slide right": ("slides right", "slides to the right", "moves to the right"),
    "approach": ("approaches", "comes closer", "moves towards us"),
    "recede": ("recedes", "moves away", "goes further away"),
    "turn clockwise": ("turns clockwise", "spins clockwise", "rolls over clockwise"),
    "turn anticlockwise": (
        "turns anticlockwise",
        "spins anticlockwise",
        "rolls over anticlockwise",
    ),
    "open": ("opens its fan", "spreads its fan", "unfolds its fan"),
    "close": ("closes its fan", "shuts its fan", "folds its fan"),
    "appear then wave": (
        "appears and waves",
        "turns up and waves a flag",
        "appears and waves a flag",
    ),
    "wave then vanish": (
        "waves and vanishes",
        "waves a flag and disappears",
        "waves and fades away",
    ),
    "flash then nod": ("flashes and nods", "lights up and bows", "flashes and bows"),
    "nod then flash": ("nods and flashes", "bows and lights up", "bows and flashes"),
}
PLAYING_IN_WORDS: dict[str, tuple[str, ...]] = {
    "play": ("plays", "plays a tune", "plays a melody"),
    "play slowly": ("plays slowly", "plays a slow tune", "plays long notes"),
    "play quickly": ("plays quickly", "plays a fast tune", "plays a fast run"),
}
DRUMMING_IN_WORDS: dict[str, tuple[str, ...]] = {
    "play": ("plays", "plays a rhythm", "beats a rhythm"),
    "play slowly": ("beats slowly", "plays slowly", "plays a slow beat"),
    "play quickly": ("rolls", "plays a roll", "plays a fast beat"),
}
"""Verb phrases per label; drums have their own for playing."""

OPENERS: dict[str, tuple[str, ...]] = {
    "first": ("first", "at first", "in the beginning"),
    "middle": ("then", "after that", "next", "later"),
    "last": ("finally", "in the end", "at last"),
}
"""Order words by when an event starts; left out with ``order_words=False``."""

QUICK_SECONDS, SLOW_SECONDS = 1.6, 2.6


def told(episode: Episode, rng: np.random.Generator, order_words: bool = True) -> Episode:
    """The episode with a sentence for each event."""
    events = [
        replace(event, sentence=sentence(episode, i, rng, order_words))
        for i, event in enumerate(episode.events)
    ]
    return replace(episode, events=tuple(events))


def sentence(
    episode: Episode, index: int, rng: np.random.Generator, order_words: bool = True
) -> str:
    """One true sentence about event ``index``."""
    event = episode.events[index]
    words = f"{who(episode, event, rng)} {_does(episode, event, rng)}"
    meanwhile = _meanwhile(episode, event, rng)
    if meanwhile is not None and rng.uniform() < 0.3:
        words = f"{words} while {meanwhile}"
    if order_words and len(episode.events) > 1 and rng.uniform() < 0.35:
        place = {0: "first", len(episode.events) - 1: "last"}.get(index, "middle")
        words = f"{_pick(rng, OPENERS[place])} {words}"
    return words


def who(episode: Episode, event: Event, rng: np.random.Generator) -> str:
    """A noun phrase for the performer that fits nobody else on the stage."""
    person = episode.performers[event.performer]
    like = [p for p in episode.performers if (p.kind, p.colour) == (person.kind, person.colour)]
    if rng.uniform() < 0.7:
        name = f"{_article(rng, person.colour)} {person.colour} {person.kind}"
    else:
        player, a = PLAYERS[person.kind], f"a{_n(person.colour)}"
        name = f"{_article(rng, player)} {player} with {a} {person.colour} {person.kind}"
    if len(like) > 1:
        return f"{name} {_place_among(episode, event)}"
    return name


def _place_among(episode: Episode, event: Event) -> str:
    """Where the performer stands when the event starts, among those who look like it."""
    person = episode.performers[event.performer]
    xs = {
        i: pose_at(p.home, episode.moves_of(i), event.start).x
        for i, p in enumerate(episode.performers)
        if (p.kind, p.colour) == (person.kind, person.colour)
    }
    order = sorted(xs, key=lambda i: xs[i])
    rank = order.index(event.performer)
    if rank == 0:
        return "on the left"
    return "on the right" if rank == len(order) - 1 else "in the middle"


def _does(episode: Episode, event: Event, rng: np.random.Generator) -> str:
    if event.kind == "play":
        drum = episode.performers[event.performer].kind == "drum"
        return _pick(rng, (DRUMMING_IN_WORDS if drum else PLAYING_IN_WORDS)[event.label])
    words = _pick(rng, MOVES_IN_WORDS[event.label])
    if " and " not in words and rng.uniform() < 0.4:
        if event.duration >= SLOW_SECONDS:
            return f"slowly {words}"
        if event.duration <= QUICK_SECONDS:
            return f"quickly {words}"
    return words


def _meanwhile(episode: Episode, event: Event, rng: np.random.Generator) -> str | None:
    """What somebody else does during most of the event."""
    others = [
        e
        for e in episode.events
        if e.performer != event.performer and e.span.overlap(event.span) >= 0.6 * event.duration
    ]
    if not others:
        return None
    other = others[int(rng.integers(len(others)))]
    return f"{who(episode, other, rng)} {_does(episode, other, rng)}"


def _pick(rng: np.random.Generator, words: Sequence[str]) -> str:
    return words[int(rng.integers(len(words)))]


def _n(word: str) -> str:
    return "n" if word[0] in "aeiou" else ""


def _article(rng: np.random.Generator, word: str) -> str:
    return "the" if rng.uniform() < 0.4 else f"a{_n(word)}"
