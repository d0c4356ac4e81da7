"""The signal path of the systems: sizes, targets, weights, axes."""

from dataclasses import replace

import pytest
import torch

from sensorium.sounds.spectra import Spectra, SpectraConfig

SMALL = SpectraConfig(rate=8000, window=126, hop=32, bins=32, frames=16)


def test_the_papers_window():
    config = SpectraConfig()
    assert (config.samples, config.rows) == (65_535, 256)
    assert config.seconds == pytest.approx(5.944, abs=1e-3)


@pytest.mark.parametrize("frames", [16, 64, 256])
def test_a_window_of_sound_has_its_number_of_frames(frames):
    config = SpectraConfig(frames=frames)
    assert Spectra(config).stft(torch.zeros(2, config.samples)).shape == (2, 512, frames)
    more = torch.zeros(2, config.samples + 1)
    assert Spectra(config).stft(more).shape[-1] == frames + 1


@pytest.mark.parametrize(("window", "rows"), [(1022, 512), (1024, 512), (126, 64)])
def test_the_linear_axis_has_an_even_number_of_rows(window, rows):
    spectra = Spectra(SpectraConfig(window=window, hop=window // 4, bins=0))
    assert spectra.config.rows == rows
    x = torch.rand(1, window // 2 + 1, 4)
    warped = spectra.warp(x)
    assert torch.equal(warped, x[:, :rows])
    back = spectra.unwarp(warped)
    assert back.shape == x.shape
    assert torch.equal(back[:, :rows], x[:, :rows])
    assert torch.equal(back[:, -1], back[:, rows - 1])


def test_the_network_hears_the_natural_logarithm_also_of_silence():
    spectra = Spectra(SMALL)
    heard = spectra.log_magnitude(torch.full((1, 64, 16), 2.0))
    torch.testing.assert_close(heard, torch.full((1, 1, 32, 16), 2.0).log())
    silence = spectra.log_magnitude(torch.zeros(1, 64, 16))
    torch.testing.assert_close(silence, torch.full((1, 1, 32, 16), 1e-10).log())


@pytest.mark.parametrize("kind", ["dominance", "half", "ratio"])
def test_targets_are_taken_after_warping(kind):
    spectra = Spectra(SMALL)
    sources = torch.rand(2, 3, 64, 16)
    mixture = sources.sum(1)
    got = spectra.targets(sources, mixture, kind)
    warped, mixed = spectra.warp(sources), spectra.warp(mixture)
    if kind == "dominance":
        expected = (warped == warped.amax(1, keepdim=True)).float()
    elif kind == "half":
        expected = (warped > 0.5 * mixed[:, None]).float()
    else:
        expected = (warped / mixed[:, None]).clamp(0, 5)
    torch.testing.assert_close(got, expected)


def test_the_weight_of_bins_has_the_scale_of_raw_magnitudes():
    """``log(1 + |X|)`` of a full-scale tone is far from both ends of 0.001..10."""
    spectra = Spectra(SpectraConfig())
    time = torch.arange(65_535) / 11_025
    tone = torch.sin(2 * torch.pi * 1000 * time)[None]
    weight = spectra.importance(spectra.stft(tone).abs())
    assert float(weight.max()) == pytest.approx(torch.tensor(1 + 1022 / 4).log().item(), abs=0.3)
    assert float(weight.min()) >= 1e-3
    assert float(spectra.importance(torch.zeros(1, 512, 4)).max()) == pytest.approx(1e-3)
    assert float(spectra.importance(torch.full((1, 512, 4), 1e9)).min()) == 10.0


def test_waves_come_back():
    spectra = Spectra(SMALL)
    waves = torch.rand(2, 3, 500) - 0.5
    back = spectra.istft(spectra.stft(waves), 500)
    torch.testing.assert_close(back, waves, atol=1e-5, rtol=0)


def test_nothing_is_saved_and_all_moves():
    spectra = Spectra(SMALL)
    assert spectra.state_dict() == {}
    assert {b.device.type for b in spectra.to("meta").buffers()} == {"meta"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("hop", 64), ("hop", 0), ("window", 127), ("window", 0), ("frames", 1), ("rate", 0)],
)
def test_what_cannot_be_put_together_again_is_refused_in_one_line(field, value):
    with pytest.raises(ValueError, match=f"^spectra: got .*{field} {value}.* expected") as caught:
        replace(SMALL, **{field: value})
    assert "\n" not in str(caught.value)
    assert replace(SMALL, hop=63).hop == 63
