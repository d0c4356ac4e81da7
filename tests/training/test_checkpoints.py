from __future__ import annotations

import contextlib
import json
import logging
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from sensorium.store import load
from sensorium.training import checkpoints, fit
from sensorium.training.checkpoints import Best, Record


@pytest.fixture
def system(tiny: ModuleType) -> Any:
    return tiny.Tiny(tiny.TinyConfig(classes=("a", "b")))


def write(run: Path, system: Any, step: int, best: Best | None = None) -> Path:
    checkpoints.tidy(run)
    state = {"optimiser": {"state": {0: torch.full((3,), float(step))}}, "scaler": None}
    checkpoints.write(run, system, state, Record(step, 0, best))
    return run / "checkpoints" / f"step-{step:08d}"


def steps(run: Path) -> list[int]:
    return [int(p.name[5:]) for p in sorted((run / "checkpoints").glob("step-*"))]


def test_write_and_read(system: Any, tiny: ModuleType, tmp_path: Path) -> None:
    folder = write(tmp_path, system, 7, Best(5, "top1", 0.5))
    back = checkpoints.read(folder)
    assert back.record.step == 7
    assert back.record.best == Best(5, "top1", 0.5)
    assert back.state()["optimiser"]["state"][0].tolist() == [7.0] * 3
    loaded = load(folder, systems={"tiny": tiny.Tiny})
    assert torch.equal(loaded.body.weight, system.body.weight)


def test_last_two_and_best_are_kept(system: Any, tmp_path: Path) -> None:
    best = Best(20, "top1", 0.5)
    for step in (10, 20, 30, 40, 50):
        write(tmp_path, system, step, best if step >= 20 else None)
    assert steps(tmp_path) == [20, 40, 50]
    assert not [p for p in (tmp_path / "checkpoints").iterdir() if p.name.startswith(".")]


def test_newest_passes_over_damage_with_a_note(
    system: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, system, 10)
    newer = write(tmp_path, system, 20)
    model = newer / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-5])
    with caplog.at_level(logging.WARNING):
        found = checkpoints.newest(tmp_path)
    assert found is not None
    assert found.record.step == 10
    assert "step-00000020 cannot be read (model.safetensors is damaged)" in caplog.text
    assert len(caplog.records) == 1
    assert steps(tmp_path) == [10]  # the damaged one was put aside


@pytest.mark.parametrize("name", ["training.json", "training.pt", "model.safetensors"])
def test_no_damage_goes_unnoticed(system: Any, tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, system, 10)
    path = folder / name
    good = path.read_bytes()
    draw = random.Random(name)
    unnoticed = 0
    for _ in range(20):
        place = draw.randrange(len(good))
        bad = bytearray(good)
        bad[place] ^= 1 << draw.randrange(8)
        path.write_bytes(bytes(bad))
        with contextlib.suppress(ValueError):
            checkpoints.read(folder)
            unnoticed += 1
    if name != "training.json":  # the record itself is only checked for sense
        assert unnoticed == 0
    path.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        checkpoints.read(folder)


def test_a_hostile_pickle_is_not_run(system: Any, tmp_path: Path) -> None:
    import hashlib
    import pickle

    class Hostile:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "owned",))

    folder = write(tmp_path, system, 10)
    payload = pickle.dumps(Hostile(), protocol=2)
    (folder / "training.pt").write_bytes(payload)
    record = json.loads((folder / "training.json").read_text())
    record["sha256"]["training.pt"] = hashlib.sha256(payload).hexdigest()
    (folder / "training.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"training.pt cannot be read"):
        checkpoints.read(folder).state()
    assert not (tmp_path / "owned").exists()


def test_what_a_killed_process_left_is_removed(system: Any, tmp_path: Path) -> None:
    write(tmp_path, system, 10)
    place = tmp_path / "checkpoints"
    (place / ".writing-step-00000020-abc").mkdir()
    (place / ".writing-step-00000020-abc" / "config.json").write_text("{")
    (place / ".replaced-step-00000001-abc").mkdir()
    (tmp_path / ".writing-xyz").write_text("half")
    checkpoints.tidy(tmp_path)
    assert [p.name for p in place.iterdir()] == ["step-00000010"]
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoints"]


def test_run_goes_on_from_the_checkpoint_before_a_damaged_one(
    tiny: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def run(name: str, **options: Any) -> Any:
        return fit(tiny.recipe(), tmp_path / name, device="cpu", system=tiny.Tiny, **options)

    whole = [s.losses for s in run("whole")]
    for step in run("broken"):
        if step.number == 12:
            break
    newest = sorted((tmp_path / "broken" / "checkpoints").iterdir())[-1]
    (newest / "training.pt").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        rest = list(run("broken", resume=True))
    assert newest.name == "step-00000010"
    assert rest[0].number == 8
    assert [s.losses for s in rest] == whole[7:]
    assert "going back to the one before" in caplog.text


def test_best_is_kept_whatever_comes_later(tiny: ModuleType, tmp_path: Path) -> None:
    recipe = tiny.recipe(validate_every=1, save_every=100)
    seen = list(fit(recipe, tmp_path / "run", device="cpu", system=tiny.Tiny))
    top = max(s.validation["top1"] for s in seen)
    last = checkpoints.newest(tmp_path / "run")
    assert last is not None
    best = last.record.best
    assert best is not None
    assert best.value == top
    assert best.step == max(s.number for s in seen if s.validation["top1"] == top)
    kept = checkpoints.at(tmp_path / "run", best.step)
    assert kept.record.validation == seen[best.step - 1].validation


@pytest.mark.parametrize("limit", [2000, 6000])
def test_a_full_disk_is_told_in_one_line_and_leaves_the_old_checkpoint(
    tiny: ModuleType, tmp_path: Path, limit: int
) -> None:
    resource = pytest.importorskip("resource")  # not on Windows
    system = tiny.Tiny(tiny.TinyConfig(width=tiny.Width(64), classes=("a", "b")))
    size = write(tmp_path, system, 7).joinpath("model.safetensors").stat().st_size
    assert 2000 < size < 6000  # the model does not fit, or the optimiser's state
    state = {"optimiser": torch.zeros(5000), "scaler": None}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OSError, match="cannot be written .*is the disk full") as got:
            checkpoints.write(tmp_path, system, state, Record(9, 0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(got.value)
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["step-00000007"]
    newest = checkpoints.newest(tmp_path)
    assert newest is not None
    assert newest.record.step == 7
