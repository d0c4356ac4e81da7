"""What the paper on defensive quantisation claims, under attacks that do not give up.

    python benchmarks/robustness_quality.py [--only main adversarial parts objects]
        [--rows NAME ...] [--seeds 0 1 2] [--processes 2] [--again] [--collect] [--list]

``main`` trains vanilla quantisation, the paper's penalty and the non-expansive network at every
number of bits on scikit-learn's digits; ``adversarial`` trains them on R+FGSM pictures at the same
number of passes; ``parts`` changes one thing at a time; ``objects`` attacks the bundled weights on
procedural objects. What is measured is said in `robustness_measures.py`, what the paper claims in
`robustness_claims.py`. Writes ``results/robustness_quality.json`` and
``docs/figures/robustness_*.png``. Trainings and their figures that are there are kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

import quality_runs as quality
import robustness_measures as measures
import robustness_plots
from quality_runs import folder_of
from questions_scoring import over_seeds
from report import write_results
from robustness_claims import claims
from robustness_runs import RUNS, SOURCE_SEED, WORLDS, Budget, Run, budget_of, granted
from sensorium import store
from sensorium.recipe import Recipe
from sensorium.robustness.systems import DQSystem
from sensorium.store.sources import bundled_folder, bundled_names

SECTIONS = ("main", "adversarial", "parts", "objects")
ROOT = Path(__file__).parent.parent
DIGITS = 5  # of a figure in the results


@dataclass(frozen=True)
class Job:
    """One network with one seed.

    Attributes:
        name: of the row.
        seed: of the training.
        recipe: how it is trained; ``None``: it is bundled.
        root: of all runs.
        first: whether it is the first seed, which is looked at closely.
        again: whether it is measured anew.
    """

    name: str
    seed: int
    recipe: Recipe | None
    root: Path
    first: bool = True
    again: bool = False

    @property
    def run(self) -> Run:
        """What it is."""
        return RUNS[self.name]

    @property
    def title(self) -> str:
        """What it is called when it fails."""
        return f"{self.name}, seed {self.seed}"

    @property
    def folder(self) -> Path:
        """Of the run."""
        return folder_of(self.root, self.name, self.seed)

    @property
    def budget(self) -> Budget:
        """Of the attacks."""
        return granted(self.run)

    @property
    def kept(self) -> Path:
        """Where the figures are; those of bundled weights know of which."""
        key = self.budget.key
        weights = bundled_folder() / self.run.weights / "model.safetensors"
        if self.run.weights and weights.exists():
            key += f"-{hashlib.sha256(weights.read_bytes()).hexdigest()[:10]}"
        return self.folder / f"figures-{key}.json"

    @property
    def trained(self) -> bool:
        """Whether the network is there."""
        if self.run.weights:
            return self.run.weights in bundled_names()
        return quality.is_trained(self.folder)

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        return self.trained and self.kept.exists() and not self.again

    def stale(self) -> bool:
        """Whether the run that is there is of another recipe."""
        return self.recipe is not None and quality.is_stale(self.folder, self.recipe)


def jobs(options: argparse.Namespace) -> Iterator[Job]:
    """All rows, the first seed of everything before the others."""
    for seed in options.seeds:
        first = seed == options.seeds[0]
        for name, run in RUNS.items():
            if run.section not in options.only or name not in (options.rows or RUNS):
                continue
            if first or run.recipe is not None:
                recipe = None if run.recipe is None else run.recipe(seed)
                yield Job(name, seed, recipe, options.folder, first, options.again)


# --- training and measuring -----------------------------------------------------------------------


def source_of(world: str, root: Path) -> Path:
    """Where the pictures attacked on the undefended network are."""
    folder = folder_of(root, f"{world} source", SOURCE_SEED)
    return folder / f"transferred-{WORLDS[world].budget.key}.pt"


def prepare(world: str, root: Path) -> None:
    """Train the undefended network of a world and attack it, if that has not been done."""
    path, source = source_of(world, root), WORLDS[world].source
    if not path.exists():
        torch.set_num_threads(1)
        if not isinstance(source, str):
            quality.train(source(), path.parent)
        chosen = source if isinstance(source, str) else str(path.parent / "system")
        measures.attacked_source(world, system_of(chosen), path)


def carry_out(job: Job) -> list[str]:
    """One row; returns what went wrong."""
    return quality.attempted(train_and_measure, [job])


def train_and_measure(job: Job) -> None:
    """One network."""
    if job.recipe is not None:
        quality.train(job.recipe, job.folder)
    system = system_of(job.run.weights or str(job.folder / "system"))
    path = source_of(job.run.world, job.root)
    held = replace(measures.held_out(job.run.world, path), budget=job.budget)
    closely = job.first and job.run.closely
    rows = measures.rows_of(job.name, system, held, job.run.squeezed, closely)
    if job.run.weights == WORLDS[job.run.world].source:
        row = rows[job.name]
        rows[job.name] = {k: v for k, v in row.items() if not k.startswith("transfer@")}
    about = {"parameters": sum(p.numel() for p in system.parameters())}
    quality.write(job.kept, {"rows": rows, "about": about})
    main = held.budget.main
    shown = [measures.key(k, main) for k in ("fgsm", "pgd_last", "transfer", "robust")]
    quality.say({job.title: rows[job.name]}, ["clean", *shown])


def system_of(source: str) -> DQSystem:
    """A trained network: a bundled name or a system's folder.

    Raises:
        ValueError: when it is no such network.
    """
    system = store.load(source)
    if not isinstance(system, DQSystem):
        raise ValueError(f"{source}: holds {system.name}, expected dq")
    return system.eval()


# --- all together ---------------------------------------------------------------------------------


def collect(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is there: rows, single seeds, trainings, claims, and what was not run."""
    every = argparse.Namespace(
        **{**vars(options), "only": list(SECTIONS), "rows": None, "again": False}
    )
    found: dict[tuple[str, str], dict[str, Any]] = {}
    networks: dict[str, Any] = {}
    missing = []
    for job in jobs(every):
        if not job.done or job.stale():
            missing.append(job.title)
            continue
        kept = json.loads(job.kept.read_text())
        about = {} if job.recipe is None else budget_of(job.recipe)
        entry = networks.setdefault(job.name, {**about, **kept["about"], "by_seed": {}})
        entry["by_seed"][str(job.seed)] = rounded(quality.spent(job.folder))
        for name, row in kept["rows"].items():
            found.setdefault((job.run.world, name), {})[str(job.seed)] = rounded(row)
    rows: dict[str, Any] = {world: {} for world in WORLDS}
    seeds: dict[str, Any] = {world: {} for world in WORLDS}
    for (world, name), by_seed in found.items():
        rows[world][name] = rounded(over_seeds(by_seed))
        seeds[world][name] = by_seed
    return {
        "budgets": {name: asdict(world.budget) for name, world in WORLDS.items()},
        "networks": networks,
        "rows": rows,
        "by_seed": seeds,
        "claims": claims(seeds),
        "not_run": missing,
    }


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Figures with as many digits as they are worth."""
    return {k: round(v, DIGITS) if isinstance(v, float) else v for k, v in row.items()}


def show(options: argparse.Namespace) -> None:
    """What is there and what is not."""
    for job in jobs(options):
        state = "stale" if job.stale() else "done" if job.done else "to do"
        state = "to measure" if state == "to do" and job.trained else state
        steps = sum(s.steps for s in job.recipe.stages) if job.recipe else 0
        print(f"{job.title:48} {steps:6} steps  {state}")


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    folder = ROOT / "runs/robustness/quality"
    parser = quality.shared_options(__doc__, SECTIONS, RUNS, folder)
    parser.add_argument("--figures", type=Path, default=ROOT / "docs/figures")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    if options.list:
        show(options)
        return 0
    failed: list[str] = []
    if not options.collect:
        todo = [job for (job,) in quality.left_to_do([job] for job in jobs(options))]
        for job in (job for job in todo if job.run.weights and not job.trained):
            print(f"{job.name}: not bundled yet, left out")
        todo = [job for job in todo if job.trained or not job.run.weights]
        for world in dict.fromkeys(job.run.world for job in todo):
            prepare(world, options.folder)
        failed = quality.pooled(carry_out, todo, options.processes)
    results = collect(options)
    write_results("robustness_quality", results, options.out)
    robustness_plots.draw(results, options.figures)
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
