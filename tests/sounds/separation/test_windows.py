import math

import pytest
import torch

from sensorium.sounds.separation.windows import CrossFade, Windows
from sensorium.sounds.spectra import SpectraConfig
from sensorium.types import Audio, Span

CONFIG = SpectraConfig(rate=1000, window=64, hop=16, frames=32)  # 0.511 s a window


class Ramp(Audio):
    """A sound that tells where it was cut from: sample ``n`` is ``n / 2^20``."""

    def __init__(self, seconds, start=0.0, rate=1000, channels=2):
        self.span, self.rate, self.channels = Span(start, start + seconds), rate, channels

    def samples(self, span=None, rate=None):
        span, rate = span or self.span, rate or self.rate
        first, count = round((span.start - self.span.start) * rate), round(span.duration * rate)
        n = torch.arange(first, first + count)
        inside = (n >= 0) & (n < round(self.span.duration * rate))
        return (n * inside / 2**20).float().expand(self.channels, -1)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.3, 0.511, 0.6, 1.0, 3.3, 60.0])
def test_windows_cover_the_sound_and_overlap_by_half(seconds):
    windows = Windows.over(Span(2.0, 2.0 + seconds), CONFIG)
    covered = torch.zeros(windows.frames)
    for first in windows.firsts:
        covered[first : first + CONFIG.frames] += 1
    assert covered.min() >= 1
    gaps = [b - a for a, b in zip(windows.firsts, windows.firsts[1:], strict=False)]
    assert all(0 < gap <= CONFIG.frames // 2 for gap in gaps)
    assert gaps[:-1] == [CONFIG.frames // 2] * max(0, len(gaps) - 1)
    spans = windows.spans()
    assert spans[0].start == 2.0
    assert spans[-1].end == pytest.approx(2.0 + seconds, abs=windows.frame_seconds)
    assert len(windows) <= 2 + seconds / 0.25


def test_windows_that_meet_frames_are_all_those_that_hold_one():
    windows = Windows.over(Span(0, 5), CONFIG)
    for first, last in ((0, 0), (15, 16), (100, 160), (windows.frames - 1, windows.frames + 9)):
        asked = range(first, last + 1)
        slow = [
            k for k, f in enumerate(windows.firsts) if set(asked) & set(range(f, f + CONFIG.frames))
        ]
        assert list(windows.meeting(first, last)) == slow


def test_a_window_hears_its_own_stretch():
    audio = Ramp(3.0, start=1.5)
    windows = Windows.over(audio.span, CONFIG)
    for k, first in enumerate(windows.firsts):
        heard = windows.hear(audio, k)
        assert heard.shape == (CONFIG.samples,)
        count = min(CONFIG.samples, 3000 - first * CONFIG.hop)
        expected = torch.arange(first * CONFIG.hop, first * CONFIG.hop + count) / 2**20
        assert torch.allclose(heard[:count], expected.float())
        assert CONFIG.samples - count < CONFIG.hop


@pytest.mark.parametrize("seconds", [0.001, 0.02, 0.2, 0.51])
def test_a_short_sound_is_repeated(seconds):
    audio, count = Ramp(seconds), round(1000 * seconds)
    heard = Windows.over(audio.span, CONFIG).hear(audio, 0)
    once = torch.arange(count) / 2**20
    repeats = math.ceil(CONFIG.samples / count)
    assert torch.allclose(heard, once.repeat(repeats)[: CONFIG.samples].float())


def test_no_sound_at_all_is_silence():
    audio = Ramp(0.0)
    assert not Windows.over(audio.span, CONFIG).hear(audio, 0).any()


@pytest.mark.parametrize("begin", [0, 7, 40])
def test_cross_fade_is_the_hann_weighted_mean(begin):
    firsts, frames, end = (0, 16, 32, 45), 32, 77
    said = torch.rand(len(firsts), 3, 2, frames, generator=torch.Generator().manual_seed(0))
    weight = 0.5 - 0.5 * torch.cos(2 * torch.pi * (torch.arange(frames) + 0.5) / frames)
    total, sums = torch.zeros(3, 2, end), torch.zeros(end)
    for first, s in zip(firsts, said, strict=True):
        total[..., first : first + frames] += weight * s
        sums[first : first + frames] += weight
    fade = CrossFade(begin, end)
    pieces = [fade.add(first, s) for first, s in zip(firsts, said, strict=True)]
    got = torch.cat([*pieces, fade.finish()], -1)
    assert torch.allclose(got, (total / sums)[..., begin:], atol=1e-6)
    assert fade.at == end


def test_what_all_windows_agree_on_is_left_as_it_is():
    fade, truth = CrossFade(0, 160), torch.rand(1, 160, generator=torch.Generator().manual_seed(1))
    pieces = [fade.add(k, truth[:, k : k + 32]) for k in range(0, 129, 16)]
    assert torch.allclose(torch.cat([*pieces, fade.finish()], -1), truth, atol=1e-6)
