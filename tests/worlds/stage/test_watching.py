import numpy as np
import pytest
import torch

from sensorium.types import Span
from sensorium.worlds.stage import Sounds, clip, compose, frames
from sensorium.worlds.stage.watching import StageAudio, StageVideo


@pytest.fixture(scope="module")
def episode():
    return compose(5, 6.0)


def test_a_lazy_clip(episode):
    lazy = clip(episode, 24, 32, fps=4.0, rate=8000)
    video = lazy.need_video()
    assert lazy.duration == 6.0
    assert len(video.times()) == 24
    shown = video.frames([0.5, 2.0])
    assert shown.shape == (2, 3, 24, 32)
    assert shown.dtype == torch.uint8
    assert np.array_equal(shown.permute(0, 2, 3, 1).numpy(), frames(episode, [0.5, 2.0], 24, 32))


def test_sound_of_a_span(episode):
    audio = StageAudio(episode, 8000)
    whole = audio.samples()
    assert torch.equal(whole, torch.from_numpy(Sounds(episode, 8000).mix))
    assert torch.equal(audio.samples(Span(1.0, 2.5)), whole[:, 8000:20000])
    beyond = audio.samples(Span(-1.0, 7.0))
    assert beyond.shape == (2, 64000)
    assert not beyond[:, :8000].any()
    assert not beyond[:, 56000:].any()
    assert torch.equal(beyond[:, 8000:56000], whole)
    assert audio.samples(Span(0.0, 1.0), rate=16000).shape == (2, 16000)


def test_one_performers_track(episode):
    audio = StageAudio(episode, 8000, performer=0)
    assert torch.equal(audio.samples(), torch.from_numpy(Sounds(episode, 8000).tracks[0]))


def test_a_video_needs_a_rate(episode):
    with pytest.raises(ValueError, match="above 0 Hz"):
        StageVideo(episode, 8, 8, fps=0.0)
