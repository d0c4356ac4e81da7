"""From a published file to a system that answers (for the names: tests/actions/test_official)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sensorium.actions.tsm import TSM, TSMConfig
from sensorium.store import convert, load, read_header
from sensorium.types import Clip, FrameVideo

R18 = "TSM_something_RGB_resnet18_shift8_blockres_avg_segment4_e45.pth.tar"
NAMES = ("up", "down", "left")


def official(config: TSMConfig) -> dict[str, Tensor]:
    """A new network's weights under the release's names."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = TSM(config)
    out = {}
    for name, tensor in network.state_dict().items():
        short = name.removeprefix("backbone.")
        block = ".".join(short.split(".")[:2])
        if name.startswith("head."):
            key = f"module.new_fc.{name[5:]}"
        elif config.shift_div and short == f"{block}.conv1.weight" and block.startswith("layer"):
            key = f"module.base_model.{block}.conv1.net.weight"
        else:
            key = f"module.base_model.{short}"
        out[key] = tensor
    return out


def published(folder: Path, name: str = R18, **changes: Any) -> Path:
    """A file as the release has it."""
    config = TSMConfig(**{"backbone": "resnet18", "classes": 3, **changes})
    path = folder / name
    torch.save({"epoch": 45, "state_dict": official(config)}, path)
    return path


def a_clip() -> Clip:
    frames = torch.randint(0, 256, (9, 3, 40, 50), generator=torch.Generator().manual_seed(0))
    return Clip(FrameVideo(frames.to(torch.uint8), fps=9), None)


def test_a_published_file_becomes_a_system_that_answers(tmp_path: Path) -> None:
    folder = convert(published(tmp_path), "tsm", tmp_path / "mine", classes=NAMES)
    system = load(folder)
    assert system.weights == "mine"
    assert system.config.classes == NAMES
    assert system.config.view.sampling.segments == 4
    said = system.predict(a_clip())
    assert said.classes == NAMES
    assert said.out_of_domain is None
    theirs = official(TSMConfig("resnet18", classes=3))
    assert torch.equal(system.network.head.weight, theirs["module.new_fc.weight"])
    shifted = theirs["module.base_model.layer2.0.conv1.net.weight"]
    assert torch.equal(system.network.backbone.layer2[0].conv1.weight, shifted)


def test_the_card_says_where_it_is_from(tmp_path: Path) -> None:
    folder = convert(published(tmp_path), "tsm")
    assert folder.name == R18.split(".")[0]
    card = read_header(folder).card
    assert card.licence == "MIT"
    assert card.trained_on == "something-v1"
    assert f"converted from {R18}" in card.notes
    assert any("class names are not known" in note for note in card.notes)
    assert load(folder).config.classes == ("class 0", "class 1", "class 2")
    assert card.metrics == {}


def test_tsn_is_told_from_tsm(tmp_path: Path) -> None:
    path = published(tmp_path, "TSN_kinetics_RGB_resnet18_avg_segment5_e50.pth", shift_div=0)
    with pytest.raises(ValueError, match="found a TSN checkpoint, expected TSM; .* --as tsn"):
        convert(path, "tsm")
    assert load(convert(path, "tsn")).name == "tsn"


def test_what_cannot_be_converted(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no published checkpoint can be converted to 'tms'; did"):
        convert(tmp_path / "x.pth", "tms")
    with pytest.raises(ValueError, match=r"x.pth: no such file; give a published checkpoint"):
        convert(tmp_path / "x.pth", "tsm")
    path = published(tmp_path, in_channels=10)
    with pytest.raises(ValueError, match="found a network for optical flow"):
        convert(path, "tsm")
    torch.save({"state_dict": {"a": torch.zeros(2)}}, path)
    with pytest.raises(ValueError, match="expected a TSM or TSN checkpoint"):
        convert(path, "tsm")
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]
