"""Flow against known shifts, on the stage."""

import importlib.util
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from sensorium.optical_flow import DISFlow, FlowGrid, RAFTFlow, coarse
from sensorium.worlds import stage
from sensorium.worlds.stage.script import Camera


def _moved(shift, size=64):
    """A stage and the same stage moved by ``shift`` pixels, drawn from a larger picture."""
    large = stage.frames(stage.compose(3, 6.0), [1.0], 4 * size, 4 * size)[0]
    pictures = []
    for dx, dy in ((0, 0), shift):
        matrix = np.array([[0.25, 0, dx], [0, 0.25, dy]], np.float32)
        smooth = cv2.GaussianBlur(large, (5, 5), 1.5)
        pictures.append(
            cv2.warpAffine(smooth, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
        )
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


@pytest.mark.parametrize("shift", [(1, 0), (0, -2), (3, 2), (-5, 1)])
@pytest.mark.parametrize("size", [48, 64, 160])
def test_known_shifts(shift, size):
    flow = DISFlow()(_moved(shift, size))[0, :, 8:-8, 8:-8]
    error = (flow - torch.tensor(shift).view(2, 1, 1)).norm(dim=0)
    assert float(error.median()) < 0.1


@pytest.mark.parametrize("shift", [(1, 0), (0, 2), (4, 0), (-3, -3)])
@pytest.mark.parametrize("seed", [1000, 1001, 1004])
def test_a_performer_that_moves_before_a_stage_that_stands(shift, seed):
    size = 64
    episode = stage.compose(seed, 6.0, ["violin"])
    (performer,) = episode.performers
    home = replace(performer.home, presence=1.0, size=0.5)
    still = replace(
        episode,
        performers=(replace(performer, home=home, notes=()),),
        events=(),
        camera=Camera(),
    )
    there = replace(home, x=home.x + shift[0] / size / 1.06, y=home.y + shift[1] / size / 1.06)
    moved = replace(still, performers=(replace(still.performers[0], home=there),))
    pair = np.concatenate([stage.frames(e, [0.0], size, size) for e in (still, moved)])
    flow = DISFlow()(torch.from_numpy(pair).permute(0, 3, 1, 2).contiguous())[0]
    mask = torch.from_numpy(stage.masks(still, [0.0], size, size)[0, 0])
    error = (flow - torch.tensor(shift).view(2, 1, 1)).norm(dim=0)[mask]
    assert float(error.median()) < 0.15
    assert float((error < 0.5 * np.hypot(*shift)).float().mean()) > 0.9
    assert float(flow.norm(dim=0)[~mask].median()) < 0.1


def test_the_answer_does_not_depend_on_threads():
    pictures = _moved((3, 2), 160)
    before = cv2.getNumThreads()
    try:
        answers = []
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            answers.append(DISFlow()(pictures))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    assert torch.equal(*answers)


def test_pictures_that_stand_have_no_flow_and_one_picture_has_none():
    still = _moved((0, 0))
    assert float(DISFlow()(still).abs().max()) < 1e-3
    assert DISFlow()(still[:1]).shape == (0, 2, 64, 64)


def test_wide_pictures_keep_their_unit():
    """64 x 96 pictures are enlarged for the search; the answer is in their own pixels."""
    pictures = _moved((4, -2), 96)[..., 16:80, :].contiguous()
    flow = DISFlow(least=128)(pictures)[0, :, 8:-8, 8:-8]
    assert flow.flatten(1).median(1).values.tolist() == pytest.approx([4.0, -2.0], abs=0.1)


def test_coarse_is_the_mean_over_squares():
    flow = torch.randn(3, 2, 8, 12)
    slow = torch.stack(
        [
            flow[..., 4 * r : 4 * r + 4, 4 * c : 4 * c + 4].mean((-2, -1))
            for r in range(2)
            for c in range(3)
        ],
        -1,
    ).unflatten(-1, (2, 3))
    assert torch.allclose(coarse(flow, 4), slow, atol=1e-6)
    assert coarse(torch.ones(2, 2, 9, 7), 4).shape == (2, 2, 3, 2)
    assert torch.equal(coarse(torch.ones(2, 2, 9, 7), 4), torch.ones(2, 2, 3, 2))


def test_a_grid_is_the_coarse_field_in_half_precision():
    pictures = _moved((2, 1))
    field = FlowGrid(DISFlow(), stride=4)(pictures)
    assert field.shape == (1, 2, 16, 16)
    assert torch.equal(field, coarse(DISFlow()(pictures), 4).half())


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="it is installed")
def test_raft_without_torchvision_says_what_to_do():
    with pytest.raises(ValueError, match=r"RAFT needs torchvision.*DISFlow"):
        RAFTFlow()(_moved((1, 0)))


@pytest.mark.parametrize("method", [DISFlow(), RAFTFlow()])
def test_wrong_pictures_are_said(method):
    with pytest.raises(ValueError, match="uint8 pictures"):
        method(torch.zeros(2, 3, 32, 32))


def test_unknown_preset_is_said():
    with pytest.raises(ValueError, match="preset must be one of"):
        DISFlow("slow")
