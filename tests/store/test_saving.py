from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sensorium.store import Card, load, read_header, save


def test_a_system_is_three_files(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {"config.json", "model.safetensors", "README.md"}
    data = json.loads((folder / "config.json").read_text())
    assert set(data) == {"format", "system", "weights", "config", "card"}
    assert (data["format"], data["system"], data["weights"]) == (1, "tiny", "tiny-best")
    assert data["config"]["width"] == {"hidden": 5, "norm": True}


def test_load_gives_back_what_was_saved(
    system: Any, card: Card, folder: Path, tiny: ModuleType
) -> None:
    back = load(folder, systems={"tiny": tiny.Tiny})
    assert back.config == system.config
    assert back.weights == "tiny-best"
    assert back.card == dataclasses.replace(card, parameters=5 * 8 + 5 + 10 + 3 * 5 + 3)
    assert not back.training
    ours, theirs = system.state_dict(), back.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    x = torch.randn(4, 8)
    assert torch.equal(system.eval()(x), back(x))


def test_half_precision_halves_the_file_and_loads_as_float32(
    system: Any, card: Card, folder: Path, tmp_path: Path, tiny: ModuleType
) -> None:
    half = save(system, tmp_path / "half", card, dtype=torch.float16)
    stored = load_file(half / "model.safetensors")
    assert stored["body.weight"].dtype == torch.float16
    assert stored["norm.num_batches_tracked"].dtype == torch.int64
    back = load(half, systems={"tiny": tiny.Tiny})
    assert back.body.weight.dtype == torch.float32
    assert torch.equal(back.body.weight, system.body.weight.half().float())
    assert system.body.weight.dtype == torch.float32


def test_half_precision_refuses_what_does_not_fit(system: Any, card: Card, tmp_path: Path) -> None:
    with torch.no_grad():
        system.body.weight[0, 0] = 1e6
    with pytest.raises(ValueError, match=r"body.weight: largest value 1e\+06 does not fit"):
        save(system, tmp_path / "half", card, dtype=torch.float16)
    assert list(tmp_path.iterdir()) == []


def test_tied_weights_are_saved(system: Any, card: Card, tmp_path: Path, tiny: ModuleType) -> None:
    system.head.bias = torch.nn.Parameter(torch.zeros(3))
    system.norm.bias = system.norm.weight
    folder = save(system, tmp_path / "tied", card)
    back = load(folder, systems={"tiny": tiny.Tiny})
    assert torch.equal(back.norm.bias, system.norm.weight)


def test_saving_again_replaces(system: Any, card: Card, folder: Path, tiny: ModuleType) -> None:
    with torch.no_grad():
        system.head.bias.fill_(7.0)
    save(system, folder, card)
    assert load(folder, systems={"tiny": tiny.Tiny}).head.bias.tolist() == [7.0] * 3
    assert [p.name for p in folder.parent.iterdir()] == ["saved"]


def test_foreign_files_are_never_replaced(system: Any, card: Card, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds 'thesis.txt', which is no part"):
        save(system, tmp_path, card)
    with pytest.raises(ValueError, match="is a file; give the name of a folder"):
        save(system, tmp_path / "thesis.txt", card)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_failed_save_leaves_the_old_system(
    system: Any, card: Card, folder: Path, tiny: ModuleType
) -> None:
    @dataclasses.dataclass(frozen=True)
    class Odd(tiny.TinyConfig):
        thing: Any = None

    before = (folder / "config.json").read_text()
    system.config = Odd(thing=object())
    with pytest.raises(ValueError, match="has no plain form"):
        save(system, folder, card)
    assert (folder / "config.json").read_text() == before
    assert [p.name for p in folder.parent.iterdir()] == ["saved"]


def test_the_card_for_people(folder: Path) -> None:
    text = (folder / "README.md").read_text()
    assert text.startswith("---\nlicense: apache-2.0\n")
    for part in ("# tiny-best", "`tiny-recipe`", "0, 1", "| `top1` | 0.7500 |", "Knows vectors"):
        assert part in text


def test_a_card_without_facts_has_no_empty_sections(system: Any, tmp_path: Path) -> None:
    folder = save(system, tmp_path / "bare", Card())
    text = (folder / "README.md").read_text()
    assert "## Limits" not in text
    assert "How good" not in text
    assert "Seed" not in text
    assert read_header(folder).card.seeds == ()
