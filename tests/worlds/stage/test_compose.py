from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from sensorium.seeds import split_seed
from sensorium.worlds.stage import INSTRUMENTS, MOVES, compose
from sensorium.worlds.stage.posing import poses
from sensorium.worlds.stage.scores import STYLES
from sensorium.worlds.stage.script import TICK


@pytest.fixture(scope="module")
def episodes():
    return [compose(seed, 20.0) for seed in range(60)]


def test_same_seed_same_episode():
    assert compose(7, 20.0) == compose(7, 20.0)
    assert compose(7, 20.0) != compose(8, 20.0)


def test_splits_share_no_episode():
    seeds = {split: {split_seed(split, i) for i in range(50)} for split in ("train", "val", "test")}
    assert not seeds["train"] & seeds["val"]
    assert not seeds["train"] & seeds["test"]
    assert not seeds["val"] & seeds["test"]


def test_events_lie_within_the_episode_in_order(episodes):
    for episode in episodes:
        assert episode.events
        assert all(0.0 <= e.start < e.end <= 20.0 for e in episode.events)
        assert all(a.start <= b.start for a, b in pairwise(episode.events))
        assert all(e.start / TICK == round(e.start / TICK) for e in episode.events)
        assert all(e.label in (MOVES if e.kind == "move" else STYLES) for e in episode.events)


def test_there_is_something_to_tell(episodes):
    counts = [len(e.events) for e in episodes]
    assert min(counts) >= 3
    assert 6 <= np.mean(counts) <= 12
    labels = Counter(e.label for episode in episodes for e in episode.events)
    assert set(labels) == {*MOVES, *STYLES}
    overlaps = sum(a.span.overlap(b.span) > 0.5 for e in episodes for a, b in pairwise(e.events))
    assert overlaps > 60


def test_nobody_does_the_same_thing_twice(episodes):
    for episode in episodes:
        done = [(e.performer, e.label) for e in episode.events]
        assert len(done) == len(set(done))


def test_moves_of_one_performer_follow_one_another_without_a_jump(episodes):
    times = np.arange(0.0, 20.0, 1 / 64)
    for episode in episodes[:20]:
        for i in range(len(episode.performers)):
            moves = episode.moves_of(i)
            assert all(a.end <= b.start for a, b in pairwise(moves))
            channels = poses(episode, i, times)
            for name in ("x", "y", "size", "fan"):
                assert np.abs(np.diff(channels[name])).max() < 0.06, (episode.seed, name)
            assert np.abs(channels["x"]).max() < 0.6
            assert np.abs(channels["y"]).max() < 0.4


def test_only_who_is_there_plays_or_moves(episodes):
    for episode in episodes:
        for e in episode.events:
            shown = poses(episode, e.performer, np.linspace(e.start, e.end, 9))["presence"]
            if e.kind == "play":
                assert shown.min() > 0.5
            assert shown.max() > 0.99


def test_notes_are_played_in_playing_events_only(episodes):
    for episode in episodes:
        for i, p in enumerate(episode.performers):
            plays = [e for e in episode.events if e.kind == "play" and e.performer == i]
            for n in p.notes:
                assert any(e.start <= n.start and n.end <= e.end for e in plays)
            for e in plays:
                assert any(n.start == e.start for n in p.notes)


def test_performers_can_be_told_apart_by_kind_and_colour(episodes):
    for episode in episodes:
        names = [(p.kind, p.colour) for p in episode.performers]
        assert len(names) == len(set(names))
    assert {len(e.performers) for e in episodes} == {2, 3, 4}
    assert {p.kind for e in episodes for p in e.performers} == set(INSTRUMENTS)


def test_the_cast_can_be_chosen():
    kinds = ("drum", "violin", "drum")
    assert Counter(p.kind for p in compose(0, 12.0, kinds).performers) == Counter(kinds)
    assert len(compose(0, 12.0, 5).performers) == 5
    twins = [p for p in compose(3, 12.0, kinds, alike=True).performers if p.kind == "drum"]
    assert twins[0].look == twins[1].look
    assert twins[0].timbre != twins[1].timbre


@pytest.mark.parametrize("seconds", [4.0, 10.0, 120.0])
def test_lengths(seconds):
    episode = compose(1, seconds)
    assert episode.seconds == seconds
    assert all(e.end <= seconds for e in episode.events)


@pytest.mark.parametrize(
    ("seconds", "performers"),
    [(1.0, 2), (1e4, 2), (float("nan"), 2), (20.0, 0), (20.0, 7), (20.0, ("kazoo",))],
)
def test_what_cannot_be_composed(seconds, performers):
    with pytest.raises(ValueError, match="got"):
        compose(0, seconds, performers)
