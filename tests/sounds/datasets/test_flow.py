"""Optical flow that comes with mixtures."""

from dataclasses import replace

import pytest
import torch

from sensorium.optical_flow import DISFlow, FlowGrid
from sensorium.seeds import generator
from sensorium.sounds.datasets.data import SoundData
from sensorium.sounds.datasets.mixing import Mixing
from sensorium.sounds.datasets.stage import Solo
from sensorium.sounds.motion_system import MotionsSystemConfig
from sensorium.sounds.recipes import motions, motions_tiny
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.view import SoundView

GRID = FlowGrid(DISFlow("ultrafast", least=64, finest_scale=1), stride=2)
DATA = SoundData(
    mixing=Mixing(policy="same-class"),
    testing=Mixing(policy="same-class"),
    spectra=SpectraConfig(bins=32, frames=32),
    view=SoundView(size=32, frames=6, stride=1),
    length=16,
    held_out=16,
    seconds=5.0,
    twins=True,
    moves=0.0,
    flow=GRID,
)


class _Plain:
    """A recording that does not know its flow."""

    def __init__(self, solo):
        self.solo, self.label, self.seconds = solo, solo.label, solo.seconds

    def samples(self, start, count):
        return self.solo.samples(start, count)

    def frames(self, times):
        return self.solo.frames(times)


def test_fields_are_those_between_the_pictures_shown():
    """Fields held with a solo are the ones that a search between its pictures finds."""
    mixtures = DATA.open("val")
    example = mixtures.example(3, 0)
    assert example["flow"].shape == (2, 5, 2, 16, 16)
    assert example["flow"].dtype == torch.float16
    for frames, flow in zip(example["frames"], example["flow"], strict=True):
        assert torch.allclose(flow, GRID(frames), atol=1e-2)


def test_a_mirrored_solo_moves_the_other_way():
    mixtures = DATA.open("train")
    solo = mixtures.recordings[0]
    seen = {}
    for seed in range(8):
        sight = mixtures._sights.of(solo, 1.0, generator(seed, "mirror"))
        seen[sight["frames"][0, :, 0, :8].sum().item()] = sight
    assert len(seen) == 2  # as it is, and mirrored; never cropped
    one, other = seen.values()
    assert torch.equal(one["frames"], other["frames"].flip(-1))
    assert torch.equal(one["flow"][:, 0], -other["flow"][:, 0].flip(-1))
    assert torch.equal(one["flow"][:, 1], other["flow"][:, 1].flip(-1))


def test_flow_that_is_not_held_is_searched_in_what_is_shown():
    mixtures = DATA.open("train")
    sight = mixtures._sights.of(_Plain(mixtures.recordings[0]), 1.0, generator(1, "crop"))
    assert torch.equal(sight["flow"], GRID(sight["frames"]))


def test_steps_of_several_pictures_are_sums_and_a_standstill_is_none():
    fields = torch.arange(5.0).view(5, 1, 1, 1).expand(5, 2, 2, 2).half().numpy()
    pictures = torch.zeros(6, 4, 4, 3, dtype=torch.uint8).numpy()
    solo = Solo(0, pictures, torch.zeros(600).short().numpy(), 1.0, 100, fields)
    assert solo.flow([0.5, 2.5, 2.9, 3.1])[:, 0, 0, 0].tolist() == [1.0, 0.0, 2.0]
    assert replace(solo, fields=None).flow([0.5, 1.5]) is None


def test_the_folder_keeps_fields_and_tells_settings_apart(tmp_path):
    kept = replace(DATA, cache=tmp_path)
    first = kept.open("val").example(0, 0)["flow"]
    assert torch.equal(kept.open("val").example(0, 0)["flow"], first)
    replace(kept, flow=replace(GRID, stride=4)).open("val").example(0, 0)
    assert len(list(tmp_path.iterdir())) == 2
    assert len(list(tmp_path.rglob("*.flow.npy"))) == 4


def test_the_system_takes_over_the_flow_of_the_data():
    assert DATA.adapt(MotionsSystemConfig()).flow == GRID
    assert replace(DATA, flow=None).adapt(MotionsSystemConfig()).flow == FlowGrid()


@pytest.mark.parametrize("make", [motions, motions_tiny])
def test_recipes_see_the_whole_window_and_end_on_their_own_data(make):
    recipe = make()
    for stage in recipe.stages:
        data = stage.data or recipe.data
        assert data.flow is not None
        assert data.view == recipe.data.view
        assert data.spectra == recipe.data.spectra
    view = recipe.data.view
    assert view.frames / view.fps == pytest.approx(recipe.data.spectra.seconds, abs=0.1)
    assert recipe.data.testing.policy == "same-class"
    assert recipe.stages[-1].data is None
