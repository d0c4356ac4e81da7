"""What the systems for sound share: pooling over regions, and the loss."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from sensorium.training import recipe
from sensorium.training.building import build


def test_pooling_takes_the_maximum_of_a_region_and_zeros_of_an_empty_one():
    system = build(recipe("motions-tiny"))
    maps = torch.randn(1, 3, 2, 4, 5)
    regions = torch.zeros(1, 2, 4, 5, dtype=torch.bool)
    regions[0, 0, 1, 2:4] = True
    pooled = system.pool(maps, regions)
    assert torch.equal(pooled[0, 0], maps[0, :, :, 1, 2:4].amax(-1))
    assert torch.equal(pooled[0, 1], torch.zeros(3, 2))
    assert torch.equal(system.pool(maps)[0, 0], maps[0].amax((-2, -1)))


@pytest.mark.parametrize("name", ["pixels-tiny", "motions-tiny"])
@pytest.mark.parametrize("weighted", [True, False])
@torch.no_grad()
def test_the_loss_is_the_papers_written_out(name, weighted):
    made = recipe(name)
    system = build(replace(made, system=replace(made.system, weighted=weighted))).eval()
    examples = made.data.open("val")
    batch = {k: v[None] for k, v in examples.example(0, 0).items()}
    waves, spectra = batch["waves"], system.spectra
    magnitudes = spectra.warp(spectra.stft(waves).abs())
    target = (magnitudes == magnitudes.amax(1, keepdim=True)).float()
    mixture = spectra.stft(waves.sum(1)).abs()
    logits = system.logits(system._sources(batch), system.hear(mixture))
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    if weighted:
        loss = loss * (1 + spectra.warp(mixture)).log().clamp(1e-3, 10.0)[:, None]
    losses = system.losses(batch)
    assert float(losses["mask"]) == pytest.approx(float(loss.mean()), rel=1e-4)
    further = {n: float(v) for n, v in losses.items() if n not in ("loss", "mask")}
    shares = {"foretold": getattr(system.config, "foretell", 0.0)}
    total = float(losses["mask"]) + sum(shares[n] * v for n, v in further.items())
    assert float(losses["loss"]) == pytest.approx(total, rel=1e-6)
    assert set(further) == ({"foretold"} if name == "motions-tiny" else set())
