"""What the paper on expressions claims, on portraits of people whom no training has seen.

    python benchmarks/expressions_quality.py [--only system taken-away baseline without-training]
        [--rows NAME ...] [--seeds 0 1 2] [--processes 2] [--weights NAME] [--again] [--collect]
        [--list]

Trains the system, itself with one thing taken away, one model per expression, and the baselines,
all with the same number of steps, and measures them on the same held-out people beside a copy of
the input, a cross-fade to the true picture of the full expression, and true videos. What the
figures mean is said in `expressions_measures.py`. ``--weights`` measures trained weights (bundled,
or a run folder) instead of training. Writes ``results/expressions_quality.json``. Trainings and
their figures that are there are kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import expressions_measures as measures
import quality_runs as quality
from expressions_held_out import HeldOut, Maker, copy_input, cross_fade, made_by, truth
from expressions_runs import BASELINES, RECONSTRUCTION, RUNS, budget, is_stale, loaded, prepared
from quality_runs import Training, folder_of
from questions_scoring import over_seeds
from report import RESULTS, write_results
from sensorium.worlds.portraits import identity, split_seed

SECTIONS = ("system", "taken-away", "baseline", "without-training")
PLAIN: dict[str, Maker] = {
    "copy of the input": copy_input,
    "cross-fade": cross_fade,
    "true videos": truth,
}
"""Makers that are not trained."""

ROOT = Path(__file__).parent.parent
SHOWN = (
    "accuracy", "intensity_spearman", "monotone", "landmark_nme", "ssim", "ssim_face",
    "ssim_mouth", "identity", "reidentified", "jump_ratio", "frechet_judge", "mixed_degrees_mae",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One row with one seed.

    Attributes:
        name: of the row.
        seed: of the training.
        training: that it needs; ``None`` for what is not trained.
        folder: for the figures.
        people: to test on.
        cache: for true pictures.
        again: whether it is measured anew.
    """

    name: str
    seed: int
    training: Training | None
    folder: Path
    people: int
    cache: Path
    again: bool = False

    @property
    def title(self) -> str:
        """What it is called when it fails."""
        return f"{self.name}, seed {self.seed}"

    @property
    def kept(self) -> Path:
        """Where the figures are."""
        return self.folder / f"figures-{self.people}.json"

    @property
    def measured(self) -> bool:
        """Whether it is a row."""
        return self.name not in RUNS or RUNS[self.name].measured

    @property
    def trained(self) -> bool:
        """Whether the system is there."""
        return self.training is None or quality.is_trained(self.folder)

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        measured = self.kept.exists() and not self.again
        return self.trained and (measured or not self.measured)

    def stale(self) -> bool:
        """Whether the training that is there is of another recipe."""
        return self.training is not None and is_stale(self.folder, self.training.recipe)


def lanes(options: argparse.Namespace) -> Iterator[list[Job]]:
    """Jobs that must follow each other, the first seed of everything before the others."""
    for seed in options.seeds:
        first = seed == options.seeds[0]
        if first and "without-training" in options.only:
            for name in PLAIN:
                if name in (options.rows or PLAIN):
                    yield [made(name, seed, options)]
        wanted = [
            name
            for name, run in RUNS.items()
            if run.section in options.only
            and name in (options.rows or RUNS)
            and (first or run.every_seed)
        ]
        needed = {RUNS[name].after for name in wanted} | set(wanted)
        chain: list[Job] = []
        others: list[list[Job]] = []
        for name in (name for name in RUNS if name in needed):
            job = made(name, seed, options)
            if name == RECONSTRUCTION or RUNS[name].after:
                chain.append(job)
            else:
                others.append([job])
        yield from [chain, *others] if chain else others


def jobs(options: argparse.Namespace) -> Iterator[Job]:
    """All of them."""
    return (job for lane in lanes(options) for job in lane)


def made(name: str, seed: int, options: argparse.Namespace) -> Job:
    """A row with its folder."""
    folder = folder_of(options.folder, name, seed)
    training = None
    if name in RUNS:
        run = RUNS[name]
        before = str(folder_of(options.folder, run.after, seed) / "system") if run.after else ""
        recipe = prepared(run, seed, options.steps, options.data, before)
        training = Training(recipe, folder)
    return Job(name, seed, training, folder, options.people, options.cache, options.again)


def carry_out(lane: list[Job]) -> list[str]:
    """One row after another; returns what went wrong."""
    return quality.attempted(train_and_measure, lane)


def train_and_measure(work: Job) -> None:
    """One row."""
    if work.training is None:
        maker = PLAIN[work.name]
    else:
        quality.train(work.training.recipe, work.folder, BASELINES.values())
        if not work.measured:
            return
        maker = made_by(loaded(str(work.training.system)))
    keep(work.kept, work.name, maker, work)


def keep(path: Path, name: str, maker: Maker, work: Job | argparse.Namespace) -> None:
    """Measure a maker and put its figures where they belong."""
    held_out = HeldOut("test", work.people, cache=work.cache)
    others = HeldOut("val", work.people, cache=work.cache)
    row = measures.row_of(maker, held_out, measures.true_features(others))
    quality.write(path, row)
    quality.say({name: row}, SHOWN)


def measure_weights(options: argparse.Namespace) -> None:
    """Trained weights as they are."""
    torch.set_num_threads(1)
    system = loaded(options.weights)
    keep(options.folder / "weights.json", options.weights, made_by(system), options)
    card = getattr(system, "card", None)
    about = {} if card is None else {k: getattr(card, k) for k in ("recipe", "steps")}
    about["parameters"] = sum(p.numel() for p in system.parameters())
    quality.write(options.folder / "weights-about.json", about)


# --- all together ---------------------------------------------------------------------------------


def collect(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is there: rows, trainings, and what has not been run."""
    every = argparse.Namespace(
        **{**vars(options), "only": list(SECTIONS), "rows": None, "again": False}
    )
    found: dict[str, dict[str, Any]] = {}
    networks: dict[str, Any] = {}
    missing: list[str] = []
    for work in jobs(every):
        if not work.done or work.stale():
            missing.append(work.title)
            continue
        if work.measured:
            found.setdefault(work.name, {})[str(work.seed)] = json.loads(work.kept.read_text())
        if work.training is not None:
            about = budget(work.name, work.training)
            entry = networks.setdefault(work.name, {**about, "by_seed": {}})
            entry["by_seed"][str(work.seed)] = quality.spent(work.folder)
    rows = {name: over_seeds(by_seed) for name, by_seed in found.items()}
    out: dict[str, Any] = {
        "people": options.people,
        "people_of": group_sizes(options.people),
        "seeds_of": {name: sorted(by_seed) for name, by_seed in found.items()},
        "networks": networks,
        "rows": rows,
        "not_run": missing,
    }
    weights = options.folder / "weights.json"
    if weights.exists():
        rows["bundled weights"] = json.loads(weights.read_text())
        out["weights"] = json.loads((options.folder / "weights-about.json").read_text())
    judges = RESULTS / "portrait_judges.json"
    if judges.exists():
        out["judges"] = json.loads(judges.read_text())["held_out"]
    return out


def group_sizes(people: int) -> dict[str, dict[str, int]]:
    """How many of the held-out people are in each group."""
    out: dict[str, dict[str, int]] = {}
    for index in range(people):
        for name, group in identity(split_seed("test", index)).groups().items():
            of = out.setdefault(name, {})
            of[group] = of.get(group, 0) + 1
    return out


def show(options: argparse.Namespace) -> None:
    """What is there and what is not."""
    for work in jobs(options):
        steps = work.training.steps if work.training else 0
        state = "stale" if work.stale() else "done" if work.done else "to do"
        state = "to measure" if state == "to do" and work.training and work.trained else state
        print(f"{work.title:44} {steps:6} steps  {state}")


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    rows, folder = [*PLAIN, *RUNS], ROOT / "runs/expressions/quality"
    parser = quality.shared_options(__doc__, SECTIONS, rows, folder, seeds=(0,))
    parser.add_argument("--weights", default="", help="measure these alone: bundled, or a run's")
    parser.add_argument("--steps", type=int, help="of every training; default: the benchmark's")
    parser.add_argument("--people", type=int, default=40, help="held-out people")
    parser.add_argument("--cache", type=Path, default=ROOT / "runs/expressions/cache")
    parser.add_argument(
        "--data", type=Path, default=ROOT / "runs/expressions", help="drawn sittings"
    )
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
    write_results("expressions_quality", collect(options), options.out)
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
