"""Who, of which colour, does what: right or wrong in sentences of the stage, whatever the words.

The stage says the same in several ways ("rises", "goes up"), which metrics of words punish. Here a
sentence is read back into the instrument, its colour and the label of the event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache

from sensorium.worlds.stage.captions import (
    DRUMMING_IN_WORDS,
    MOVES_IN_WORDS,
    PLAYERS,
    PLAYING_IN_WORDS,
)
from sensorium.worlds.stage.looks.paint import COLOURS


@dataclass(frozen=True)
class Slots:
    """What a sentence says; ``None`` where it does not.

    Attributes:
        kind: of the instrument.
        colour: of the instrument.
        action: label of the event.
    """

    kind: str | None
    colour: str | None
    action: str | None


def slots(sentence: str) -> Slots:
    """What a sentence of the stage says of its own event, up to a "while"."""
    words = f" {' '.join(sentence.lower().replace(',', ' ').split())} ".partition(" while ")[0]
    words = f"{words.rstrip()} "
    kinds, colours, actions = _phrases()
    return Slots(_longest(words, kinds), _longest(words, colours), _longest(words, actions))


def slot_accuracy(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Shares of pairs of a told and a true sentence that agree, 0..1.

    Returns:
        ``slot_kind``, ``slot_colour``, ``slot_action``, ``slot_all`` and ``exact``, the same words.

    Raises:
        ValueError: when there is no pair.
    """
    rows = []
    for told, true in pairs:
        mine, wanted = slots(told), slots(true)
        right = [getattr(mine, f.name) == getattr(wanted, f.name) for f in fields(Slots)]
        rows.append([*right, all(right), told == true])
    if not rows:
        raise ValueError("got no sentences; give at least one pair of a told and a true one")
    names = ("slot_kind", "slot_colour", "slot_action", "slot_all", "exact")
    return {
        name: sum(column) / len(rows)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def _longest(words: str, phrases: dict[str, str]) -> str | None:
    """What the longest of the phrases that occur stands for."""
    found = [phrase for phrase in phrases if f" {phrase} " in words]
    return phrases[max(found, key=len)] if found else None


@cache
def _phrases() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Phrases and what they stand for: kinds, colours, actions."""
    kinds = {kind: kind for kind in PLAYERS} | {name: kind for kind, name in PLAYERS.items()}
    tables = (MOVES_IN_WORDS, PLAYING_IN_WORDS, DRUMMING_IN_WORDS)
    actions = {
        phrase: label for table in tables for label, said in table.items() for phrase in said
    }
    return kinds, {colour: colour for colour in COLOURS}, actions
