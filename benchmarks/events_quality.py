"""What WSDEC claims, on the stage: events found and told without a time stamp in training.

    python benchmarks/events_quality.py [--only main ablation] [--rows NAME ...] [--seeds 0 1 2]
        [--weights NAME] [--again] [--collect] [--list]

``main`` trains WSDEC in its two recipes, with true spans, and without cycle, regression or anchors,
and measures them on test episodes beside spans that nobody looked for. ``ablation`` changes the
slope of the masks, the anchors, their labels, and the search (rounds, candidates), one thing at a
time, and measures on validation episodes: whatever is chosen is chosen there. ``--weights``
measures trained weights (bundled, or a run folder) instead of training. Writes
``results/events_quality.json``. Trainings and their figures that are there are kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import events_measures as measures
import quality_runs as quality
from events_held_out import HeldOut
from events_measures import Rows
from events_runs import CAPTIONED, RUNS, Budget, Run, budget, prepared
from quality_runs import folder_of
from questions_scoring import over_seeds
from report import write_results
from sensorium import store
from sensorium.events.datasets.stage import StageStories
from sensorium.events.systems import WSDECSystem
from sensorium.recipe import Recipe

SECTIONS = ("main", "ablation")
ROOT = Path(__file__).parent.parent
Tables = dict[str, Rows]
"""Rows by split."""


@dataclass(frozen=True)
class Job:
    """One system with one seed.

    Attributes:
        name: of the run.
        seed: of the training.
        recipe: how it is trained.
        folder: of the run.
        held_out: episodes to test on, and to validate on.
        again: whether it is measured anew.
    """

    name: str
    seed: int
    recipe: Recipe
    folder: Path
    held_out: tuple[int, int]
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
    def kept(self) -> Path:
        """Where the figures are."""
        return self.folder / "figures-{}-{}.json".format(*self.held_out)

    @property
    def trained(self) -> bool:
        """Whether the system is there."""
        return quality.is_trained(self.folder)

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        return self.trained and self.kept.exists() and not self.again

    def stale(self) -> bool:
        """Whether the run that is there is of another recipe."""
        return quality.is_stale(self.folder, self.recipe)


def lanes(options: argparse.Namespace) -> Iterator[list[Job]]:
    """Jobs that must follow each other, the first seed of everything before the others."""
    for seed in options.seeds:
        wanted = [
            name
            for name, run in RUNS.items()
            if run.section in options.only
            and name in (options.rows or RUNS)
            and (seed == options.seeds[0] or run.every_seed)
        ]
        needed = {RUNS[name].after for name in wanted} | set(wanted)
        chain: list[Job] = []
        for name in (name for name in RUNS if name in needed):
            job = made(name, seed, options)
            if name == CAPTIONED or RUNS[name].after:
                chain.append(job)
            else:
                yield [job]
        if chain:
            yield chain


def made(name: str, seed: int, options: argparse.Namespace) -> Job:
    """A run with its folder."""
    run = RUNS[name]
    recipe = prepared(run, seed, given(options))
    if run.after:
        recipe = replace(recipe, init=str(folder_of(options.folder, run.after, seed) / "system"))
    held_out = (options.test, options.val)
    return Job(name, seed, recipe, folder_of(options.folder, name, seed), held_out, options.again)


def given(options: argparse.Namespace) -> Budget:
    """What the command line grants every run."""
    names = ("factor", "paper", "episodes", "seconds", "batch", "cache")
    return Budget(**{name: getattr(options, name) for name in names})


def carry_out(lane: list[Job]) -> list[str]:
    """Train and measure runs one after another on one core; what is there is kept."""
    return quality.attempted(train_and_measure, lane)


def train_and_measure(job: Job) -> None:
    """One run."""
    if not job.trained:
        for split in ("train", "val", "test"):
            job.recipe.data.open(split)  # makes features that are missing, untimed
        quality.train(job.recipe, job.folder)
    system = wsdec_of(str(job.folder / "system"))
    write(job.kept, tables_of(job, system))


def tables_of(job: Job, system: WSDECSystem) -> Tables:
    """What is to be measured of a run: on test episodes or on those of validation."""
    data: StageStories = job.recipe.data
    test, val = job.held_out
    if job.run.section == "ablation":
        return {"val": measures.system_rows(system, HeldOut(data, "val", val), job.name)}
    held_out = HeldOut(data, "test", test)
    tables: Tables = {"test": measures.system_rows(system, held_out, job.name, job.run.localises)}
    if job.name == CAPTIONED:
        tables["test"] = measures.given_rows(system, held_out, job.seed, by=CAPTIONED)
    if job.name == "wsdec":
        tables["test"] |= measures.merged(
            measures.chance_rows(system.localiser.anchors, held_out, job.seed),
            measures.given_rows(system, held_out, job.seed),
        )
        valid = HeldOut(data, "val", val)
        tables["val"] = measures.system_rows(system, valid, job.name)
        tables["val"] |= measures.search_rows(system, valid)
    return tables


def wsdec_of(source: str) -> WSDECSystem:
    """A trained WSDEC: a bundled name, a system's folder or a run folder."""
    system = store.load(source)
    if not isinstance(system, WSDECSystem):
        raise ValueError(f"{source}: holds {system.name}, expected wsdec")
    return system


def write(path: Path, tables: Any) -> None:
    """Figures, whole or not at all; says the main ones."""
    quality.write(path, tables)
    for split, rows in tables.items():
        for name, row in rows.items():
            shown = {k: row[k] for k in SHOWN if k in row}
            values = "  ".join(f"{k} {v:.3f}" for k, v in shown.items())
            print(f"{split:5} {name:40} {values}", flush=True)


SHOWN = (
    "miou", "recall1_iou0.5", "label_miou", "spread", "distinct",
    "cider_d", "soda", "f1", "predictions", "slot_all",
)  # fmt: skip


def measure_weights(options: argparse.Namespace) -> None:
    """Trained weights on test episodes, as they are."""
    torch.set_num_threads(1)
    system = wsdec_of(options.weights)
    config = system.config
    data = StageStories(
        seconds=config.seconds, features=config.features, cache=options.cache, processes=1
    )
    held_out = HeldOut(data, "test", options.test)
    card = system.card
    about = {} if card is None else {k: getattr(card, k) for k in ("recipe", "steps")}
    about["parameters"] = sum(p.numel() for p in system.parameters())
    rows = measures.system_rows(system, held_out, "wsdec, as bundled")
    write(options.folder / "weights.json", {"test": rows})
    (options.folder / "weights-about.json").write_text(json.dumps(about))


# --- all together ---------------------------------------------------------------------------------


def collect(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is there: rows by split, trainings, what the episodes are like."""
    every = argparse.Namespace(
        **{**vars(options), "only": list(SECTIONS), "rows": None, "again": False}
    )
    found: dict[tuple[str, str], dict[str, Any]] = {}
    networks: dict[str, Any] = {}
    for job in (job for lane in lanes(every) for job in lane):
        if not job.done or job.stale():
            continue
        entry = networks.setdefault(
            job.name, {**budget(job.run, job.recipe, job.folder), "by_seed": {}}
        )
        entry["by_seed"][str(job.seed)] = quality.spent(job.folder)
        for split, rows in json.loads(job.kept.read_text()).items():
            for name, row in rows.items():
                found.setdefault((split, name), {})[str(job.seed)] = row
    tables: dict[str, Any] = {"test": {}, "val": {}}
    for (split, name), by_seed in found.items():
        tables[split][name] = over_seeds(by_seed)
    out: dict[str, Any] = {"networks": networks, "tables": tables}
    weights = options.folder / "weights.json"
    if weights.exists():
        tables["test"] |= json.loads(weights.read_text())["test"]
        about = options.folder / "weights-about.json"
        out["weights"] = json.loads(about.read_text())
    data = prepared(RUNS["wsdec"], 0, given(options)).data
    sizes = {"test": options.test, "val": options.val}
    out["episodes"] = {s: facts(data, s, n) for s, n in sizes.items()} if networks else {}
    return out


def facts(data: StageStories, split: Any, count: int) -> dict[str, Any]:
    """What the episodes are like; their features are not needed."""
    return HeldOut(replace(data, cache=None), split, count).facts()


def show(options: argparse.Namespace) -> None:
    """What is there and what is not."""
    for job in (job for lane in lanes(options) for job in lane):
        state = "stale" if job.stale() else "done" if job.done else "to do"
        state = "to measure" if state == "to do" and job.trained else state
        print(f"{job.folder.name:44} {sum(s.steps for s in job.recipe.stages):6} steps  {state}")


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    folder = ROOT / "runs/events/quality"
    parser = quality.shared_options(__doc__, SECTIONS, RUNS, folder)
    parser.add_argument("--weights", default="", help="measure these alone: bundled, or a run's")
    parser.add_argument("--factor", type=float, default=1.0, help="on the steps of training")
    parser.add_argument("--paper", type=float, default=1.0, help="likewise, of wsdec-paper")
    parser.add_argument("--episodes", type=int, help="to train on; default: the recipe's")
    parser.add_argument("--seconds", type=float, help="of an episode; default: the recipe's")
    parser.add_argument("--batch", type=int, help="at most; default: the recipe's")
    parser.add_argument("--test", type=int, default=300, help="held-out episodes")
    parser.add_argument("--val", type=int, default=100, help="episodes to choose by")
    parser.add_argument("--cache", type=Path, default=ROOT / "runs/events/cache")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    if options.list:
        show(options)
        return 0
    failed: list[str] = []
    if options.weights:
        measure_weights(options)
    elif not options.collect:
        todo = quality.left_to_do(lanes(options))
        failed = quality.pooled(carry_out, todo, options.processes)
    write_results("events_quality", collect(options), options.out)
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
