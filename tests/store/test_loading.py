from __future__ import annotations

import json
import pickle
import random
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from sensorium.store import load, read_header, read_weights
from sensorium.store.saving import save


def refuse(source: Any, tiny: ModuleType, message: str) -> str:
    """Loading gives this error, in one line."""
    with pytest.raises(ValueError, match=message) as caught:
        load(source, systems={"tiny": tiny.Tiny})
    said = str(caught.value)
    assert "\n" not in said
    return said


def change_config(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "config.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_missing_files(folder: Path, tiny: ModuleType, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    refuse(folder, tiny, r"model.safetensors is missing; expected a folder")
    (folder / "config.json").unlink()
    refuse(folder, tiny, "holds no config.json; expected a saved system")
    refuse(tmp_path / "nowhere", tiny, "no such folder")
    with pytest.raises(ValueError, match=r"config.json is missing"):
        read_header(folder)


def test_unknown_names(tiny: ModuleType) -> None:
    refuse("no-such-weights", tiny, "'no-such-weights' is neither bundled weights nor a folder")
    refuse("no/such/weights", tiny, "no such folder; give a saved system or a run folder")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("format"), "has no 'format' key"),
        (lambda d: d.update(format=2), "has format 2, this version reads 1; update"),
        (lambda d: d.update(system="tsmm"), "unknown system 'tsmm'; did you mean 'tsm'"),
        (lambda d: d.update(color=1), "unknown key 'color'; known: card"),
        (lambda d: d.pop("card"), "key 'card' is missing"),
        (lambda d: d["config"].update(widht={}), "unknown key 'widht'; did you mean 'width'"),
        (lambda d: d["config"].update(dropout="no"), "dropout: expected float, got 'no'"),
        (lambda d: d["config"].update(activation="gelu"), "one of 'relu', 'tanh', got 'gelu'"),
        (
            lambda d: d["config"]["width"].update(hidden=6),
            r"has shape \[5\], the config says \[6\]",
        ),
        (lambda d: d["config"]["width"].update(hidden=-1), "the config builds no tiny"),
        (lambda d: d["config"]["width"].update(norm=False), "unexpected tensor 'norm"),
        (lambda d: d["config"].update(classes=["a", "b"]), "'head.bias' has shape"),
        (lambda d: d["card"].update(metrics={"top1": "good"}), "expected float, got 'good'"),
        (lambda d: d.update(config=[1]), "config: expected an object, got"),
    ],
)
def test_wrong_configs(folder: Path, tiny: ModuleType, change: Any, message: str) -> None:
    change_config(folder, change)
    said = refuse(folder, tiny, message)
    assert "config" in said


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", "[" * 100_000, "\x00\xff"])
def test_config_that_is_no_object(folder: Path, tiny: ModuleType, text: str) -> None:
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    refuse(folder, tiny, r"config.json (is not readable JSON|has no 'format')")


def test_truncated_at_any_place(folder: Path, tiny: ModuleType) -> None:
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    draw = random.Random(0)
    for length in [0, 1, 7, 8, 9, *(draw.randrange(len(whole)) for _ in range(30))]:
        path.write_bytes(whole[:length])
        refuse(folder, tiny, r"is damaged \(")


def header(entries: Any) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<Q", 2**63) + b"{}",
        header({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}) + b"1234",
        header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**60]}}) + b"1234",
        header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}) + b"1234",
        header({"a": {"dtype": "X9", "shape": [1], "data_offsets": [0, 4]}}) + b"1234",
        header([1, 2, 3]),
        b"\x00" * 1000,
    ],
)
def test_hostile_tensors(folder: Path, tiny: ModuleType, data: bytes) -> None:
    (folder / "model.safetensors").write_bytes(data)
    refuse(folder, tiny, r"is damaged \(")


def test_other_tensors(folder: Path, tiny: ModuleType) -> None:
    path = folder / "model.safetensors"
    good = load_file(path)

    def with_tensors(**changes: Any) -> None:
        new = {k: v for k, v in {**good, **changes}.items() if v is not None}
        save_file(new, path)

    with_tensors(**{"body.bias": None})
    refuse(folder, tiny, "tensor 'body.bias' is missing")
    with_tensors(extra=torch.zeros(1))
    refuse(folder, tiny, "unexpected tensor 'extra'")
    with_tensors(**{"body.bias": torch.zeros(5, dtype=torch.int64)})
    refuse(folder, tiny, r"'body.bias' is torch.int64, expected torch.float32")
    with_tensors(**{"body.bias": torch.zeros(5, 1)})
    refuse(folder, tiny, r"'body.bias' has shape \[5, 1\], the config says \[5\]")


def test_pickles_are_never_run(folder: Path, tiny: ModuleType, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "owned",))

    checkpoint = tmp_path / "ckpt.pth.tar"
    checkpoint.write_bytes(pickle.dumps(Hostile()))
    refuse(checkpoint, tiny, "is a pickled checkpoint, which is never run; .* sensorium convert")
    refuse(str(checkpoint), tiny, "sensorium convert")
    disguised = folder / "model.safetensors"
    disguised.write_bytes(checkpoint.read_bytes())
    refuse(folder, tiny, "is a pickle by another name")
    torch.save({"a": torch.zeros(2)}, disguised)
    refuse(folder, tiny, "is a pickle by another name")
    refuse(disguised, tiny, "sensorium convert")
    assert not (tmp_path / "owned").exists()


def test_a_file_where_a_folder_is_expected(folder: Path, tiny: ModuleType) -> None:
    refuse(folder / "config.json", tiny, "is a file; give the folder that holds config.json")


def test_a_device_that_is_not_there(folder: Path, tiny: ModuleType) -> None:
    with pytest.raises(ValueError, match="device 'nonsense' cannot be used") as caught:
        load(folder, "nonsense", systems={"tiny": tiny.Tiny})
    assert "\n" not in str(caught.value)


def test_run_folders(system: Any, card: Any, tiny: ModuleType, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.json").write_text("{}")
    refuse(run, tiny, "is a run folder without a checkpoint yet")
    for step in (5, 10):
        system.weights = f"at-{step}"
        save(system, run / "checkpoints" / f"step-{step:08d}", card)
    (run / "checkpoints" / "unreadable-step-00000015").mkdir()
    assert load(run, systems={"tiny": tiny.Tiny}).weights == "at-10"
    system.weights = "done"
    save(system, run / "system", card)
    assert load(str(run), systems={"tiny": tiny.Tiny}).weights == "done"


def test_weights_to_start_from(folder: Path, system: Any, tmp_path: Path) -> None:
    for source in (folder, str(folder), str(folder / "model.safetensors")):
        assert torch.equal(read_weights(source)["body.weight"], system.body.weight)
    with pytest.raises(ValueError, match="is missing"):
        read_weights(tmp_path / "none.safetensors")


def test_own_systems_come_first(folder: Path, tiny: ModuleType) -> None:
    class Other(tiny.Tiny):
        pass

    assert type(load(folder, systems={"tiny": Other})) is Other
