"""Audio tensors against slow or independent versions (SciPy, grid_sample, loops)."""

import math

import numpy as np
import pytest
import scipy.signal
import torch
import torch.nn.functional as F

from sensorium import signals
from sensorium.signals import STFT, LogFrequency


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


# --- short-time Fourier transform -----------------------------------------------------------------


def spectrum_by_hand(wave: np.ndarray, window: int, hop: int) -> np.ndarray:
    """Frame ``t`` is centred on sample ``t * hop``; ends by reflection; raw magnitudes."""
    padded = np.pad(wave.astype(np.float64), window // 2, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)  # periodic
    frames = [
        np.fft.rfft(hann * padded[t * hop : t * hop + window]) for t in range(1 + len(wave) // hop)
    ]
    return np.stack(frames, 1)


@pytest.mark.parametrize(("window", "hop", "samples"), [(64, 16, 300), (62, 31, 311), (8, 3, 50)])
def test_the_transform_is_the_textbook_s(window, hop, samples):
    wave = noise(samples)
    got = STFT(window, hop)(wave)
    expected = spectrum_by_hand(wave.numpy(), window, hop)
    assert got.shape == (window // 2 + 1, 1 + samples // hop)
    np.testing.assert_allclose(got.numpy(), expected, atol=2e-5)


def test_the_papers_window_gives_512_rows_and_256_frames():
    transform = STFT()
    assert (transform.window, transform.hop, transform.rows) == (1022, 256, 512)
    assert transform.frames(65_535) == 256
    assert transform(torch.zeros(65_535)).shape == (512, 256)


def test_inside_it_agrees_with_scipy():
    wave = noise(4000)
    window = scipy.signal.windows.hann(1022, sym=False)
    _, _, theirs = scipy.signal.stft(
        wave.numpy(), window=window, nperseg=1022, noverlap=1022 - 256, boundary=None, padded=False
    )
    ours = STFT()(wave)[:, 2:-2]  # frames that need no padding
    first = 2 * 256 - 511  # sample at which ours begin
    _, _, theirs = scipy.signal.stft(
        wave.numpy()[first:], window=window, nperseg=1022, noverlap=766, boundary=None, padded=False
    )
    theirs = theirs[:, : ours.shape[1]] * window.sum()  # SciPy divides by the window's sum
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-3)


@pytest.mark.parametrize("samples", [600, 4095, 4096, 5000])
def test_the_inverse_is_exact(samples):
    transform = STFT(1022, 256)
    waves = noise(2, 3, samples)
    back = transform.inverse(transform(waves), samples)
    assert back.shape == waves.shape
    torch.testing.assert_close(back, waves, atol=2e-6, rtol=0)


def test_batches_are_transformed_one_by_one():
    transform = STFT(64, 16)
    waves = noise(2, 3, 200)
    together = transform(waves)
    assert together.shape == (2, 3, 33, 13)
    torch.testing.assert_close(together[1, 2], transform(waves[1, 2]))


def test_half_precision_waves_are_transformed_in_single():
    assert STFT(64, 16)(noise(200).to(torch.bfloat16)).dtype == torch.complex64


@pytest.mark.parametrize(("window", "hop"), [(1022, 512), (63, 16), (64, 0), (0, 1)])
def test_frames_that_cannot_be_put_together_are_refused(window, hop):
    with pytest.raises(ValueError, match=f"got window {window} and hop {hop}") as caught:
        STFT(window, hop)
    assert "\n" not in str(caught.value)


def test_the_sparsest_allowed_hop_is_still_well_conditioned():
    """Errors made in the spectrum must not be amplified by window sums near zero."""
    transform = STFT(1022, 511)
    wave = noise(8 * 1022)
    spectrum = transform(wave)
    disturbed = spectrum * (1 + 0.01 * noise(*spectrum.shape, seed=1))
    error = transform.inverse(disturbed, len(wave)) - wave
    assert float(error[1022:-1022].abs().max()) < 0.1


def test_too_few_samples_are_one_line():
    with pytest.raises(ValueError, match=r"more than 511 samples, got 511; pad with zeros"):
        STFT()(torch.zeros(511))


# --- log-frequency axis ---------------------------------------------------------------------------


def on_a_grid(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """`grid_sample` with the published kind of grid: ``rows`` in -1..1, time as it is."""
    columns = torch.linspace(-1, 1, x.shape[-1])
    grid = torch.stack(torch.broadcast_tensors(columns[None, :], rows[:, None]), -1)
    grid = grid.expand(x.shape[0], -1, -1, -1)
    return F.grid_sample(x, grid, mode="bilinear", align_corners=True)


@pytest.mark.parametrize(("rows", "bins"), [(512, 256), (512, 128), (33, 64)])
def test_warp_and_unwarp_are_grid_sampling_on_the_published_grid(rows, bins):
    axis = LogFrequency(rows, bins)
    x = noise(2, 3, rows, 10) + 1
    t = torch.linspace(0, 1, bins, dtype=torch.float64)
    expected = on_a_grid(x, ((21**t - 11) / 10).float())
    torch.testing.assert_close(axis.warp(x), expected, atol=3e-4, rtol=0)
    y = torch.linspace(-1, 1, rows, dtype=torch.float64)
    warped = noise(2, 3, bins, 10, seed=1)
    expected = on_a_grid(warped, (2 * torch.log(10 * y + 11) / math.log(21) - 1).float())
    torch.testing.assert_close(axis.unwarp(warped), expected, atol=3e-4, rtol=0)


def test_the_corners_of_both_axes_agree():
    axis = LogFrequency(512, 256)
    ramp = torch.arange(512.0)[:, None].expand(-1, 2)
    log = axis.warp(ramp)
    assert log[0, 0] == 0.0
    assert float(log[-1, 0]) == pytest.approx(511.0, abs=1e-3)
    assert float(log[1, 0] - log[0, 0]) == pytest.approx(0.306, abs=0.01)  # oversampled 3.3 times
    assert float(log[-1, 0] - log[-2, 0]) == pytest.approx(6.4, abs=0.4)
    torch.testing.assert_close(axis.unwarp(log), ramp, atol=0.05, rtol=0)


def test_a_smooth_spectrum_survives_the_way_there_and_back():
    axis = LogFrequency(512, 256)
    f = torch.linspace(0, 1, 512)[:, None]
    smooth = torch.cat([torch.sin(7 * f), torch.exp(-6 * f), f**2], 1)
    torch.testing.assert_close(axis.unwarp(axis.warp(smooth)), smooth, atol=2e-3, rtol=0)


def test_halves_keep_their_type():
    axis = LogFrequency(33, 16)
    assert axis.warp(torch.ones(33, 4, dtype=torch.float64)).dtype == torch.float64
    assert axis.warp(torch.ones(33, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16


def a_duet(seed: int) -> torch.Tensor:
    """Two harmonic voices with notes of their own, ``[2, 65535]``."""
    rng = np.random.default_rng(seed)
    time = np.arange(12_000) / 11_025  # of one note
    voices = np.zeros((2, 65_535))
    for voice, slope in zip(voices, (1.0, 2.0), strict=True):
        for onset in range(0, 53_000, 5_500):
            f0 = 440 * 2 ** ((rng.integers(48, 73) - 69) / 12)
            k = np.arange(1, int(5000 / f0))[:, None]
            phase = rng.uniform(0, 2 * np.pi, k.shape)
            partials = k**-slope * np.sin(2 * np.pi * k * f0 * time + phase)
            voice[onset : onset + 12_000] += np.exp(-4 * time) * partials.sum(0)
        voice *= 0.2 / np.abs(voice).max()
    return torch.tensor(voices, dtype=torch.float32)


def oracle_sdr(waves: torch.Tensor, warp, unwarp) -> float:
    """Mean SDR in dB of masks that know the sources, made on the warped axis."""
    transform = STFT()
    sources, mixture = transform(waves).abs(), transform(waves.sum(0))
    masks = (unwarp(signals.dominance_masks(warp(sources))) > 0.5).float()
    error = transform.inverse(masks * mixture, waves.shape[-1]) - waves
    return float((10 * (waves.square().sum(-1) / error.square().sum(-1)).log10()).mean())


def shifted(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """What `grid_sample` does with the published grid when the corners are not aligned."""
    columns = torch.linspace(-1, 1, x.shape[-1])
    grid = torch.stack(torch.broadcast_tensors(columns[None, :], rows[:, None]), -1)[None]
    return F.grid_sample(x[None], grid, mode="bilinear", align_corners=False)[0]


def test_the_best_mask_loses_little_on_the_log_axis_and_more_without_aligned_corners():
    axis = LogFrequency(512, 256)
    t, y = torch.linspace(0, 1, 256), torch.linspace(-1, 1, 512)
    down, up = (21**t - 11) / 10, 2 * torch.log(10 * y + 11) / math.log(21) - 1
    linear, log, wrong = [], [], []
    for seed in range(4):
        waves = a_duet(seed)
        linear.append(oracle_sdr(waves, lambda x: x, lambda x: x))
        log.append(oracle_sdr(waves, axis.warp, axis.unwarp))
        wrong.append(oracle_sdr(waves, lambda x: shifted(x, down), lambda x: shifted(x, up)))
    assert np.mean(log) > np.mean(linear) - 1.0
    assert np.mean(log) > np.mean(wrong) + 1.0


# --- masks ----------------------------------------------------------------------------------------


def test_dominance_is_a_partition():
    sources = noise(2, 3, 20, 10).abs() + 0.01
    masks = signals.dominance_masks(sources)
    assert torch.equal(masks.sum(1), torch.ones(2, 20, 10))
    assert torch.equal(masks.argmax(1), sources.argmax(1))


def test_dominance_at_ties_and_in_silence():
    sources = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 2.0]])[:, :, None]  # [S, F, T]
    assert signals.dominance_masks(sources)[..., 0].tolist() == [[1, 0, 0], [1, 0, 1]]


def test_the_half_rule_is_not_a_partition():
    sources = torch.tensor([[3.0, 1.0, 1.0], [3.0, 1.0, 0.2]])[:, :, None]
    mixture = torch.tensor([1.0, 4.0, 1.2])[:, None]  # phases cancel, add, add
    assert signals.half_masks(sources, mixture)[..., 0].tolist() == [[1, 0, 1], [1, 0, 0]]
    exactly_half = signals.half_masks(torch.ones(1, 1, 1), torch.full((1, 1), 2.0))
    assert float(exactly_half) == 0.0


def test_ratios_are_clamped_and_finite():
    sources = torch.tensor([[0.5, 9.0, 0.0, 1.0]])[:, :, None]
    mixture = torch.tensor([1.0, 1.0, 0.0, 0.0])[:, None]
    assert signals.ratio_masks(sources, mixture)[0, :, 0].tolist() == [0.5, 5.0, 0.0, 5.0]
    assert float(signals.ratio_masks(sources, mixture, most=2.0).max()) == 2.0


# --- mixing, resampling, overlap-add --------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_mixtures_never_clip_and_are_the_sum_of_their_parts(count):
    sources = noise(count, 500)
    gains = torch.linspace(0.5, 1.5, count)
    parts = signals.mix(sources, gains)
    assert float(parts.sum(0).abs().max()) <= 1.0 + 1e-6
    raw = sources * gains[:, None] / count
    ratio = parts / raw
    torch.testing.assert_close(ratio, ratio.flatten()[0].expand_as(ratio), atol=1e-4, rtol=1e-4)
    assert float(ratio.max()) <= 1.0 + 1e-6


def test_quiet_mixtures_are_left_as_loud_as_they_are():
    sources = noise(2, 100)
    parts = signals.mix(sources, torch.tensor([1.0, 0.5]))
    torch.testing.assert_close(parts, sources * torch.tensor([[0.5], [0.25]]))
    loud = signals.mix(torch.ones(2, 10), torch.tensor([3.0, 1.0]))
    torch.testing.assert_close(loud.sum(0), torch.ones(10))
    torch.testing.assert_close(loud[0], 3 * loud[1])


def test_a_mixture_of_nothing_is_silent():
    assert torch.equal(signals.mix(torch.zeros(2, 5), torch.ones(2)), torch.zeros(2, 5))


@pytest.mark.parametrize(
    ("rate", "new_rate"), [(44_100, 11_025), (48_000, 11_025), (8_000, 11_025), (11_025, 96_000)]
)
@pytest.mark.parametrize("samples", [0, 1, 1000, 1001])
def test_lengths_after_resampling(rate, new_rate, samples):
    out = signals.resample(noise(2, samples), rate, new_rate)
    assert out.shape == (2, round(samples * new_rate / rate))
    assert out.dtype == torch.float32


def test_a_tone_stays_the_tone_and_what_is_too_high_goes():
    def tone(rate, hertz):
        time = torch.arange(rate, dtype=torch.float64) / rate
        return torch.sin(2 * math.pi * hertz * time).float()[None]

    low = signals.resample(tone(44_100, 440), 44_100, 11_025)
    torch.testing.assert_close(low[:, 500:-500], tone(11_025, 440)[:, 500:-500], atol=2e-3, rtol=0)
    high = signals.resample(tone(44_100, 9_000), 44_100, 11_025)
    assert float(high[:, 2000:-2000].abs().max()) < 1e-4


def test_the_same_rate_changes_nothing():
    wave = noise(1, 77)
    assert signals.resample(wave, 8000, 8000) is wave


@pytest.mark.parametrize(("rate", "new_rate"), [(0, 8000), (8000, -1)])
def test_impossible_rates_are_one_line(rate, new_rate):
    with pytest.raises(ValueError, match=f"must be positive, got {rate} and {new_rate} Hz"):
        signals.resample(noise(1, 10), rate, new_rate)


@pytest.mark.parametrize(("count", "length", "hop"), [(1, 7, 3), (4, 6, 3), (5, 4, 4), (3, 2, 5)])
def test_overlap_add_is_a_loop(count, length, hop):
    windows = noise(2, 3, count, length)
    expected = torch.zeros(2, 3, (count - 1) * hop + length)
    for w in range(count):
        expected[..., w * hop : w * hop + length] += windows[..., w, :]
    torch.testing.assert_close(signals.overlap_add(windows, hop), expected)


def test_silence_is_below_80_db():
    waves = torch.stack([torch.zeros(100), torch.full((100,), 5e-5), torch.full((100,), 2e-4)])
    assert signals.silent(waves).tolist() == [True, True, False]
    assert signals.silent(waves[2], level=1e-3)


# --- devices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [STFT(64, 16), LogFrequency(33, 16)], ids=["stft", "axis"])
def test_buffers_move_with_the_module_and_are_not_saved(module):
    assert module.state_dict() == {}
    moved = module.to("meta")
    assert {buffer.device.type for buffer in moved.buffers()} == {"meta"}
    assert list(moved.buffers())
