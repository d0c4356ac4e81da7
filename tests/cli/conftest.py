"""Small real things for the commands to work on: videos in a folder per class, saved systems."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sensorium import media, store, training
from sensorium.actions.systems import TSMSystem
from sensorium.cli import main


def _walk(start: int, step: int, count: int = 8) -> torch.Tensor:
    """A bright square that moves ``step`` pixels a frame over a grey ground."""
    frames = torch.full((count, 3, 32, 48), 90, dtype=torch.uint8)
    for t in range(count):
        x = (start + step * t) % 38
        frames[t, :, 10:20, x : x + 10] = 250
    return frames


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``left/*.mp4`` and ``right/*.mp4``, four each."""
    root = tmp_path_factory.mktemp("videos")
    for name, step in (("left", -4), ("right", 4)):
        (root / name).mkdir()
        for k in range(4):
            media.write(root / name / f"{k}.mp4", _walk(9 * k, step), 8.0)
    return root


@pytest.fixture(scope="session")
def video(videos: Path) -> Path:
    return videos / "left" / "0.mp4"


def _saved(folder: Path, recipe_name: str, **network: Any) -> Path:
    recipe = training.recipe(recipe_name)
    config = recipe.data.adapt(recipe.system)
    config = replace(
        config,
        network=replace(config.network, width=0.25, **network),
        classes=("left", "right"),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = TSMSystem(config)
    system.weights = folder.name
    return store.save(system, folder, store.Card(trained_on="nothing", description="untrained"))


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained TSM that looks both ways."""
    return _saved(tmp_path_factory.mktemp("systems") / "both", "tsm-tiny")


@pytest.fixture(scope="session")
def online(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained TSM that looks only into the past."""
    return _saved(tmp_path_factory.mktemp("systems") / "past", "tsm-tiny", direction="past")


@dataclass(frozen=True)
class Ran:
    """What a command line gave."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON objects on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def complaint(self) -> str:
        """The only line on stderr."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``sensorium`` in this process."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run
