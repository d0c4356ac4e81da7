"""The Sound of Motions as a system, at small size."""

from dataclasses import replace

import pytest
import torch

from sensorium.layers.unet import UNetConfig
from sensorium.optical_flow import DISFlow, FlowGrid
from sensorium.plain import from_plain, to_plain
from sensorium.sounds.motion_system import MotionsSystem, MotionsSystemConfig
from sensorium.sounds.motions import MotionNetConfig, MotionsConfig
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.view import SoundView
from sensorium.types import Span
from sensorium.worlds import stage

CONFIG = MotionsSystemConfig(
    network=MotionsConfig(
        trunk="resnet_tiny",
        width=0.25,
        motion=MotionNetConfig((6, 8), (2, 1), (1, 1), (3, 3)),
        pixels=3.0,
        channels=10,
        sound=UNetConfig(4, 4, 1, time_levels=2),
    ),
    spectra=SpectraConfig(window=510, hop=255, bins=32, frames=32),
    view=SoundView(size=32, fps=12.0, frames=9, stride=1),
    flow=FlowGrid(DISFlow("ultrafast", least=64), stride=2),
    bands=8,
    trunk_rate=1.0,
    classes=("violin", "drum"),
)


def _system(config=CONFIG):
    torch.manual_seed(0)
    return MotionsSystem(config).eval()


def _batch(sources=2):
    rng = torch.Generator().manual_seed(1)
    waves = 0.1 * torch.randn(2, sources, CONFIG.spectra.samples, generator=rng)
    shape = (2, sources, 9, 3, 32, 32)
    frames = torch.randint(0, 256, shape, generator=rng, dtype=torch.uint8)
    return {"waves": waves, "frames": frames, "label": torch.zeros(2, sources, dtype=torch.long)}


def test_looks_at_flow_of_the_window_s_pictures():
    system = _system()
    clip = stage.clip(stage.compose(3, 4.0), 48, 64, 24.0)
    sight = system.look(clip.need_video(), Span(1.0, 1.75))
    assert sight["frames"].shape == (9, 3, 32, 32)
    assert sight["flow"].shape == (8, 2, 16, 16)
    assert sight["flow"].dtype == torch.float16
    assert float(sight["flow"].abs().max()) > 0.05


def test_given_flow_is_taken_and_missing_flow_is_searched():
    system, batch = _system(), _batch()
    searched = system._sources(batch)
    flow = torch.stack(
        [torch.stack([CONFIG.flow(clip) for clip in row]) for row in batch["frames"]]
    )
    assert searched.shape == (2, 2, 10, 8)
    assert torch.allclose(searched, system._sources({**batch, "flow": flow}), atol=1e-5)
    still = system._sources({**batch, "flow": torch.zeros_like(flow)})
    assert not torch.allclose(searched, still)


def test_separates_every_source_at_once_and_alone():
    system, batch = _system(), _batch(3)
    for layer in (system.network.film.gamma, system.network.film.beta):
        torch.nn.init.normal_(layer.weight)
    estimates = system.separate(batch)
    assert estimates.shape == batch["waves"].shape
    spectrum = system.spectra.stft(batch["waves"].sum(1))
    heard = system.hear(spectrum.abs())
    visual = system._sources(batch)
    masks = system.masks(visual[:, 2:], heard)
    alone = system.spectra.istft((masks[:, 0] > 0.5) * spectrum, batch["waves"].shape[-1])
    assert torch.allclose(estimates[:, 2], alone, atol=1e-5)


def test_a_region_s_feature_is_the_maximum_in_it_at_each_moment():
    system, batch = _system(), _batch()
    maps = system.see({"frames": batch["frames"][:, 0]})
    region = torch.zeros(2, 1, *maps.shape[-2:], dtype=torch.bool)
    region[..., 1:3, 2:] = True
    assert torch.equal(system.pool(maps, region)[:, 0], maps[..., 1:3, 2:].amax((-2, -1)))


def test_the_loss_is_the_mask_s_and_a_share_of_what_is_foretold():
    system, batch = _system(), _batch()
    losses = {name: value.detach() for name, value in system.losses(batch).items()}
    assert float(losses["loss"]) == pytest.approx(
        float(losses["mask"] + 0.1 * losses["foretold"]), rel=1e-5
    )
    plain = _system(replace(CONFIG, foretell=0.0))
    plain.load_state_dict(system.state_dict())
    without = plain.losses(batch)
    assert set(without) == {"loss", "mask"}
    assert torch.allclose(without["mask"], losses["mask"], atol=1e-5)


def test_coarse_spectra_are_means_of_powers():
    system = _system()
    sources = torch.rand(1, 2, 256, 48)
    got = system.coarse_spectra(sources)
    power = system.spectra.warp(sources).square()  # 32 rows: 4 a band; 48 frames: 2 a step
    slow = power.unflatten(2, (8, 4)).unflatten(4, (24, 2)).mean((3, 5))
    assert torch.allclose(got, (slow + 1e-3).log() / 3 + 1, atol=1e-5)


def _moving_batch():
    """Noise in which either source is heard in one half of the window, and moves while it is."""
    batch = _batch()
    batch["flow"] = torch.zeros(2, 2, 8, 2, 16, 16)
    half = batch["waves"].shape[-1] // 2
    for row in range(2):
        first = row  # the source that plays first differs, so that appearance cannot tell
        batch["waves"][row, first, half:] *= 0.01
        batch["waves"][row, 1 - first, :half] *= 0.01
        batch["flow"][row, first, :4] = 2.0
        batch["flow"][row, 1 - first, 4:] = 2.0
    batch["frames"] = batch["frames"][:1, :1].expand_as(batch["frames"]).contiguous()
    return batch


def test_learns_who_moves_when_it_sounds():
    torch.manual_seed(0)
    system, batch = MotionsSystem(CONFIG).train(), _moving_batch()
    optimiser = torch.optim.AdamW(system.parameters(), 5e-3)
    for _ in range(60):
        losses = system.losses(batch)
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
    chance = 0.5 * float(
        system.spectra.importance(system.spectra.stft(batch["waves"].sum(1)).abs()).mean()
    )
    system.train()  # the statistics of two mixtures would be poor ones
    got = float(system.losses(batch)["mask"].detach())
    with system.network.ablated(["motion"]):
        blind = float(system.losses(batch)["mask"].detach())
    assert got < chance < 1.2 * blind


def test_features_can_be_taken_away():
    system, batch = _system(), _batch()
    whole = system._sources(batch)
    with system.network.ablated(["motion"]):
        still = system._sources(batch)
    assert not torch.allclose(whole, still)
    assert torch.equal(whole, system._sources(batch))
    with system.network.ablated(["time"]):
        assert system._sources(batch).shape[-1] == 1


@pytest.mark.parametrize("cue", ["picture", "frames", "flow"])
def test_other_cues(cue):
    system = _system(replace(CONFIG, network=replace(CONFIG.network, cue=cue)))
    clip = stage.clip(stage.compose(3, 4.0), 48, 64, 24.0)
    sight = system.look(clip.need_video(), Span(1.0, 1.75))
    assert ("flow" in sight) == (cue == "flow")
    assert torch.isfinite(system.losses(_batch())["loss"])


def test_every_parameter_is_in_one_group_and_the_trunks_are_slower():
    system = _system(replace(CONFIG, trunk_rate=0.1))
    groups = system.parameter_groups()
    ids = [id(p) for g in groups for p in g["params"]]
    assert len(ids) == len(set(ids)) == len(list(system.parameters()))
    assert groups[1]["lr_factor"] == 0.1
    assert id(system.network.motion.convs[0].weight) in {id(p) for p in groups[1]["params"]}


def test_config_is_plain():
    assert from_plain(MotionsSystemConfig, to_plain(CONFIG)) == CONFIG
