"""Sentences of the stage read back into who, which colour and what."""

from __future__ import annotations

import pytest

from sensorium.events.metrics.slots import Slots, slot_accuracy, slots
from sensorium.worlds.stage import compose


@pytest.mark.parametrize("order_words", [False, True])
def test_every_sentence_of_the_stage_is_read_back(order_words: bool) -> None:
    read = 0
    for seed in range(40):
        episode = compose(seed, 30.0, order_words=order_words)
        for event in episode.events:
            person = episode.performers[event.performer]
            assert slots(event.sentence) == Slots(person.kind, person.colour, event.label)
            read += 1
    assert read > 300


def test_shares_of_what_is_right() -> None:
    pairs = [
        ("the red drum rises", "a drummer with a red drum goes up"),
        ("the red drum rises", "the red drum rises"),
        ("a red violin rises", "the red drum sinks while a red violin rises"),
        ("nothing", "the blue drum sinks"),
    ]
    assert slot_accuracy(pairs) == {
        "slot_kind": 0.5,
        "slot_colour": 0.75,
        "slot_action": 0.5,
        "slot_all": 0.5,
        "exact": 0.25,
    }
    assert slots("nothing") == Slots(None, None, None)
    with pytest.raises(ValueError, match="at least one pair"):
        slot_accuracy([])
