import numpy as np
import pytest

from sensorium.worlds.stage import LABELS, backwards, clip_label, compose, compose_clip, frames
from sensorium.worlds.stage.moves import partner

TIMES = [(i + 0.5) / 8 for i in range(16)]


@pytest.mark.parametrize("label", LABELS)
def test_a_clip_backwards_shows_the_same_frames_in_reverse(label):
    for seed in range(3):
        clip = compose_clip(seed, label)
        other = backwards(clip)
        assert clip_label(other) == partner(label)
        shown, reversed_ = frames(clip, TIMES, 48, 48), frames(other, TIMES, 48, 48)
        differing = (shown != reversed_[::-1]).mean()
        assert differing < 1e-4  # a corner may round to the other 1/16 pixel
        if label != "rest":
            assert (shown != shown[::-1]).mean() > 0.005


def test_a_whole_episode_backwards():
    episode = compose(5, 12.0)
    times = [(i + 0.5) / 2 for i in range(24)]
    shown = frames(episode, times, 40, 56)
    assert (shown != frames(backwards(episode), times, 40, 56)[::-1]).mean() < 1e-4


def test_twice_backwards_is_forwards():
    episode = compose(8, 10.0)
    twice = backwards(backwards(episode))
    assert [(e.label, e.start, e.duration) for e in twice.events] == [
        (e.label, e.start, e.duration) for e in episode.events
    ]
    for a, b in zip(episode.performers, twice.performers, strict=True):
        assert [n.start for n in a.notes] == [n.start for n in b.notes]
        assert [n.stroke for n in a.notes] == [n.stroke for n in b.notes]
    assert twice.camera.drift == episode.camera.drift


def test_notes_backwards_can_be_played():
    for seed in range(40):
        clip = backwards(compose_clip(seed))
        for p in clip.performers:
            for note in p.notes:
                assert 0.0 <= note.start < note.end <= clip.seconds


def test_the_average_frame_of_partners_is_the_same():
    """The theorem behind the time-reversed pairs, on a bag of frames without order."""
    for seed in range(4):
        clip = compose_clip(seed, "open")
        bag = np.sort(frames(clip, TIMES, 32, 32).reshape(16, -1).sum(1))
        other = np.sort(frames(backwards(clip), TIMES, 32, 32).reshape(16, -1).sum(1))
        assert np.abs(bag.astype(int) - other.astype(int)).max() <= 50
