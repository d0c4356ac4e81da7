"""What the benchmarks of quality do with their trainings: where they are, what is left to do.

A training has a folder; its figures lie beside it. What is there is kept, a broken-off training is
gone on with, and a training of another recipe is named and left alone.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch

from report import RESULTS
from sensorium import training
from sensorium.recipe import Recipe
from sensorium.system import System
from sensorium.training.run_folder import describe

Rows = Mapping[str, Mapping[str, Any]]


class Work(Protocol):
    """One thing to do."""

    @property
    def title(self) -> str:
        """What it is called when it fails."""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""

    @property
    def folder(self) -> Path:
        """Of the run."""

    def stale(self) -> bool:
        """Whether the run that is there is of another recipe."""


SomeWork = TypeVar("SomeWork", bound=Work)
Lane = TypeVar("Lane")

# --- folders --------------------------------------------------------------------------------------


def folder_of(root: Path, name: str, seed: int) -> Path:
    """Where a run of this name is."""
    short = "-".join("".join(c if c.isalnum() else " " for c in name).split())
    return root / f"{short}-seed{seed}"


def is_trained(folder: Path) -> bool:
    """Whether the trained system is there."""
    return (folder / "system" / "config.json").exists()


def is_stale(folder: Path, recipe: Recipe) -> bool:
    """Whether the run that is there is of another recipe; its description does not count."""
    path = folder / "recipe.json"
    if not path.exists():
        return False
    mine, other = json.loads(json.dumps(describe(recipe))), json.loads(path.read_text())
    for found in (mine, other):
        found.get("recipe", {}).pop("description", None)
    return bool(mine != other)


def train(recipe: Recipe, folder: Path, known: Iterable[type[System]] = ()) -> None:
    """Train on this core, if it has not been done, and note what it took.

    Args:
        recipe: what to do.
        folder: of the run.
        known: classes of systems beside the package's.
    """
    if is_trained(folder):
        return
    own = next((s for s in known if type(recipe.system) is s.Config), None)
    start, used = time.perf_counter(), time.process_time()
    training.train(recipe, folder, resume=True, system=own, bar=False)
    spent = {
        "train_minutes": (time.perf_counter() - start) / 60,
        "train_cpu_minutes": (time.process_time() - used) / 60,
        "load_average": os.getloadavg()[0],
    }
    (folder / "time.json").write_text(json.dumps(spent))


def spent(folder: Path) -> dict[str, float]:
    """What a training took."""
    path = folder / "time.json"
    found: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    return found


@dataclass(frozen=True)
class Training:
    """One network with one seed.

    Attributes:
        recipe: how it is trained.
        folder: of the run.
    """

    recipe: Recipe
    folder: Path

    @property
    def system(self) -> Path:
        """Where the trained system is."""
        return self.folder / "system"

    @property
    def steps(self) -> int:
        """Of all stages."""
        return sum(stage.steps for stage in self.recipe.stages)

    def parameters(self) -> int:
        """Of the trained system."""
        card = json.loads((self.system / "config.json").read_text())["card"]
        return int(card["parameters"])


# --- the command line ----------------------------------------------------------------------------


def shared_options(
    about: str | None,
    sections: Sequence[str],
    rows: Iterable[str],
    folder: Path,
    seeds: Sequence[int] = (0, 1, 2),
) -> argparse.ArgumentParser:
    """The options that all benchmarks of quality have; each adds its own.

    Args:
        about: the benchmark's docstring.
        sections: of the benchmark.
        rows: names of what it trains.
        folder: of the runs.
        seeds: of the trainings, by default.
    """
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=sections, default=list(sections))
    parser.add_argument("--rows", nargs="*", choices=list(rows), help="only these")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(seeds))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=folder)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    parser.add_argument("--again", action="store_true", help="measure anew what is trained")
    parser.add_argument("--collect", action="store_true", help="train nothing, take what is there")
    parser.add_argument("--list", action="store_true", help="say what is there, do nothing")
    return parser


def left_to_do(lanes: Iterable[list[SomeWork]]) -> list[list[SomeWork]]:
    """Lanes with something to do; those with a run of another recipe are named and left out."""
    todo = [lane for lane in lanes if not all(work.done for work in lane)]
    for work in (work for lane in todo for work in lane if work.stale()):
        print(f"{work.folder}: of another recipe; delete it to make it anew")
    return [lane for lane in todo if not any(work.stale() for work in lane)]


# --- work -----------------------------------------------------------------------------------------


def attempted(do: Callable[[SomeWork], None], works: Iterable[SomeWork]) -> list[str]:
    """Do one thing after another on one core; what goes wrong stops no other, and is returned."""
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    failed = []
    for work in works:
        try:
            if not work.done:
                do(work)
        except Exception as error:
            failed.append(f"{work.title}: {type(error).__name__}: {error}")
    return failed


def pooled(
    carry_out: Callable[[Lane], list[str]], todo: Sequence[Lane], processes: int
) -> list[str]:
    """`carry_out` on everything, so many at a time, in order; returns what failed."""
    if not todo:
        return []
    spawn = get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(todo)), mp_context=spawn) as pool:
        return [line for lines in pool.map(carry_out, todo) for line in lines]


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
