import numpy as np
import pytest

from sensorium.worlds.stage import LABELS, REST, frames, moment


@pytest.mark.parametrize("label", LABELS)
def test_the_label_is_what_happens_most(label):
    for seed in range(3):
        found = moment(seed, label)
        end = found.start + 2.0
        moves = [e for e in found.episode.events if e.kind == "move"]
        shared = {
            i: max(0.0, min(e.end, end) - max(e.start, found.start)) for i, e in enumerate(moves)
        }
        assert found.label == label
        assert 0.0 <= found.start <= found.episode.seconds - 2.0
        if label == REST:
            assert max(shared.values(), default=0.0) < 0.151
        else:
            leading = max(shared, key=lambda i: shared[i])
            assert moves[leading].label == label


def test_same_seed_same_pictures():
    pictures = []
    for _ in range(2):
        found = moment(5, "open")
        times = [found.start + t for t in (0.2, 1.7)]
        pictures.append(np.asarray(frames(found.episode, times, 24, 32)))
    assert (pictures[0] == pictures[1]).all()
    assert pictures[0].std() > 5


def test_a_window_longer_than_the_episode_is_refused():
    with pytest.raises(ValueError, match="shorter than 16 s, got 16.5"):
        moment(0, "rise", 16.5)
