"""Solos: one performer who plays most of the time; twins; the empty stage."""

import numpy as np
import pytest

from sensorium.worlds import stage
from sensorium.worlds.stage.solos import alone, compose_solo, empty_stage


def test_the_same_seed_is_the_same_solo():
    assert compose_solo(7, "violin", 6.0) == compose_solo(7, "violin", 6.0)
    assert compose_solo(7, "violin", 6.0) != compose_solo(8, "violin", 6.0)


@pytest.mark.parametrize("kind", stage.INSTRUMENTS)
def test_one_performer_of_the_kind_plays_most_of_the_time(kind):
    episode = compose_solo(3, kind, 8.0)
    (person,) = episode.performers
    assert person.kind == kind
    assert len(person.notes) >= 4
    assert person.notes[-1].start > 4.0
    assert all(0.0 <= note.start < 8.0 for note in person.notes)


def test_twins_look_the_same_and_play_something_else():
    one, two = (compose_solo(seed, "trumpet", 6.0, look=1) for seed in (1, 4))
    (a,), (b,) = one.performers, two.performers
    for trait in ("design", "colour", "costume", "look"):
        assert getattr(a, trait) == getattr(b, trait)
    assert a.notes != b.notes
    other = compose_solo(4, "trumpet", 6.0).performers[0]
    assert (a.colour, a.costume, a.look) != (other.colour, other.costume, other.look)


def test_without_moves_nothing_is_done_but_playing():
    assert compose_solo(5, "flute", 10.0, moves=False).events == ()
    assert any(compose_solo(seed, "flute", 10.0).events for seed in range(4))


def test_nobody_stands_or_sounds_on_an_empty_stage():
    episode = empty_stage(2)
    assert episode.performers == ()
    assert episode.events == ()
    assert float(np.abs(stage.mix(episode, 8000)).max()) == 0.0
    assert stage.frames(episode, [0.5], 32, 32).std() > 0  # a backdrop is there


def test_alone_keeps_one_of_them_and_what_it_does():
    duet = stage.compose(6, 8.0, 2)
    for performer in range(2):
        single = alone(duet, performer)
        assert single.performers == (duet.performers[performer],)
        assert len(single.events) == sum(e.performer == performer for e in duet.events)
        assert all(event.performer == 0 for event in single.events)
        assert single.room == duet.room
