"""The audio-only network and spectral regression."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
import torch

from sensorium.layers.unet import UNetConfig
from sensorium.sounds.baselines import (
    AudioOnlyConfig,
    AudioOnlySystem,
    RegressionConfig,
    RegressionSystem,
    best_permutation,
)
from sensorium.sounds.metrics import si_sdr
from sensorium.sounds.pixels import PixelsConfig
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.view import SoundView
from sensorium.store import Card, load, save
from sensorium.system import Batch, System
from sensorium.types import Clip, FrameVideo

SPECTRA = SpectraConfig(window=256, hop=64, bins=0, frames=32)  # tones fall between log rows
SOUND = UNetConfig(levels=4, width=8, channels=2)
CLASSES = ("low", "high")


def audio_only(**fields: object) -> AudioOnlySystem:
    torch.manual_seed(0)
    config = AudioOnlyConfig(SOUND, published_init=False, spectra=SPECTRA, classes=CLASSES)
    return AudioOnlySystem(replace(config, **fields))  # type: ignore[arg-type]


def regression() -> RegressionSystem:
    torch.manual_seed(0)
    network = PixelsConfig("resnet_tiny", 0.5, sound=replace(SOUND, channels=6))
    network = replace(network, published_init=False)
    view = SoundView(size=32, frames=2, stride=4)
    return RegressionSystem(RegressionConfig(network, SPECTRA, view, classes=CLASSES))


def tones(count: int = 4, swap: bool = False) -> Batch:
    """Mixtures of a low and a high tone, each with its own colour."""
    time = torch.arange(SPECTRA.samples) / SPECTRA.rate
    rng = torch.Generator().manual_seed(1)
    waves, frames = [], []
    for _ in range(count):
        pitch = [p * (1 + 0.3 * float(torch.rand(1, generator=rng))) for p in (300, 1500)]
        waves.append(torch.stack([0.2 * torch.sin(6.2832 * p * time) for p in pitch]))
        colours = torch.tensor([[220, 20, 20], [20, 20, 220]], dtype=torch.uint8)
        frames.append(colours[:, None, :, None, None].expand(2, 2, 3, 32, 32))
    batch = {"waves": torch.stack(waves), "frames": torch.stack(frames)}
    batch["label"] = torch.tensor([[0, 1]]).expand(count, 2)
    return {key: value.flip(1) for key, value in batch.items()} if swap else batch


def trained(system: System, steps: int = 60) -> System:
    optimiser = torch.optim.AdamW(system.train().parameters(), lr=5e-3)
    batches = [tones(), tones(swap=True)]
    for step in range(steps):
        optimiser.zero_grad()
        system.losses(batches[step % 2])["loss"].backward()
        optimiser.step()
    return system.eval()


def test_best_permutation_is_that_of_trying_all() -> None:
    error = torch.rand(5, 3, 3, generator=torch.Generator().manual_seed(0))
    least, order = best_permutation(error)
    for b in range(5):
        tried = {
            p: sum(float(error[b, p[s], s]) for s in range(3)) / 3 for p in permutations(range(3))
        }
        best = min(tried, key=lambda p: tried[p])
        assert tuple(order[b].tolist()) == best
        assert float(least[b]) == pytest.approx(tried[best])


@pytest.mark.parametrize("mask", ["dominance", "half", "ratio"])
def test_the_order_of_sources_does_not_matter_to_the_audio_only_loss(mask: str) -> None:
    system = audio_only(mask=mask).eval()
    with torch.no_grad():
        one, other = system.losses(tones())["loss"], system.losses(tones(swap=True))["loss"]
    assert float(one) == pytest.approx(float(other), rel=1e-5)


def test_audio_only_learns_to_separate_but_not_whose_is_whose() -> None:
    system = trained(audio_only())
    assert isinstance(system, AudioOnlySystem)
    batch = tones()
    estimates = system.separate(batch)
    there, swapped = si_sdr(batch["waves"], estimates), si_sdr(batch["waves"], estimates.flip(1))
    assert max(there.mean(), swapped.mean()) > 10
    assert min(there.mean(), swapped.mean()) < 0
    # the same mixture, its sources named the other way round, gives the same estimates
    assert torch.allclose(system.separate(tones(swap=True)), estimates, atol=1e-6)


def test_audio_only_pictures_do_not_matter() -> None:
    system, batch = audio_only().eval(), tones()
    other = {**batch, "frames": 255 - batch["frames"]}
    assert torch.equal(system.separate(batch), system.separate(other))


def test_audio_only_is_kept_and_measured(tmp_path) -> None:
    system = audio_only().eval()
    back = load(save(system, tmp_path / "kept", Card()), systems={"audio-only": AudioOnlySystem})
    assert isinstance(back, AudioOnlySystem)
    assert torch.equal(back.separate(tones()), system.separate(tones()))
    meters = system.metrics()
    system.measure(tones(), meters)
    assert float(meters["n_scored"].compute()) == 8


def test_audio_only_says_what_it_cannot_do() -> None:
    system = audio_only()
    three = torch.zeros(1, 3, SPECTRA.samples)
    with pytest.raises(ValueError, match="of 2 sources apart, got 3"):
        system.losses({"waves": three})
    clip = Clip(FrameVideo(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), 8.0), None, "odd")
    with pytest.raises(ValueError, match="odd: .* only hears"):
        system.predict(clip)


def test_regression_learns_the_magnitude_of_what_is_seen() -> None:
    system = trained(regression())
    assert isinstance(system, RegressionSystem)
    batch = tones()
    estimates = system.separate(batch)
    right, wrong = si_sdr(batch["waves"], estimates), si_sdr(batch["waves"], estimates.flip(1))
    assert right.mean() > 5
    assert wrong.mean() < 0
    # pictures the other way round, estimates the other way round
    swapped = {**batch, "frames": batch["frames"].flip(1)}
    assert torch.allclose(system.separate(swapped), estimates.flip(1), atol=1e-4)


def test_regression_loss_is_zero_for_the_right_magnitudes() -> None:
    system, batch = regression().eval(), tones()
    targets = (system.spectra.warp(system.spectra.stft(batch["waves"]).abs()) + 0.1).log()
    system.logits = lambda visual, heard: targets  # type: ignore[method-assign]
    assert float(system.losses(batch)["loss"]) == pytest.approx(0.0, abs=1e-6)
    assert si_sdr(batch["waves"], system.separate(batch)).mean() > 10


def test_regression_masks_are_shares() -> None:
    system, batch = regression().eval(), tones()
    with torch.no_grad():
        magnitude = system.spectra.stft(batch["waves"].sum(1)).abs()
        masks = system.masks(system._sources(batch), system.hear(magnitude))
    assert masks.shape == (4, 2, *magnitude.shape[1:])
    assert float(masks.min()) >= 0
    assert float(masks.max()) <= 1
