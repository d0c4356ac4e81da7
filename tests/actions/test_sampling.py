"""Frame sampling against the published index functions, written down a second time, 1-based."""

import numpy as np
import pytest
import torch

from sensorium.actions import sampling as s
from sensorium.types import FrameVideo, Span

LENGTHS = (1, 2, 7, 8, 9, 16, 64, 65, 300)
SEGMENTS = (1, 8, 16)
CASES = [(L, T) for L in LENGTHS for T in SEGMENTS]


def rng(seed=0):
    return np.random.default_rng(seed)


# Hand-computed from the published formulas; the papers' code counts from 1.
PUBLISHED_VAL = {
    (8, 8): [1] * 8,  # L <= T: all frames 1
    (9, 8): [1, 2, 3, 4, 6, 7, 8, 9],
    (16, 8): [2, 4, 6, 8, 10, 12, 14, 16],
    (64, 8): [5, 13, 21, 29, 37, 45, 53, 61],
    (65, 8): [5, 13, 21, 29, 37, 45, 53, 61],
    (300, 8): [19, 57, 94, 132, 169, 207, 244, 282],
    (16, 16): [1] * 16,
    (2, 1): [2],
    (1, 1): [1],
}


@pytest.mark.parametrize(("case", "published"), PUBLISHED_VAL.items())
def test_uniform_validation_vectors(case, published):
    assert s.uniform_val(*case) == [k - 1 for k in published]


@pytest.mark.parametrize(
    ("L", "clip", "published"),
    [
        (8, 0, [1, 2, 3, 4, 5, 6, 7, 8]),
        (7, 0, [1, 2, 3, 4, 4, 5, 6, 7]),
        (2, 0, [1, 1, 1, 1, 2, 2, 2, 2]),
        (1, 0, [1, 1, 1, 1, 1, 1, 1, 1]),
        (64, 0, [5, 13, 21, 29, 37, 45, 53, 61]),
        (64, 1, [1, 9, 17, 25, 33, 41, 49, 57]),
        (9, 1, [1, 2, 3, 4, 5, 6, 7, 8]),
        (300, 1, [1, 38, 76, 113, 151, 188, 226, 263]),
    ],
)
def test_uniform_test_vectors(L, clip, published):
    assert s.uniform_test(L, 8, clip=clip) == [k - 1 for k in published]


def test_uniform_test_of_flow_snippets():
    assert s.uniform_test(65, 8, snippet=5) == [int(61 / 16 + 61 / 8 * k) for k in range(8)]
    assert s.uniform_test(3, 8, snippet=5) == [0] * 8


@pytest.mark.parametrize(("L", "T"), CASES)
@pytest.mark.parametrize("snippet", [1, 5])
def test_uniform_train_draws_once_per_segment(L, T, snippet):
    d = (L - snippet + 1) // T
    for seed in range(20):
        got = s.uniform_train(L, T, rng(seed), snippet)
        assert len(got) == T
        if d > 0:
            assert all(k * d <= i < (k + 1) * d for k, i in enumerate(got))
        elif L > T:
            assert got == sorted(got)
            assert all(0 <= i <= max(0, L - snippet) for i in got)
        else:
            assert got == [0] * T


def test_uniform_train_reaches_every_frame_of_a_segment():
    drawn = {s.uniform_train(16, 8, rng(seed))[3] for seed in range(60)}
    assert drawn == {6, 7}


@pytest.mark.parametrize(("L", "T"), CASES)
def test_dense_stays_in_its_window_and_wraps(L, T):
    stride = 64 // T
    for seed in range(20):
        got = s.dense_train(L, T, rng(seed))
        start = got[0]
        assert got == [(start + k * stride) % L for k in range(T)]
        assert start < max(1, L - 64)  # the last position is never drawn, as released
    assert s.dense_val(L, T)[0] == max(0, L - 64) // 2


def test_dense_vectors():
    assert s.dense_train(64, 8, rng()) == [0, 8, 16, 24, 32, 40, 48, 56]
    assert s.dense_train(9, 8, rng()) == [0, 8, 7, 6, 5, 4, 3, 2]
    assert s.dense_train(65, 16, rng()) == [4 * k for k in range(16)]
    clips = s.dense_test(300, 8)
    assert [c[0] for c in clips] == [0, 26, 52, 78, 104, 131, 157, 183, 209, 236]
    assert clips[-1][-1] == 236 + 56
    assert s.dense_test(1, 8) == [[0] * 8] * 10


@pytest.mark.parametrize(("L", "T"), CASES)
@pytest.mark.parametrize("N", [1, 5])
def test_snippets_are_consecutive_frames(L, T, N):
    D = L // T
    for got in (s.snippets_test(L, T, N), *(s.snippets_train(L, T, N, rng(i)) for i in range(10))):
        assert len(got) == T * N
        for k in range(T):
            start = got[k * N]
            assert got[k * N : (k + 1) * N] == [(start + j) % L for j in range(N)]
            if D >= N:
                assert k * D <= start <= (k + 1) * D - N
            else:
                assert start == (k * D if D >= 1 else k) % L


def test_stnet_vectors():
    # 7 snippets of 5 out of 70 frames: segments of 10, centred: (10 - 5) // 2
    assert s.snippets_test(70, 7, 5)[::5] == [2, 12, 22, 32, 42, 52, 62]
    assert s.snippets_test(300, 25, 5)[:5] == [3, 4, 5, 6, 7]
    assert s.snippets_test(9, 8, 5)[-5:] == [7, 8, 0, 1, 2]
    last = {s.snippets_train(70, 7, 5, rng(i))[30] for i in range(100)}
    assert last == set(range(60, 66))  # both ends can be drawn


@pytest.mark.parametrize("kind", ["uniform", "dense", "snippets"])
@pytest.mark.parametrize(("L", "T"), CASES)
def test_config_never_leaves_the_clip(kind, L, T):
    config = s.Sampling(kind, T, 1 if kind == "dense" else 3)
    for mode in ("train", "val", "test"):
        got = config.indices(L, mode, rng())
        assert len(got) == config.count
        assert all(0 <= i < L for i in got)
    assert config.indices(L, "train", rng(4)) == config.indices(L, "train", rng(4))


def test_test_clips():
    uniform = s.Sampling("uniform", 8)
    assert uniform.test_indices(64, 2) == [s.uniform_test(64, 8, clip=c) for c in (0, 1)]
    assert len(s.Sampling("dense", 8).test_indices(300, 10)) == 10
    with pytest.raises(ValueError, match="uniform sampling gives 1 to 2 test clips, got 10"):
        uniform.test_indices(64, 10)
    with pytest.raises(ValueError, match="snippets sampling gives 1 to 1"):
        s.Sampling("snippets", 7, 5).test_indices(64, 2)
    with pytest.raises(ValueError, match="clips 0 and 1, got 2"):
        s.uniform_test(64, 8, clip=2)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="segments >= 1"):
        s.Sampling(segments=0)
    with pytest.raises(ValueError, match="single frames"):
        s.Sampling("dense", 8, 5)
    with pytest.raises(ValueError, match="pass rng"):
        s.Sampling().indices(10, "train")
    with pytest.raises(ValueError, match="at least 1 frame"):
        s.Sampling().indices(0, "test")


def test_times_fall_into_the_middle_of_the_frames_meant():
    data = torch.arange(20, dtype=torch.uint8).view(20, 1, 1, 1).expand(20, 3, 2, 2)
    video = FrameVideo(data, fps=12.5, start=3.0)
    config = s.Sampling("uniform", 8)
    times = s.sample_times(video.span, video.fps, config, "test")
    assert times[0] == pytest.approx(3.0 + (config.indices(20, "test")[0] + 0.5) / 12.5)
    assert video.frames(times)[:, 0, 0, 0].tolist() == config.indices(20, "test")
    part = s.sample_times(Span(3.8, 4.6), 12.5, config, "test")
    assert video.frames(part)[:, 0, 0, 0].tolist() == [10 + k for k in config.indices(10, "test")]
