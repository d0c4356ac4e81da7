"""`SoundData` on the stage: what each split holds, and what it gives to a system's config."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sensorium.sounds.datasets.data import SoundData
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.systems import PixelsSystemConfig
from sensorium.sounds.view import SoundView
from sensorium.worlds.stage.script import INSTRUMENTS

SPECTRA = SpectraConfig(rate=4000, window=126, hop=32, bins=32, frames=32)
VIEW = SoundView(size=16, fps=4.0, frames=2, stride=1)


def data(**changes) -> SoundData:
    made = {"spectra": SPECTRA, "view": VIEW, "length": 32, "held_out": 20, "seconds": 4.0}
    return SoundData(**(made | changes))


def test_the_sizes_of_the_splits():
    assert len(data().open("train")) == 32
    assert len(data().recordings("train")) == 32
    assert len(data().open("val")) == 20
    assert len(data().recordings("val")) == 16  # whole blocks of twins
    assert len(data(held_out=1000).recordings("test")) == 160
    assert len(data(held_out=1).recordings("test")) == 16


def test_an_example_of_the_stage():
    example = data().open("val").example(3, 0)
    assert example["waves"].shape == (2, SPECTRA.samples)
    assert example["frames"].shape == (2, 2, 3, 16, 16)
    assert int(example["label"][0]) == 3
    assert float(example["waves"].square().mean(-1).sqrt().min()) > 1e-3
    again = data().open("val").example(3, 99)
    assert all(torch.equal(example[k], again[k]) for k in example)


def test_the_folder_changes_nothing(tmp_path: Path):
    fresh = data().open("test").example(1, 0)
    for _ in range(2):  # rendered, then read
        kept = data(cache=tmp_path).open("test").example(1, 0)
        assert all(torch.equal(fresh[k], kept[k]) for k in fresh)
    assert list(tmp_path.rglob("*.npy"))


def test_a_system_takes_over_classes_signal_path_and_view():
    config = data().adapt(PixelsSystemConfig())
    assert config.classes == tuple(INSTRUMENTS)
    assert (config.spectra, config.view) == (SPECTRA, VIEW)
    assert config.mask == PixelsSystemConfig().mask


def test_pictures_that_span_more_than_the_sound_are_refused():
    with pytest.raises(ValueError, match=r"sound lasts 0\.26 s, but its 2 pictures span 2\.00 s"):
        data(view=replace(VIEW, stride=8))
    assert SoundData().view.seconds == 6.0  # as published, for 5.94 s of sound
