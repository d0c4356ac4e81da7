"""Shots of composed cuts; steady, panning and flashing videos have one."""

from itertools import pairwise

import pytest
import torch

from sensorium.sounds.shots import ShotConfig, difference, find_shots, histograms
from sensorium.types import FrameVideo, Video
from sensorium.worlds import stage

FPS = 16.0


def _scene(seed, seconds=3.0):
    times = [(i + 0.5) / FPS for i in range(round(seconds * FPS))]
    frames = stage.frames(stage.compose(seed, 4.0), times, 48, 64)
    return torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous()


def _bounds(video, config=None):
    return [shot.end for shot in find_shots(video, config)[:-1]]


def test_composed_cuts_are_found_to_the_frame():
    scenes = [_scene(seed, seconds) for seed, seconds in ((1, 2.0), (2, 3.0), (3, 1.25))]
    video = FrameVideo(torch.cat(scenes), FPS)
    shots = find_shots(video)
    assert [s.end for s in shots] == pytest.approx([2.0, 5.0, 6.25], abs=1e-6)
    assert shots[0].start == 0.0
    assert all(a.end == b.start for a, b in pairwise(shots))


@pytest.mark.parametrize("seed", range(4))
def test_one_stage_is_one_shot(seed):
    assert len(find_shots(FrameVideo(_scene(seed, 4.0), FPS))) == 1


def test_a_pan_is_one_shot():
    wide = torch.from_numpy(stage.frames(stage.compose(5, 4.0), [1.0], 48, 160))[0].permute(2, 0, 1)
    frames = torch.stack([wide[:, :, 2 * i : 2 * i + 64] for i in range(48)])
    assert len(find_shots(FrameVideo(frames.contiguous(), FPS))) == 1


@pytest.mark.parametrize("length", [1, 3, 6])
def test_a_flash_is_no_boundary(length):
    frames = _scene(7)
    frames[20 : 20 + length] = 255
    assert _bounds(FrameVideo(frames, FPS)) == []


def test_a_long_white_is_two_boundaries():
    frames = torch.cat([_scene(7), torch.full((32, 3, 48, 64), 255, dtype=torch.uint8), _scene(7)])
    assert _bounds(FrameVideo(frames, FPS)) == pytest.approx([3.0, 5.0], abs=0.5 / FPS + 1e-6)


def test_a_dissolve_is_one_boundary_inside_it():
    a, b = _scene(1), _scene(2)
    share = torch.linspace(0, 1, 16).view(-1, 1, 1, 1)
    mixed = ((1 - share) * a[-16:] + share * b[:16]).to(torch.uint8)
    bounds = _bounds(FrameVideo(torch.cat([a[:-16], mixed, b[16:]]), FPS))
    assert len(bounds) == 1
    assert 2.0 <= bounds[0] <= 3.0


def test_both_thresholds_count():
    video = FrameVideo(torch.cat([_scene(1), _scene(2)]), FPS)
    assert len(_bounds(video)) == 1
    assert _bounds(video, ShotConfig(low=0.12, high=0.99)) == []
    assert _bounds(video, ShotConfig(low=0.98, high=0.99)) == []


def test_a_picture_alone_is_one_shot():
    video = FrameVideo(_scene(1)[:1], FPS, start=2.0)
    assert find_shots(video) == (video.span,)


class _Counted(Video):
    """An endless-looking video that counts how many pictures are held at once."""

    def __init__(self, seconds):
        self.inner = FrameVideo(torch.cat([_scene(1, 2.0), _scene(2, 2.0)]), FPS)
        self.span = type(self.inner.span)(0.0, seconds)
        self.fps, self.height, self.width = FPS, 48, 64
        self.most = 0

    def frames(self, times):
        self.most = max(self.most, len(times))
        return self.inner.frames([t % 4.0 for t in times])


def test_a_long_video_is_read_a_few_pictures_at_a_time():
    video = _Counted(60.0)
    shots = find_shots(video)
    assert len(shots) == 30
    assert video.most <= 8


def test_histograms_agree_with_counting():
    frames = torch.randint(0, 256, (2, 3, 12, 16), dtype=torch.uint8)
    got = histograms(frames)
    assert torch.allclose(got.sum(1), torch.ones(2))
    flat = torch.full((1, 3, 8, 8), 16, dtype=torch.uint8)  # in the middle of the first level
    assert float(histograms(flat)[0, 0]) == 1.0
    between = torch.full((1, 3, 8, 8), 32, dtype=torch.uint8)  # as near to the first as the second
    assert float(histograms(between)[0, 0]) == pytest.approx(0.125)
    assert difference(histograms(flat)[0], histograms(flat.flip(0))[0]) == 0.0
    black, white = torch.zeros_like(flat), torch.full_like(flat, 255)
    assert difference(histograms(black)[0], histograms(white)[0]) == 1.0


def test_wrong_thresholds_are_said():
    with pytest.raises(ValueError, match="low <= high"):
        ShotConfig(low=0.5, high=0.2)
