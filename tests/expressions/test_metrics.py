"""Metrics of generated expressions, against slow versions and libraries."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.stats import spearmanr
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from sensorium.expressions import metrics
from sensorium.expressions.judges import Judged


def pictures(count: int = 3, size: int = 24, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def judged(degrees: torch.Tensor, seed: int = 0) -> Judged:
    rng = torch.Generator().manual_seed(seed)
    n = len(degrees)
    vectors = torch.nn.functional.normalize(torch.randn(n, 64, generator=rng), dim=1)
    return Judged(
        10 * degrees,
        degrees,
        torch.rand(n, 68, 2, generator=rng),
        torch.randn(n, 4, generator=rng),
        vectors,
    )


# --- pictures -------------------------------------------------------------------------------------


def test_whole_frames_agree_with_torchmetrics() -> None:
    made, true = pictures(), pictures(seed=1)
    for row in range(3):
        one, other = made[row : row + 1], true[row : row + 1]
        wanted = peak_signal_noise_ratio(one, other, data_range=1.0)
        assert metrics.psnr(one, other)[0] == pytest.approx(float(wanted), abs=1e-4)
        wanted = structural_similarity_index_measure(one, other, data_range=1.0)
        assert metrics.ssim(made, true)[row] == pytest.approx(float(wanted), abs=1e-5)
    assert metrics.psnr(made, made).tolist() == [100.0] * 3


def test_a_mask_leaves_out_what_is_outside() -> None:
    made, true = pictures(), pictures()
    mask = torch.zeros(3, 24, 24, dtype=torch.bool)
    mask[:, 4:12, 6:20] = True
    true[:, :, 20:] = 0
    assert metrics.l1(made, true, mask).tolist() == [0.0] * 3
    assert metrics.ssim(made, true)[0] < 0.99
    true[:, :, 4:12, 6:20] += 0.1
    assert metrics.l1(made, true, mask).tolist() == pytest.approx([0.1] * 3, abs=1e-6)
    assert metrics.psnr(made, true, mask).tolist() == pytest.approx([20.0] * 3, abs=1e-3)
    assert metrics.l1(made, true)[0] == pytest.approx(float((made - true).abs()[0].mean()))


def test_the_whole_frame_as_mask_is_the_whole_frame() -> None:
    made, true = pictures(), pictures(seed=1)
    every = torch.ones(3, 24, 24, dtype=torch.bool)
    scores = metrics.picture_scores(made, true, {"face": every})
    assert set(scores) == {f"{n}{w}" for n in ("l1", "psnr", "ssim") for w in ("", "_face")}
    for name in ("l1", "psnr"):
        torch.testing.assert_close(scores[name], scores[f"{name}_face"])


def test_an_empty_mask_is_nan_and_small_pictures_are_refused() -> None:
    made = pictures()
    nothing = torch.zeros(3, 24, 24, dtype=torch.bool)
    assert metrics.ssim(made, made, nothing).isnan().all()
    with pytest.raises(ValueError, match="11 pixels to a side, got"):
        metrics.ssim(pictures(size=8), pictures(size=8))


# --- what judges see ------------------------------------------------------------------------------


def test_landmarks_are_measured_in_distances_between_the_eyes() -> None:
    true = torch.rand(1, 68, 2)
    true[0, metrics.LEFT_EYE] = torch.tensor([0.3, 0.4])
    true[0, metrics.RIGHT_EYE] = torch.tensor([0.7, 0.4])
    found = true.clone()
    found[0, 50] += torch.tensor([0.3, 0.4])  # half a frame away
    assert metrics.nme(found, true)[0] == pytest.approx(0.5 / 68 / 0.4, rel=1e-4)
    assert metrics.nme(found, true, metrics.MOUTH)[0] == pytest.approx(0.5 / 20 / 0.4, rel=1e-4)


def test_expressions_are_named_where_one_alone_is_commanded() -> None:
    degrees = torch.tensor([[0.9, 0.0, 0.0], [0.0, 0.2, 0.0], [0.6, 0.6, 0.0], [0.0, 0.0, 1.0]])
    said, meant = metrics.named(judged(degrees.flip(1)), degrees)
    assert (said.tolist(), meant.tolist()) == ([2, 0], [0, 2])
    table = metrics.confusion(said, meant, 3)
    assert table.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_scores_of_a_perfect_face() -> None:
    degrees = torch.tensor([[0.9, 0.0, 0.0], [0.0, 0.2, 0.0], [0.5, 0.3, 0.0]])
    faces = judged(degrees)
    scores = metrics.judged_scores(faces, faces, degrees, faces.landmarks)
    assert scores["accuracy"].tolist() == [1.0]
    for name in ("intensity_mae", "others", "landmark_nme", "mouth_nme"):
        assert scores[name].abs().max() < 1e-6, name
    torch.testing.assert_close(scores["identity"], torch.ones(3))
    off = judged(degrees + 0.1)
    scores = metrics.judged_scores(off, faces, degrees)
    assert scores["intensity_mae"].tolist() == pytest.approx([0.1] * 3, abs=1e-6)
    assert scores["others"].tolist() == pytest.approx([0.1] * 3, abs=1e-6)
    assert "landmark_nme" not in scores


def test_people_are_found_again() -> None:
    gallery = torch.eye(4)
    seen = torch.tensor([[0.9, 0.1, 0, 0], [0, 0, 0.2, 0.8]])
    right = metrics.reidentified(seen, torch.tensor([0, 2]), gallery)
    assert right.tolist() == [1.0, 0.0]


# --- sweeps ---------------------------------------------------------------------------------------


def test_rank_correlation_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((4, 11)), np.round(rng.random((4, 11)), 1)  # with ties
    found = metrics.spearman(torch.from_numpy(a), torch.from_numpy(b))
    for row in range(4):
        assert found[row] == pytest.approx(spearmanr(a[row], b[row]).statistic, abs=1e-6)
    still = metrics.spearman(torch.arange(5.0)[None], torch.ones(1, 5))
    assert still.tolist() == [0.0]


def test_share_of_rising_steps() -> None:
    sweeps = torch.tensor([[0.0, 0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.05, 0.05, 0.4], [1.0] * 5])
    assert metrics.monotone(sweeps).tolist() == [1.0, 0.5, 0.0]


def test_jumps() -> None:
    even = torch.linspace(0, 1, 41)[:, None, None, None].expand(41, 3, 4, 4)
    assert metrics.jump_ratio(even) == pytest.approx(1.0, abs=1e-4)
    switch = (even > 0.5).float()
    assert metrics.jump_ratio(switch) == pytest.approx(40.0)
    assert math.isnan(metrics.jump_ratio(torch.zeros(41, 3, 4, 4)))


def test_paths_of_landmarks() -> None:
    still = torch.rand(1, 68, 2)
    still[0, metrics.LEFT_EYE], still[0, metrics.RIGHT_EYE] = torch.zeros(2), torch.tensor([0.5, 0])
    times = torch.linspace(0, 1, 5)
    moved = still[:, None] + torch.tensor([0.3, 0.4]) * times[None, :, None, None]
    torch.testing.assert_close(metrics.path(moved)[0], times)  # 0.5 away, in units of 0.5
    frozen = still[:, None].expand(1, 5, 68, 2)
    wanted = float(times.square().mean().sqrt())
    assert metrics.path_rmse(frozen, moved)[0] == pytest.approx(wanted, abs=1e-6)
    assert metrics.path_rmse(moved, moved).tolist() == [0.0]


def test_content_distance_is_the_mean_over_pairs() -> None:
    vectors = torch.randn(2, 4, 8)
    found = metrics.acd(vectors)
    for row in range(2):
        pairs = [
            float((vectors[row, i] - vectors[row, j]).norm()) for i in range(4) for j in range(i)
        ]
        assert found[row] == pytest.approx(sum(pairs) / len(pairs), rel=1e-5)
    with pytest.raises(ValueError, match="two or more, got 1"):
        metrics.acd(vectors[:, :1])


# --- sets -----------------------------------------------------------------------------------------


def test_frechet_distance_is_that_of_the_matrix_root() -> None:
    rng = torch.Generator().manual_seed(0)
    mixing = torch.randn(5, 5, generator=rng)
    a = torch.randn(200, 5, generator=rng)
    b = torch.randn(150, 5, generator=rng) @ mixing + 0.5
    one, other = np.cov(a.numpy().T), np.cov(b.numpy().T)
    apart = float((a.mean(0) - b.mean(0)).square().sum())
    wanted = apart + np.trace(one + other - 2 * sqrtm(one @ other).real)
    assert metrics.frechet(a, b) == pytest.approx(wanted, rel=1e-4)
    assert metrics.frechet(a, a) == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(ValueError, match="more than as many faces in each set, got 5"):
        metrics.frechet(a[:5], b)


def test_groups() -> None:
    values = torch.tensor([1.0, 3.0, float("nan"), 5.0])
    groups = [{"glasses": True, "age": "old"}, {"glasses": False, "age": "old"}]
    groups += [{"glasses": True, "age": "young"}, {"glasses": True, "age": "young"}]
    found = metrics.by_group(values, groups)
    assert found == {"glasses": {"no": 3.0, "yes": 3.0}, "age": {"old": 2.0, "young": 5.0}}
