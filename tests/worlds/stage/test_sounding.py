from dataclasses import replace

import numpy as np
import pytest

from sensorium.worlds.stage import Sounds, compose, mix, track
from sensorium.worlds.stage.sounding import CEILING


@pytest.fixture(scope="module")
def episode():
    return compose(3, 8.0)


def test_tracks_and_noise_sum_to_the_mix(episode):
    sounds = Sounds(episode, 8000)
    assert sounds.tracks.shape == (len(episode.performers), 2, 64000)
    assert np.array_equal(sounds.tracks.sum(0) + sounds.noise, sounds.mix)
    assert np.array_equal(mix(episode, 8000), sounds.mix)
    assert np.array_equal(track(episode, 1, 8000), sounds.tracks[1])
    assert sounds.mix.dtype == np.float32
    assert np.abs(sounds.mix).max() <= 1.0


def test_a_track_is_silent_when_its_performer_is():
    episode = compose(3, 8.0)
    silent = replace(episode.performers[0], notes=())
    episode = replace(episode, performers=(silent, *episode.performers[1:]))
    assert not Sounds(episode, 8000).tracks[0].any()


def test_notes_are_heard_when_they_are_played(episode):
    sounds = Sounds(episode, 8000)
    for p, heard in zip(episode.performers, sounds.tracks, strict=True):
        if p.notes:
            first = round(p.notes[0].start * 8000)
            assert np.abs(heard[:, :first]).max(initial=0.0) < 1e-6
            assert np.abs(heard[:, first : first + 4000]).max() > 1e-3


def test_a_loud_mix_is_made_quieter_as_a_whole(episode):
    loud = replace(episode, room=replace(episode.room, loudness=200.0))
    sounds = Sounds(loud, 8000)
    assert np.abs(sounds.mix).max() == pytest.approx(CEILING, rel=1e-3)
    assert np.array_equal(sounds.tracks.sum(0) + sounds.noise, sounds.mix)


def test_same_seed_same_samples(episode):
    assert mix(episode, 8000).tobytes() == mix(compose(3, 8.0), 8000).tobytes()
