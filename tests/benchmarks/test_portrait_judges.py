"""Training of the judges of portraits."""

from __future__ import annotations

import importlib
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch

from sensorium.expressions.judges import Judges, judges_of
from sensorium.worlds.portraits import identity, split_seed

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def module() -> Any:
    return importlib.import_module("portrait_judges")


@pytest.fixture(scope="module")
def data() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return module().drawn(range(3), 6)


def test_portraits_of_other_people_than_anybody_elses(data: Any) -> None:
    again = module().drawn(range(3), 6)
    assert torch.equal(data.pictures, again.pictures)
    assert data.pictures.shape == (18, 3, 64, 64)
    assert data.person.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    assert ((data.degrees > 0).sum(1) <= 2).all()
    assert 0 < data.landmarks.min() < data.landmarks.max() < 1.15
    judged = {split_seed("judges", i) for i in range(3)}
    for split in ("train", "val", "test"):
        assert not judged & {split_seed(split, i) for i in range(1000)}
    assert identity(split_seed("judges", 0)).setting != identity(split_seed("judges", 1)).setting


def test_shifts_move_landmarks_with_the_picture(data: Any) -> None:
    made = module()
    still = made.Portraits(
        torch.zeros(1, 3, 64, 64, dtype=torch.uint8),
        torch.zeros(1, 7),
        torch.full((1, 68, 2), 32.5 / 64),
        torch.zeros(1, dtype=torch.int64),
    )
    still.pictures[:, :, 32, 32] = 255
    for seed in range(5):
        looked, places = made.seen(still, torch.tensor([0]), torch.Generator().manual_seed(seed))
        x, y = (places[0, 0] * 64).floor().long().tolist()
        assert looked[0].mean(0).argmax() == y * 64 + x


def test_a_few_steps_are_trained_and_kept(data: Any, tmp_path: Path) -> None:
    made = module()
    options = Namespace(seed=0, rate=1e-3, steps=3, batch=8, every=2)
    told = list(made.train(data, options, data))
    assert len(told) == 2
    judges, said = told[-1]
    assert '"accuracy"' in said
    made.save(judges, tmp_path / "judges.safetensors")
    assert (tmp_path / "judges.safetensors").stat().st_size <= 600_000
    again = judges_of(tmp_path / "judges.safetensors")
    for (name, one), other in zip(
        judges.state_dict().items(), again.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=2e-3, atol=1e-4, msg=name)


def test_untrained_judges_know_nothing(data: Any) -> None:
    torch.manual_seed(0)
    found = module().measured(Judges(), data)
    assert found["people"] == 3
    assert found["faces"] == 18
    assert found["landmark_nme"] > 0.2
