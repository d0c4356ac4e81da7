from collections import Counter

import numpy as np
import pytest

from sensorium.worlds.stage import LABELS, clip_label, compose_clip
from sensorium.worlds.stage.looks.paint import COLOURS
from sensorium.worlds.stage.script import INSTRUMENTS, TICK


@pytest.mark.parametrize("label", LABELS)
def test_a_clip_holds_its_one_move(label):
    for seed in range(12):
        clip = compose_clip(seed, label, seconds=2.0)
        assert clip_label(clip) == label
        assert len(clip.events) == (label != "rest")
        for event in clip.events:
            assert 0.7 * 2.0 - TICK <= event.duration <= 2.0
            assert 0.0 <= event.start <= event.end <= 2.0
            assert event.label == label
        assert 1 <= len(clip.performers) <= 3


def test_same_seed_same_clip():
    assert compose_clip(3) == compose_clip(3)
    assert compose_clip(3) != compose_clip(4)
    assert compose_clip(3, "rise") != compose_clip(3, "sink")


def test_labels_are_drawn_evenly():
    counts = Counter(clip_label(compose_clip(seed)) for seed in range(1500))
    assert set(counts) == set(LABELS)
    assert min(counts.values()) > 60
    assert max(counts.values()) < 145


def test_what_is_staged_does_not_depend_on_the_label():
    for seed in range(30):
        clips = [compose_clip(seed, label) for label in ("rise", "turn anticlockwise", "rest")]
        first = clips[0]
        for other in clips[1:]:
            assert other.backdrop == first.backdrop
            assert other.room == first.room
            assert [(p.kind, p.design, p.colour, p.look) for p in other.performers] == [
                (p.kind, p.design, p.colour, p.look) for p in first.performers
            ]


def test_kinds_colours_and_camera_are_free_of_the_label():
    for label in ("rise", "sink"):
        clips = [compose_clip(seed, label) for seed in range(400)]
        movers = [c.performers[c.events[0].performer] for c in clips]
        kinds, colours = Counter(p.kind for p in movers), Counter(p.colour for p in movers)
        assert set(kinds) == set(INSTRUMENTS)
        assert set(colours) == set(COLOURS)
        assert max(kinds.values()) < 85
        drift = np.array([c.camera.drift for c in clips])
        assert np.abs(drift.mean(0)).max() < 4 * drift.std() / np.sqrt(len(clips))


def test_the_absent_do_not_play():
    for seed in range(60):
        clip = compose_clip(seed, "wave then vanish")
        event = clip.events[0]
        for note in clip.performers[event.performer].notes:
            assert note.start < event.end


@pytest.mark.parametrize(
    ("label", "seconds"), [("fly", 2.0), ("rise", 0.1), ("rise", float("nan"))]
)
def test_what_cannot_be_composed(label, seconds):
    with pytest.raises(ValueError, match="got"):
        compose_clip(0, label, seconds)
