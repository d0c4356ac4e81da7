import itertools

import pytest
import torch

from sensorium.actions.sampling import Sampling
from sensorium.actions.view import View
from sensorium.types import FrameVideo, Span

VIEW = View(
    size=16,
    fit="squash",
    sampling=Sampling("uniform", 4),
    window_seconds=2.0,
    hop_seconds=0.5,
    fps=8.0,
)


def numbered(count, fps=8.0):
    """Frame ``i`` is filled with ``i``."""
    values = torch.arange(count, dtype=torch.uint8)
    return FrameVideo(values.view(-1, 1, 1, 1).expand(count, 3, 20, 24).contiguous(), fps)


@pytest.mark.parametrize("seconds", [2.0, 2.1, 2.5, 3.3, 60.0, 3600.25])
def test_windows_cover_everything_and_stay_inside(seconds):
    span = Span(1.0, 1.0 + seconds)
    windows = VIEW.windows(span)
    assert windows[0].start == 1.0
    assert windows[-1].end == pytest.approx(span.end)
    assert all(w.duration == pytest.approx(2.0) for w in windows)
    starts = [w.start for w in windows]
    assert all(0 < b - a <= 0.5 + 1e-9 for a, b in itertools.pairwise(starts))


def test_a_short_video_is_one_window():
    assert VIEW.windows(Span(0.0, 0.7)) == [Span(0.0, 0.7)]
    assert View(size=16).windows(Span(0.0, 99.0)) == [Span(0.0, 99.0)]


def test_batches_show_the_frames_that_sampling_asks_for():
    video = numbered(48)
    windows = VIEW.windows(video.span)
    batches = list(VIEW.batches(video, windows, batch=3))
    frames = torch.cat(batches)
    assert frames.shape == (len(windows), 4, 3, 16, 16)
    for window, row in zip(windows, frames, strict=True):
        first = round(window.start * 8)
        expected = [first + k for k in VIEW.sampling.indices(16, "test")]
        assert row[:, 0, 0, 0].tolist() == expected


def test_another_frame_rate_is_looked_at_at_the_trained_one():
    slow, fast = numbered(24, fps=4.0), numbered(240, fps=40.0)
    window = Span(1.0, 3.0)
    assert VIEW.times(window, slow.fps) == VIEW.times(window, fast.fps)


def test_the_whole_video_uses_its_own_rate():
    view = View(size=16, sampling=Sampling("uniform", 4))
    assert view.times(Span(0.0, 2.0), 10.0) == pytest.approx([0.25, 0.75, 1.25, 1.75])


def test_one_frame():
    frames = torch.cat(list(VIEW.batches(numbered(1), VIEW.windows(numbered(1).span))))
    assert frames.shape == (1, 4, 3, 16, 16)
