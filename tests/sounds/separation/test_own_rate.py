import itertools
import math

import pytest
import torch

from sensorium import media
from sensorium.sounds.separation.own_rate import OwnRate, above, window_length
from sensorium.sounds.spectra import Spectra, SpectraConfig
from sensorium.types import Audio, Span

CONFIG = SpectraConfig()
CPU = torch.device("cpu")


class Held(Audio):
    """Samples in memory."""

    def __init__(self, data, rate, start=0.0):
        self.data, self.rate, self.channels = data, rate, len(data)
        self.span = Span(start, start + data.shape[1] / rate)

    def samples(self, span=None, rate=None):
        span = span or self.span
        assert rate in (None, self.rate)
        first = round((span.start - self.span.start) * self.rate)
        out = torch.zeros(self.channels, round(span.duration * self.rate))
        begin, end = max(first, 0), min(first + out.shape[1], self.data.shape[1])
        if end > begin:
            out[:, begin - first : end - first] = self.data[:, begin:end]
        return out


def noise(channels, count, seed=0):
    return torch.rand(channels, count, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def frames_of(seconds):
    return 1 + int(seconds * CONFIG.rate) // CONFIG.hop


def separated(audio, masks, pieces=3, begin=0, end=None):
    end = audio.data.shape[1] if end is None else end
    own = OwnRate(audio, CONFIG, begin, end, CPU)
    first, last = own.frames_needed()
    last = min(last, masks.shape[-1] - 1)
    first = min(first, last)
    step = max(1, math.ceil((last + 1 - first) / pieces))
    blocks = []
    for at in range(first, last + 1, step):
        stop = min(at + step, last + 1)
        blocks += own.push(at, masks[..., at:stop], final=stop == last + 1)
    return torch.cat(blocks, -1)


@pytest.mark.parametrize("rate", [7999, 8000, 11025, 16000, 22050, 44100, 48000, 96000])
def test_windows_last_as_long_as_in_the_analysis(rate):
    length = window_length(rate, CONFIG)
    assert length % 4 == 0
    assert length / rate == pytest.approx(CONFIG.window / CONFIG.rate, rel=0.03)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_masks_of_one_give_the_mixture_back(rate, channels):
    audio = Held(noise(channels, rate // 2), rate, start=1.25)
    ones = torch.ones(1, CONFIG.window // 2 + 2, frames_of(0.5))
    stems = separated(audio, ones)
    assert stems.shape == (2, channels, rate // 2)
    assert (stems[0] - audio.data).abs().max() < 1e-5
    assert stems[1].abs().max() < 1e-5


@pytest.mark.parametrize("count", [0, 1, 2, 100, 5000])
def test_the_stems_sum_to_the_mixture_whatever_the_masks(count):
    audio = Held(noise(2, count), 44100)
    masks = torch.rand(3, CONFIG.window // 2 + 2, frames_of(count / 44100)) / 3
    if count == 0:
        own = OwnRate(audio, CONFIG, 0, 0, CPU)
        assert list(own.push(0, masks, final=True)) == []
        return
    stems = separated(audio, masks)
    assert stems.shape == (4, 2, count)
    assert (stems.sum(0) - audio.data).abs().max() < 1e-6


def test_blocks_and_spans_do_not_change_the_numbers():
    audio = Held(noise(1, 30_000), 22050)
    masks = torch.rand(2, CONFIG.window // 2 + 2, frames_of(30_000 / 22050))
    whole = separated(audio, masks, pieces=1)
    assert torch.allclose(separated(audio, masks, pieces=17), whole, atol=1e-6)
    for begin, end in ((0, 100), (12_345, 20_000), (29_990, 30_000)):
        part = separated(audio, masks, begin=begin, end=end)
        assert torch.allclose(part, whole[..., begin:end], atol=1e-6)


@pytest.mark.parametrize("rate", [11025, 44100, 48000])
def test_a_mask_acts_at_its_hertz_and_its_seconds(rate):
    seconds = torch.arange(2 * rate) / rate
    tones = {hz: torch.sin(2 * torch.pi * hz * seconds) for hz in (500, 3000)}
    audio = Held(0.4 * (tones[500] + tones[3000])[None], rate)
    rows = torch.arange(CONFIG.window // 2 + 2) * CONFIG.rate / CONFIG.window
    times = torch.arange(frames_of(2.0)) * CONFIG.hop / CONFIG.rate
    low, early = rows < 1500, times < 1.0
    masks = torch.stack([low[:, None] & early, ~low[:, None] & ~early]).float()
    stems = separated(audio, masks)[:, 0]
    edge = rate // 8
    for stem, hz, active in (
        (0, 500, slice(edge, rate - edge)),
        (1, 3000, slice(rate + edge, -edge)),
    ):
        expected = torch.zeros(2 * rate)
        expected[active] = 0.4 * tones[hz][active]
        assert (stems[stem, active] - expected[active]).abs().max() < 5e-3
    assert stems[0, rate + edge :].abs().max() < 5e-3
    assert stems[1, : rate - edge].abs().max() < 5e-3


def test_what_lies_above_follows_the_highest_band():
    rate = 44100
    high = 0.3 * torch.sin(2 * torch.pi * 12_000 * torch.arange(rate) / rate)
    audio = Held(high[None], rate)
    masks = torch.zeros(2, CONFIG.window // 2 + 2, frames_of(1.0))
    masks[0, -1], masks[1, :-1] = 0.75, 1.0
    stems = separated(audio, masks)[:, 0]
    middle = slice(rate // 8, -rate // 8)
    assert torch.allclose(stems[0, middle], 0.75 * high[middle], atol=1e-3)
    assert stems[1, middle].abs().max() < 1e-3


def test_above_weighs_by_the_mixtures_energy():
    spectra = Spectra(CONFIG)
    t = torch.arange(CONFIG.samples) / CONFIG.rate
    magnitude = spectra.stft(torch.sin(2 * torch.pi * 4200 * t)[None]).abs()
    rows = torch.arange(magnitude.shape[1]) * CONFIG.rate / CONFIG.window
    masks = torch.stack([(rows - 4200).abs() < 60, (rows - 4200).abs() >= 60]).float()
    got = above(masks[None, :, :, None].expand(-1, -1, -1, magnitude.shape[-1]), magnitude)
    assert got.shape == (1, 2, 1, magnitude.shape[-1])
    assert got[0, 0, 0, 4:-4].min() > 0.95
    assert torch.allclose(got.sum(1), torch.ones(1), atol=1e-4)
    even = above(torch.full((1, 1, 512, 8), 0.4), torch.zeros(1, 512, 8))  # silence
    assert torch.allclose(even, torch.tensor(0.4))


def test_a_stage_duet_comes_apart_at_its_own_rate_by_its_true_masks():
    from sensorium.worlds import stage

    episode = stage.compose(2, 8.0, ("violin", "marimba"))
    rate = 32000
    tracks = torch.from_numpy(stage.Sounds(episode, rate).tracks)
    spectra = Spectra(CONFIG)
    low = torch.from_numpy(stage.Sounds(episode, CONFIG.rate).tracks).mean(1)
    magnitude = spectra.stft(low).abs()
    masks = magnitude.square() / (magnitude.square().sum(0) + 1e-9)
    whole = spectra.stft(low.sum(0)).abs()
    masks = torch.cat([masks, above(masks[None], whole[None])[0]], 1)
    stems = separated(Held(tracks.sum(0), rate), masks)[:2]
    for stem, track in zip(stems, tracks, strict=True):
        assert track.square().mean() > 1e-8
        ratio = track.square().sum() / (stem - track).square().sum()
        before = track.square().sum() / (tracks.sum(0) - track).square().sum()
        gain = 10 * float(torch.log10(ratio / before))
        assert gain > 8, gain


def test_a_file_is_read_once_and_in_order(tmp_path):
    sound = noise(2, 48_000, seed=3) * 0.5
    path = media.write_audio(tmp_path / "a.wav", sound, 48000, bits=32)
    audio = media.read(path).need_audio()
    masks = torch.full((1, CONFIG.window // 2 + 2, frames_of(1.0)), 0.5)
    own = OwnRate(audio, CONFIG, 0, 48_000, CPU)
    asked = []
    original = audio.samples
    audio.samples = lambda span: (asked.append(span), original(span))[1]
    stems = torch.cat(list(own.push(0, masks, final=True)), -1)
    assert (stems.sum(0) - sound).abs().max() < 1e-6
    assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(asked))
