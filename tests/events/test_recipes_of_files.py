"""Recipes that read published files and films of one's own run from their names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from sensorium.events.features import StageFeaturesConfig
from sensorium.events.recipes import SGD, VIDEOS, wsdec_activitynet, wsdec_films, wsdec_tiny
from sensorium.events.subtitle_files import srt
from sensorium.events.systems import ANCHORS, CAPTIONS, CYCLE
from sensorium.recipe import Recipe
from sensorium.training import fit, recipe
from sensorium.types import Span


def short(whole: Recipe, data: object) -> Recipe:
    """A step of each of the first three stages with tiny networks."""
    stages = tuple(replace(stage, steps=1) for stage in whole.stages[:3])
    system = wsdec_tiny().system
    return replace(
        whole, data=data, system=system, stages=stages, batch=3, workers=0, precision="no"
    )


def test_published_rates_fall_epoch_by_epoch() -> None:
    made = wsdec_activitynet()
    epoch = VIDEOS // made.batch
    phases = {stage.name: stage.anneal[0][1] for stage in made.stages}
    assert phases["captions"] == CAPTIONS
    assert [n for n, p in phases.items() if p == ANCHORS] == [
        f"anchors {k}" for k in range(0, 25, 5)
    ]
    rates = []
    for stage in made.stages[1:]:
        group = 0.1 if phases[stage.name] == ANCHORS else 1.0  # the localiser's share
        rates += [stage.optimiser.lr * group] * (stage.steps // epoch)
    expected = [1e-2, 1e-3, *[1e-4] * 18, *[1e-5] * 5]
    assert rates == pytest.approx(expected)
    assert made.stages[0].steps == 100 * epoch
    assert made.system.learning.localiser_rate == 0.1
    assert {stage.optimiser.momentum for stage in made.stages} == {SGD.momentum}
    assert sum(stage.steps for stage in made.stages if phases[stage.name] == CYCLE) == 20 * epoch


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_activitynet_trains_from_its_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"v_{k:02d}" for k in range(9)]
    told = {
        name: {
            "duration": 10.0,
            "timestamps": [[0, 4], [5, 9]],
            "sentences": ["One plays.", "Two."],
        }
        for name in names
    }
    (tmp_path / "train.json").write_text(json.dumps({n: told[n] for n in names[:7]}))
    (tmp_path / "val_1.json").write_text(json.dumps({n: told[n] for n in names[7:]}))
    with h5py.File(tmp_path / "c3d.hdf5", "w") as file:
        for name in names:
            file[f"{name}/c3d_features"] = rng.normal(size=(24, 5)).astype(np.float32)
    whole = recipe("wsdec-activitynet")
    data = replace(
        whole.data, folder=tmp_path, features=tmp_path / "c3d.hdf5", held_out=2, steps=12
    )
    steps = list(fit(short(whole, data), tmp_path / "run", device="cpu"))
    assert len(steps) == 3
    assert all(torch.isfinite(torch.tensor(step.losses["loss"])) for step in steps)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_films_train_from_their_subtitles(tmp_path: Path) -> None:
    import av

    for k in range(4):
        with av.open(str(tmp_path / f"film{k}.mkv"), "w") as made:
            stream = made.add_stream("pcm_s16le", rate=8000, layout="mono")
            sound = np.random.default_rng(k).normal(size=(1, 72_000)) * 3000
            frame = av.AudioFrame.from_ndarray(sound.astype(np.int16), "s16", "mono")
            frame.sample_rate = 8000
            made.mux(stream.encode(frame))
            made.mux(stream.encode())
        lines = [(Span(1.0 + 3 * n, 3.0 + 3 * n), f"a bell rings {n}") for n in range(3)]
        (tmp_path / f"film{k}.srt").write_text(srt(lines), encoding="utf-8")
    whole = recipe("wsdec-films")
    assert whole.system == wsdec_films().system
    data = replace(
        whole.data,
        folder=tmp_path,
        seconds=5.0,
        features=StageFeaturesConfig(seen=None),
        cache=None,
    )
    steps = list(fit(short(whole, data), tmp_path / "run", device="cpu"))
    assert all(torch.isfinite(torch.tensor(step.losses["loss"])) for step in steps)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wsdec-films", "films: no such folder; give the folder of the films and their subtitles"),
        ("wsdec-activitynet", "no such file; give the HDF5 file of the features"),
    ],
)
def test_missing_files_are_named(tmp_path: Path, name: str, said: str) -> None:
    whole = recipe(name)
    changes = {"folder": tmp_path / "films"}
    if name == "wsdec-activitynet":
        changes["features"] = tmp_path / "x.hdf5"
    with pytest.raises(ValueError, match=said):
        next(iter(fit(replace(whole, data=replace(whole.data, **changes)), tmp_path / "run")))
