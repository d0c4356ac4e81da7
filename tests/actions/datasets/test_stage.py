import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from sensorium.actions.augment import Augmentation
from sensorium.actions.datasets import ActionData, StageClips
from sensorium.actions.datasets.frame_cache import CHUNK, FrameCache
from sensorium.actions.sampling import Sampling
from sensorium.actions.view import View
from sensorium.worlds.stage import LABELS, partner

DATA = ActionData(size=28, length=40, held_out=20, sampling=Sampling(segments=4))


def test_examples_depend_on_the_numbers_alone():
    train = DATA.open("train")
    assert len(train) == 40
    one = train.example(3, seed=5)
    assert one["frames"].shape == (4, 3, 28, 28)
    assert one["frames"].dtype == torch.uint8
    assert one["label"].dtype == torch.int64
    assert torch.equal(one["frames"], DATA.open("train").example(3, seed=5)["frames"])
    assert not torch.equal(one["frames"], train.example(3, seed=6)["frames"])
    assert not torch.equal(one["frames"], train.example(3 + len(LABELS), seed=5)["frames"])


def test_validation_ignores_the_seed_and_shares_nothing_with_training():
    val = DATA.open("val")
    assert torch.equal(val.example(2, 0)["frames"], val.example(2, 1)["frames"])
    plain = replace(DATA, augmentation=Augmentation(crop="centre", flip=0.0))
    assert not torch.equal(val.example(2, 0)["frames"], plain.open("train").example(2, 0)["frames"])


def test_test_set_is_closed_under_time_reversal():
    test = DATA.open("test")
    assert len(test) == 40
    names = [LABELS[test.example(i, 0)["label"]] for i in range(40)]
    for i, j in test.pairs():
        one, other = test.example(i, 0), test.example(j, 0)
        assert torch.equal(one["frames"].flip(0), other["frames"])
        assert names[j] == partner(names[i]) != names[i]
    rests = [i for i, name in enumerate(names) if name == "rest"]
    assert len(list(test.pairs())) == (40 - len(rests)) // 2
    assert names[: 2 * len(LABELS) : 2] == list(LABELS)


def test_flips_follow_the_world():
    train = replace(DATA, augmentation=Augmentation(crop="centre")).open("train")
    right, left = LABELS.index("slide right"), LABELS.index("slide left")
    assert {train.example(right, s)["label"].item() for s in range(20)} == {right, left}
    rise = LABELS.index("rise")
    assert {train.example(rise, s)["label"].item() for s in range(20)} == {rise}


def test_cached_examples_are_the_rendered_ones(tmp_path):
    cached = replace(DATA, cache=tmp_path)
    for split in ("train", "test"):
        fresh, kept = DATA.open(split), cached.open(split)
        for index in (0, 1, 39):
            assert torch.equal(fresh.example(index, 4)["frames"], kept.example(index, 4)["frames"])
            assert torch.equal(fresh.example(index, 4)["label"], kept.example(index, 4)["label"])
    assert len(list(tmp_path.glob("stage-train-*/*.npy"))) == -(-40 // CHUNK)
    again = pickle.loads(pickle.dumps(cached.open("train")))
    assert torch.equal(again.example(5, 4)["frames"], fresh_frames(5))


def fresh_frames(index):
    return DATA.open("train").example(index, 4)["frames"]


def test_video_for_test_protocols():
    video, label = DATA.open("test").video(3)
    assert (video.fps, video.height, video.span.duration) == (8.0, 32, 2.0)
    assert LABELS[label] == partner(LABELS[1])
    with pytest.raises(IndexError):
        DATA.open("test").video(40)


def test_adapt_gives_classes_and_the_way_to_look():
    @dataclass(frozen=True)
    class Config:
        view: View
        classes: tuple[str, ...] = ()

    adapted = DATA.adapt(Config(View(size=32, hop_seconds=0.25)))
    assert adapted.classes == LABELS
    assert (adapted.view.size, adapted.view.sampling) == (28, DATA.sampling)
    assert (adapted.view.fps, adapted.view.window_seconds) == (8.0, 2.0)
    assert adapted.view.hop_seconds == 0.25


# --- the cache itself -----------------------------------------------------------------------------


def numbered(index):
    return np.full((2, 3), index % 251, dtype=np.uint8)


def test_filling_resumes_where_it_was_killed(tmp_path):
    rendered = []

    def render(index):
        if len(rendered) == CHUNK + 5:
            raise KeyboardInterrupt
        rendered.append(index)
        return numbered(index)

    cache = FrameCache(tmp_path / "c", 3 * CHUNK - 1, (2, 3))
    with pytest.raises(KeyboardInterrupt):
        cache.fill(render)
    assert len(list(cache.folder.glob("*.npy"))) == 1
    assert cache.fill(numbered) == 2
    assert cache.fill(numbered) == 0
    assert [int(cache[i][0, 0]) for i in range(len(cache))] == list(range(3 * CHUNK - 1))


def test_a_smaller_count_uses_what_is_there(tmp_path):
    assert FrameCache(tmp_path, 2 * CHUNK, (2, 3)).fill(numbered) == 2
    assert FrameCache(tmp_path, 5, (2, 3)).fill(numbered) == 0


def test_wrong_contents_are_refused(tmp_path):
    cache = FrameCache(tmp_path, CHUNK, (2, 3))
    cache.fill(numbered)
    cache.check(numbered)
    with pytest.raises(ValueError, match="another version of the world"):
        cache.check(lambda i: numbered(i + 1))
    with pytest.raises(ValueError, match=r"expected uint8 \(9,\)"):
        FrameCache(tmp_path, CHUNK, (9,))[0]
    (tmp_path / "000000.npy").write_bytes(b"short")
    with pytest.raises(ValueError, match="to render again"):
        FrameCache(tmp_path, CHUNK, (2, 3))[0]


def test_clips_are_balanced_and_of_one_length():
    clips = StageClips("val", 30, seconds=1.0, fps=5.0, size=16)
    assert clips.length == 5
    assert [clips.label(i) for i in range(30)] == 2 * list(range(15))
    assert clips.render(0).shape == (5, 16, 16, 3)
    assert np.array_equal(clips.render(0, [3]), clips.render(0)[3:4])
