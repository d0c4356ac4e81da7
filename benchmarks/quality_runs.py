"""What every benchmark of quality does with its trainings: where they are, what is left to do.

A training has a folder; its figures lie beside it. What is there is kept, a broken-off training is
gone on with, and a training of another recipe is named and left alone.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import torch

from sensorium import training
from sensorium.recipe import Recipe
from sensorium.system import System
from sensorium.training.run_folder import describe

Rows = Mapping[str, Mapping[str, Any]]


class Work(Protocol):
    """One thing to do, in a process of its own."""

    @property
    def title(self) -> str:
        """What it is called when it fails."""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""


@dataclass(frozen=True)
class Training:
    """One network with one seed.

    Attributes:
        name: of the run.
        seed: of the training.
        recipe: how it is trained.
        folder: of the run.
    """

    name: str
    seed: int
    recipe: Recipe
    folder: Path

    @property
    def system(self) -> Path:
        """Where the trained system is."""
        return self.folder / "system"

    @property
    def trained(self) -> bool:
        """Whether the system is there."""
        return (self.system / "config.json").exists()

    @property
    def steps(self) -> int:
        """Of all stages."""
        return sum(stage.steps for stage in self.recipe.stages)

    def stale(self) -> bool:
        """Whether the run that is there is of another recipe; its description does not count."""
        path = self.folder / "recipe.json"
        if not path.exists():
            return False
        mine, other = json.loads(json.dumps(describe(self.recipe))), json.loads(path.read_text())
        for found in (mine, other):
            found.get("recipe", {}).pop("description", None)
        return bool(mine != other)

    def train(self, known: Iterable[type[System]] = ()) -> None:
        """Train on this core, and note what it took.

        Args:
            known: classes of systems beside the package's.
        """
        if self.trained:
            return
        own = next((s for s in known if type(self.recipe.system) is s.Config), None)
        start, used = time.perf_counter(), time.process_time()
        training.train(self.recipe, self.folder, resume=True, system=own, bar=False)
        spent = {
            "train_minutes": (time.perf_counter() - start) / 60,
            "train_cpu_minutes": (time.process_time() - used) / 60,
            "load_average": os.getloadavg()[0],
        }
        (self.folder / "time.json").write_text(json.dumps(spent))

    def spent(self) -> dict[str, float]:
        """What it took."""
        path = self.folder / "time.json"
        found: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def parameters(self) -> int:
        """Of the trained system."""
        card = json.loads((self.system / "config.json").read_text())["card"]
        return int(card["parameters"])


def folder_of(root: Path, name: str, seed: int) -> Path:
    """Where a run of this name is."""
    short = "-".join("".join(c if c.isalnum() else " " for c in name).split())
    return root / f"{short}-seed{seed}"


def attempted(do: Callable[[Any], None], work: Work) -> str:
    """Do one thing; what went wrong must not stop the others, and is told."""
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    try:
        if not work.done:
            do(work)
    except Exception as error:
        return f"{work.title}: {type(error).__name__}: {error}"
    return ""


@dataclass(frozen=True)
class Attempt:
    """`attempted`, as a process can be sent it."""

    do: Callable[[Any], None]

    def __call__(self, work: Work) -> str:
        return attempted(self.do, work)


def carried_out(do: Callable[[Any], None], works: Sequence[Work], processes: int) -> list[str]:
    """Do what is not done, so many at a time, in order; returns what failed."""
    todo = [work for work in works if not work.done]
    if not todo:
        return []
    spawn = get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(todo)), mp_context=spawn) as pool:
        return [line for line in pool.map(Attempt(do), todo) if line]


def write(path: Path, rows: Any) -> None:
    """Figures, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(rows))
    unfinished.replace(path)


def say(rows: Rows, names: Iterable[str]) -> None:
    """The main figures of some rows, a line each."""
    names = list(names)
    for label, row in rows.items():
        shown = {k: row[k] for k in names if isinstance(row.get(k), int | float)}
        print(f"{label:44}", "  ".join(f"{k} {v:.3f}" for k, v in shown.items()), flush=True)
