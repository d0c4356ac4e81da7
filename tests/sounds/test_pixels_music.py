"""The recipe with the released settings, made small, on a prepared folder."""

from dataclasses import replace

import pytest
import torch

from sensorium.layers.resnet import ResNet
from sensorium.layers.unet import UNetConfig
from sensorium.sounds.datasets.kinds import read_listing
from sensorium.sounds.datasets.prepared import Form
from sensorium.sounds.preparing import prepare
from sensorium.sounds.recipes import RECIPES
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.systems import PixelsSystem
from sensorium.sounds.view import SoundView
from sensorium.store import load
from sensorium.training import fit
from sensorium.training.building import build


@pytest.fixture
def recipe(make, tmp_path):
    """``pixels-music`` with two steps of two mixtures of eight prepared films."""
    for label in ("cello", "flute"):
        for k in range(4):
            make.film(f"own/{label}/{k}.mp4", 1.0, hz=300.0 + 100 * k)
    list(prepare(read_listing(tmp_path / "own"), tmp_path / "ready", Form(size=24), workers=1))
    full = RECIPES["pixels-music"]()
    data = replace(
        full.data,
        root=tmp_path / "ready",
        spectra=SpectraConfig(bins=32, frames=32),
        view=replace(full.data.view, size=32, frames=2, stride=2),
        length=4,
        held_out=2,
    )
    sound = UNetConfig(levels=3, width=4, channels=5)
    network = replace(full.system.network, trunk="resnet_tiny", width=0.5, sound=sound)
    return replace(
        full,
        data=data,
        system=replace(full.system, network=network),
        stages=(replace(full.stages[0], steps=2),),
        batch=2,
        workers=0,
        init=None,
    )


def test_the_released_settings():
    recipe = RECIPES["pixels-music"]()
    (stage,) = recipe.stages
    assert (stage.steps, recipe.batch, recipe.init) == (53_500, 80, "hf://timm/resnet18.tv_in1k")
    assert (stage.optimiser.kind, stage.optimiser.lr, stage.optimiser.momentum) == (
        "sgd",
        1e-3,
        0.9,
    )
    assert (stage.optimiser.weight_decay, stage.optimiser.clip_norm) == (1e-4, 0.0)
    assert (stage.schedule.milestones, stage.schedule.gamma) == ((0.4, 0.8), 0.1)
    assert stage.steps * recipe.batch == 100 * recipe.data.length
    system = recipe.system
    assert (system.mask, system.weighted, system.trunk_rate) == ("half", True, 0.1)
    assert (system.spectra, system.view) == (SpectraConfig(), SoundView())
    assert recipe.data.spectra.samples == 65535
    assert (recipe.data.view.size, recipe.data.view.frames, recipe.data.view.stride) == (224, 3, 24)


def test_it_trains_on_a_prepared_folder(recipe, tmp_path):
    before = dict(build(recipe).named_parameters())
    steps = list(fit(recipe, tmp_path / "run", device="cpu"))
    assert [step.number for step in steps] == [1, 2]
    assert steps[0].losses["loss"] > 0
    trained = load(tmp_path / "run")
    assert trained.config.classes == ("cello", "flute")
    changed = {n for n, p in trained.named_parameters() if not torch.equal(p, before[n])}
    for part in ("video.trunk", "video.last", "sound", "synthesizer"):
        assert any(name.startswith(f"network.{part}") for name in changed)


def test_a_plain_resnet_becomes_the_trunk(recipe, tmp_path):
    from safetensors.torch import save_file

    trunk: ResNet = build(recipe).network.video.trunk
    torch.manual_seed(5)
    state = {name: torch.randn_like(v.float()).to(v) for name, v in trunk.state_dict().items()}
    state |= {"fc.weight": torch.zeros(10, 8), "fc.bias": torch.zeros(10)}
    save_file(state, tmp_path / "resnet.safetensors")
    system = build(replace(recipe, init=str(tmp_path / "resnet.safetensors")))
    taken = system.network.video.trunk.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in taken.items())
    anew = build(recipe)
    assert torch.equal(system.network.video.last.weight, anew.network.video.last.weight)


def test_weights_of_the_same_system_are_taken_without_what_is_familiar(recipe):
    config = recipe.data.adapt(recipe.system)
    torch.manual_seed(1)
    one, other = PixelsSystem(config), PixelsSystem(config)
    one.prototypes += 1.0
    other.start_from(one.state_dict())
    ours, theirs = dict(one.named_parameters()), dict(other.named_parameters())
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not other.prototypes.any()
    with pytest.raises(ValueError, match="none of the 1 given tensors fits"):
        other.start_from({"elsewhere": torch.zeros(3)})
