"""What the papers on sound claim, on the stage, with what they compare with.

    python benchmarks/sounds_quality.py [--only different twins] [--seeds 0 1 2] [--processes 4]

Trains every network with every seed (ablations with the first), tests all on the same 256 held-out
mixtures, and writes ``results/sounds_quality.json``. Runs and figures that are there are kept, a
broken-off run is gone on with, so a section can be made alone and collected again at no cost.
``--list`` says what is there. Networks of one section share data, steps and optimiser.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from report import RESULTS, write_results
from sensorium import store, training
from sensorium.recipe import Recipe, Split
from sensorium.sounds.datasets.data import SoundData
from sensorium.sounds.recipes import RECIPES
from sensorium.training.run_folder import describe
from sounds_measures import MEASURES, Tables, plain_rows
from sounds_runs import BASELINES, RUNS, SOLOS, prepared
from sounds_scoring import MIXTURES, over_seeds

SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Job:
    """One network with one seed, or (without a recipe) a section's rows that need none.

    Attributes:
        name: of the run.
        seed: of the training.
        sections: to measure, each kept in ``figures-<section>.json``.
        folder: of the run.
        recipe: of the training.
    """

    name: str
    seed: int
    sections: tuple[str, ...]
    folder: Path
    recipe: Recipe | None = None

    def kept(self, section: str) -> Path:
        """Where a section's figures are."""
        return self.folder / f"figures-{section}.json"

    def missing(self) -> list[str]:
        """Sections that have not been measured."""
        return [section for section in self.sections if not self.kept(section).exists()]

    def stale(self) -> bool:
        """Whether the run that is there is of another recipe."""
        path = self.folder / "recipe.json"
        if self.recipe is None or not path.exists():
            return False
        return bool(json.loads(path.read_text()) != json.loads(json.dumps(describe(self.recipe))))


def jobs(options: argparse.Namespace) -> Iterator[Job]:
    """All that the tables need, the most important first."""
    for wanted in (True, False):  # the first seed of everything before the others of anything
        for name, run in RUNS.items():
            sections = tuple(s for s in run.sections if s in options.only)
            if not sections or (options.rows is not None and name not in options.rows):
                continue
            seeds = options.seeds if run.every_seed else options.seeds[:1]
            for seed in seeds:
                if (seed == options.seeds[0]) == wanted:
                    recipe = prepared(run, seed, options.factor)
                    short = "-".join("".join(c if c.isalnum() else " " for c in name).split())
                    folder = options.folder / f"{short}-seed{seed}"
                    yield Job(name, seed, sections, folder, recipe)
    for section in options.only:
        yield Job(f"{section} without training", 0, (section,), options.folder / f"plain-{section}")


def render(pool: ProcessPoolExecutor, todo: list[Job]) -> None:
    """Draw and sound every solo that the jobs need once, before they share the folder."""
    wanted: dict[str, tuple[SoundData, Split, int]] = {}
    for job in todo:
        if job.recipe is not None and job.missing():
            given = [job.recipe.data, *(s.data for s in job.recipe.stages if s.data is not None)]
            for data in given:
                whole = replace(data, held_out=MIXTURES)
                for split in SPLITS:
                    solos = whole.recordings(split)
                    wanted[repr(solos)] = (whole, split, len(solos))
    parts = [
        (data, split, range(first, min(first + 32, count)))
        for data, split, count in wanted.values()
        for first in range(0, count, 32)
    ]
    list(pool.map(render_some, parts))


def render_some(part: tuple[SoundData, Split, range]) -> None:
    """Some solos into their folder."""
    data, split, indices = part
    solos = data.recordings(split)
    for index in indices:
        _ = solos[index]


def carry_out(job: Job) -> None:
    """Train and measure one run on one core; what is there is kept."""
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    if job.recipe is None:
        job.folder.mkdir(parents=True, exist_ok=True)
        for section in job.missing():
            base = RECIPES["motions" if section == "twins" else "pixels"]()
            keep(job, section, plain_rows(section, replace(base.data, cache=SOLOS)))
        return
    if not job.missing():
        return
    own = next((s for s in BASELINES.values() if type(job.recipe.system) is s.Config), None)
    training.train(job.recipe, job.folder, resume=True, system=own, bar=False)
    system = store.load(job.folder / "system", systems=BASELINES)
    for section in job.missing():
        keep(job, section, MEASURES[section](system, job.name, job.recipe.data))


def keep(job: Job, section: str, tables: Tables) -> None:
    """Write a section's figures whole, and say the main ones."""
    path = job.kept(section)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(tables))
    part.replace(path)
    for table, rows in tables.items():
        for row, figures in rows.items():
            shown = {k: v for k, v in figures.items() if isinstance(v, float) and "/" not in k}
            values = "  ".join(f"{k} {v:.2f}" for k, v in shown.items())
            print(f"{table:24} {row:44} seed {job.seed}  {values}", flush=True)


def attempt(job: Job) -> str:
    """Carry out a job; what went wrong must not stop the others."""
    try:
        carry_out(job)
    except Exception as error:
        return f"{job.name}, seed {job.seed}: {type(error).__name__}: {error}"
    return ""


def collect(done: list[Job]) -> dict[str, Any]:
    """Mean and spread of every row over the seeds, by table."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for job in done:
        for section in job.sections:
            if not job.kept(section).exists():
                continue
            tables: Tables = json.loads(job.kept(section).read_text())
            for table, rows in tables.items():
                for row, figures in rows.items():
                    by_seed = found.setdefault(table, {}).setdefault(row, {})
                    by_seed[str(job.seed)] = figures
    return {
        table: {row: over_seeds(by_seed) for row, by_seed in rows.items()}
        for table, rows in found.items()
    }


def networks(done: list[Job]) -> dict[str, Any]:
    """Size and training of every network."""
    out: dict[str, Any] = {}
    for job in done:
        card = job.folder / "system" / "config.json"
        if job.recipe is None or not card.exists():
            continue
        row = out.setdefault(job.name, {"seeds": []})
        row["seeds"].append(job.seed)
        row["parameters"] = json.loads(card.read_text())["card"]["parameters"]
        row["steps"] = [stage.steps for stage in job.recipe.stages]
        row["batch"] = job.recipe.batch
    return out


def show(todo: list[Job]) -> None:
    """What is there and what is not."""
    for job in todo:
        steps = sum(stage.steps for stage in job.recipe.stages) if job.recipe else 0
        trained = "trained" if (job.folder / "system").exists() else f"{steps} steps"
        state = "stale" if job.stale() else ", ".join(job.missing()) or "done"
        print(f"{job.folder.name:44} {trained:12} {state}")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*MEASURES], default=[*MEASURES])
    parser.add_argument("--rows", nargs="*", choices=[*RUNS], help="only these networks")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--factor", type=float, default=1.0, help="on the recipes' steps")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=Path("runs/sounds/quality"))
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    parser.add_argument("--collect", action="store_true", help="train nothing, take what is there")
    parser.add_argument("--list", action="store_true", help="say what is there, do nothing")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    todo = list(jobs(options))
    if options.list:
        show(todo)
        return 0
    for job in (j for j in todo if j.stale()):
        print(f"{job.folder}: of another recipe; delete it to make it anew")
    todo = [job for job in todo if not job.stale()]
    failed: list[str] = []
    if not options.collect:
        with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
            render(pool, todo)
            failed = [line for line in pool.map(attempt, todo) if line]
    everything = argparse.Namespace(**{**vars(options), "only": [*MEASURES], "rows": None})
    done = [job for job in jobs(everything) if not job.stale()]
    payload = {"mixtures": MIXTURES, "networks": networks(done), "tables": collect(done)}
    write_results("sounds_quality", payload, options.out)
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
