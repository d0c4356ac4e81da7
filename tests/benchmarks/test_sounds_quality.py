"""The benchmark of sound: its scoring, its pictures, its recipes."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from sensorium.store import systems
from sensorium.training.building import build
from sensorium.worlds.stage.script import INSTRUMENTS

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def module(name: str) -> Any:
    return importlib.import_module(name)


def noise(seconds: float = 0.5) -> dict[str, torch.Tensor]:
    """Three mixtures of two noises of different bands."""
    draw = torch.Generator().manual_seed(0)
    low, high = torch.randn(2, 3, round(11_025 * seconds), generator=draw)
    waves = torch.stack([0.01 * low.cumsum(-1), high.diff(dim=-1, prepend=high[:, :1])], 1)
    return {"waves": waves, "label": torch.tensor([[0, 1], [1, 0], [-1, 1]])}


def test_rows_in_no_order_are_scored_both_ways() -> None:
    batch = noise()
    wrong = (batch["waves"] + 0.1 * batch["waves"].roll(1, 0)).flip(1)
    scoring = module("sounds_scoring")
    rows = scoring.score([batch], lambda b: {"row": wrong}, ("a", "b"), orderless=("row",))
    assert set(rows) == {"row, fixed order", "row, oracle permutation"}
    assert rows["row, oracle permutation"]["nsdr"] > 10
    assert rows["row, fixed order"]["nsdr"] < 0


def test_the_mixture_gains_nothing_and_oracles_much() -> None:
    references, spectra = module("sounds_references"), module("sensorium.sounds.spectra")
    made = spectra.Spectra(spectra.SpectraConfig(bins=64, frames=16))
    ways = lambda batch: references.floor_and_ceilings(batch, made)  # noqa: E731
    rows = module("sounds_scoring").score([noise()], ways, ("a", "b"), detail=True)
    assert rows["mixture"]["nsdr"] == pytest.approx(0.0, abs=1e-6)
    assert rows["mixture"]["n_scored"] == 6
    assert rows["mixture"]["nsdr/b"] == pytest.approx(0.0, abs=1e-6)
    assert rows["oracle binary mask, linear"]["nsdr"] > 5
    assert all(0 <= shared <= 1 for shared, _ in rows["mixture"]["by_overlap"])


def test_overlap_is_the_share_of_the_time_in_which_both_play() -> None:
    waves = torch.zeros(2, 8192)
    waves[0, :6144], waves[1, 4096:] = 0.1, 0.3  # 6 and 4 of 8 stretches, 2 shared
    assert module("sounds_scoring").overlap(waves) == pytest.approx(2 / 8)
    assert module("sounds_scoring").overlap(torch.zeros(2, 8192)) == 0


def test_swapping_gives_each_source_the_pictures_of_another() -> None:
    batch = {"waves": torch.rand(1, 3, 4), "frames": torch.arange(3)[None]}
    other = module("sounds_scoring").swapped(batch, ("frames",))
    assert other["frames"].tolist() == [[2, 0, 1]]
    assert other["waves"] is batch["waves"]


def test_seeds_give_mean_and_spread() -> None:
    runs = {"0": {"nsdr": 1.0, "n_scored": 4, "by_overlap": [(0.1, 1.0)]}}
    runs["1"] = {"nsdr": 3.0, "n_scored": 4, "by_overlap": [(0.1, 3.0), (0.9, 7.0)]}
    row = module("sounds_scoring").over_seeds(runs)
    assert row["nsdr"] == 2.0
    assert row["nsdr_spread"] == pytest.approx(math.sqrt(2))
    assert [(b["mixtures"], b["nsdr"]) for b in row["by_overlap"]] == [(2, 2.0), (1, 7.0)]


def test_true_masks_segment_perfectly_and_the_wrong_class_does_not() -> None:
    pictures = module("sounds_pictures")
    val, test = pictures.objects("val", 6, 32), pictures.objects("test", 6, 32)
    assert not torch.equal(val.label, test.label)
    assert (test.label[:, 0] != test.label[:, 1]).all()
    assert float(test.masks.float().mean((-2, -1)).min()) >= 0.03

    known = {
        picture.numpy().tobytes(): (masks, label)
        for data in (val, test)
        for picture, masks, label in zip(data.pictures, data.masks, data.label, strict=True)
    }

    def truth(shift: int) -> Any:
        def maps(batch: torch.Tensor) -> torch.Tensor:
            out = torch.zeros(len(batch), len(INSTRUMENTS), 32, 32)
            for row, picture in zip(out, batch, strict=True):
                masks, label = known[picture.numpy().tobytes()]
                row[(label + shift) % len(INSTRUMENTS)] = masks.float()
            return out

        return maps

    assert pictures.segmentation(truth(0), val, test)["miou"] == pytest.approx(1.0)
    assert pictures.segmentation(truth(3), val, test)["miou"] < 0.5


def test_peak_and_distance_are_in_pixels() -> None:
    pictures = module("sounds_pictures")
    energy = torch.zeros(8, 8)
    energy[6, 1] = 1.0
    assert pictures.peak(energy, 64) == (52, 12)
    mask = torch.zeros(64, 64, dtype=torch.bool)
    mask[40, 12] = True
    assert pictures.distance(mask, 52, 12) == 144


def test_every_run_has_a_recipe_that_builds() -> None:
    runs = module("sounds_runs")
    known = [*systems().values(), *runs.BASELINES.values()]
    for name, run in runs.RUNS.items():
        recipe = runs.prepared(run, 1, 0.5)
        kind = next(system for system in known if type(recipe.system) is system.Config)
        system = build(recipe, kind)
        assert recipe.seed == 1, name
        assert system.config.view == recipe.data.view, name
        assert sum(s.steps for s in recipe.stages) == pytest.approx(
            0.5 * sum(s.steps for s in run.recipe().stages), abs=len(recipe.stages)
        )
