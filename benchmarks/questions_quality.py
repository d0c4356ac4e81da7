"""What NS-VQA claims, on blocks: answers by type of question, beside networks without symbols.

    python benchmarks/questions_quality.py [--only answers end-to-end cogent] [--rows film]
        [--seeds 0 1 2] [--weights nsvqa] [--scenes FOLDER] [--parser FOLDER] [--collect]
        [--list]

``answers`` measures trained weights (bundled, or the systems of run folders) on held-out pictures
and questions: from pixels and from true scenes, with parsed and with annotated programs.
``end-to-end`` trains FiLM and CNN+LSTM on pictures, questions and answers. ``cogent`` trains scene
parsers on CLEVR-CoGenT's condition A and goes on with a few scenes of B. The curve over annotated
programs is `questions_curve.py`'s; its figures are taken over. Writes
``results/questions_quality.json``. Trainings and their figures that are there are kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import quality_runs as quality
import questions_measures as measures
from questions_held_out import HeldOut, questions_of
from questions_measures import Tables
from questions_runs import BASELINES, IMAGES, RUNS, Run, budget, prepared
from questions_scoring import over_seeds
from report import RESULTS, write_results
from sensorium import store
from sensorium.questions.baselines import EndToEndSystem
from sensorium.questions.datasets.question_table import asked_in_blocks
from sensorium.questions.systems import NSVQASystem
from sensorium.recipe import Recipe

SECTIONS = ("answers", "end-to-end", "cogent")
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Job:
    """One network with one seed.

    Attributes:
        name: of the run.
        section: of the benchmark.
        seed: of the training.
        recipe: how it is trained.
        folder: of the run.
        cache: for pictures and questions.
        scenes: to test on.
        measured: whether it has rows of its own.
        again: whether it is measured anew.
    """

    name: str
    section: str
    seed: int
    recipe: Recipe
    folder: Path
    cache: Path
    scenes: int
    measured: bool = True
    again: bool = False

    @property
    def title(self) -> str:
        """What it is called when it fails."""
        return f"{self.name}, seed {self.seed}"

    @property
    def kept(self) -> Path:
        """Where the figures are."""
        return self.folder / f"figures-{self.scenes}.json"

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        measured = not self.measured or (self.kept.exists() and not self.again)
        return quality.is_trained(self.folder) and measured

    def stale(self) -> bool:
        """Whether the run that is there is of another recipe."""
        return quality.is_stale(self.folder, self.recipe)


def lanes(options: argparse.Namespace) -> Iterator[list[Job]]:
    """Jobs that must follow each other, the first seed of everything before the others."""
    for seed in options.seeds:
        chain: list[Job] = []
        for name, run in RUNS.items():
            first = seed == options.seeds[0]
            wanted = run.section in options.only and name in (options.rows or RUNS)
            if not wanted or not (first or run.every_seed):
                continue
            job = made(name, run, seed, options)
            if run.section == "cogent":
                chain.append(job)
            else:
                yield [job]
        if chain:
            yield chain


def made(name: str, run: Run, seed: int, options: argparse.Namespace) -> Job:
    """A run with its folder."""

    def place(run_name: str) -> Path:
        return quality.folder_of(options.folder, f"{run.section} {run_name}", seed)

    recipe = prepared(run, seed, options.factor, options.cache)
    if run.after:
        recipe = replace(recipe, init=str(place(run.after) / "system"))
    scenes = options.cogent if run.section == "cogent" else options.test
    held = (options.cache, scenes, run.measured, options.again)
    return Job(name, run.section, seed, recipe, place(name), *held)


def carry_out(lane: list[Job]) -> list[str]:
    """Train and measure runs one after another on one core; what is there is kept."""
    return quality.attempted(train_and_measure, lane)


def train_and_measure(job: Job) -> None:
    """One run."""
    quality.train(job.recipe, job.folder, BASELINES.values())
    if not job.measured:
        return
    system = store.load(job.folder / "system", systems={**store.systems(), **BASELINES})
    if isinstance(system, EndToEndSystem):
        tables = measures.end_to_end(system, HeldOut(job.cache, job.scenes), job.name)
    else:
        assert isinstance(system, NSVQASystem)
        tables = {}
        for condition in ("a", "b"):
            held_out = HeldOut(job.cache, job.scenes, condition=condition)
            tables |= measures.cogent(system.scenes, held_out, job.name)
    write(job.kept, tables)


def write(path: Path, tables: Any) -> None:
    """Figures, whole or not at all; says the main ones."""
    quality.write(path, tables)
    for table, rows in tables.items():
        for row, figures in rows.items() if isinstance(rows, dict) else ():
            if isinstance(figures, dict):
                shown = {k: v for k, v in figures.items() if isinstance(v, float) and "/" not in k}
                values = "  ".join(f"{k} {v:.4f}" for k, v in shown.items())
                print(f"{table:12} {row:40} {values}", flush=True)


# --- trained weights ------------------------------------------------------------------------------


def nsvqa_of(source: str) -> NSVQASystem:
    """A trained NS-VQA: a bundled name, a system's folder or a run folder."""
    system = store.load(source)
    if not isinstance(system, NSVQASystem):
        raise ValueError(f"{source}: holds {system.name}, expected nsvqa")
    return system


def about(system: NSVQASystem, part: torch.nn.Module) -> dict[str, Any]:
    """How one of its halves was trained."""
    card = system.card
    out = {} if card is None else {k: getattr(card, k) for k in ("recipe", "steps", "trained_on")}
    return {**out, "parameters": sum(p.numel() for p in part.parameters())}


def measure_weights(options: argparse.Namespace) -> None:
    """The section ``answers``: always measured anew, since weights and code may have changed."""
    torch.set_num_threads(1)
    one, other = (nsvqa_of(s or options.weights) for s in (options.scenes, options.parser))
    held_out = HeldOut(options.cache, options.test)
    few = nsvqa_of(options.few).parser if options.few else None
    tables: Tables = measures.nsvqa(one.scenes, other.parser, held_out, few)
    learned_on = questions_of(asked_in_blocks("train", 10 * IMAGES, 10, options.cache))
    tables["answers"] |= measures.guesses(held_out, learned_on)["answers"]
    weights = {"nsvqa": about(one, one)}
    if options.scenes or options.parser:
        weights = {
            "nsvqa: scenes": about(one, one.scenes),
            "nsvqa: parser": about(other, other.parser),
        }
    write(options.folder / "answers.json", tables)
    (options.folder / "weights.json").write_text(json.dumps(weights))


# --- all together ---------------------------------------------------------------------------------


def collect(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is there: tables by row, trainings, the curve."""
    every = argparse.Namespace(
        **{**vars(options), "only": list(SECTIONS), "rows": None, "again": False}
    )
    tables: dict[str, dict[str, Any]] = {}
    networks: dict[str, Any] = {}
    weights: dict[str, Any] = {}
    latest = options.folder / "answers.json"
    if latest.exists():
        tables = json.loads(latest.read_text())
        weights = json.loads((options.folder / "weights.json").read_text())
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for job in (job for lane in lanes(every) for job in lane):
        if not job.done or job.stale():
            continue
        label = f"cogent {job.name}" if job.section == "cogent" else job.name
        row = networks.setdefault(label, {"seeds": [], **budget(job.recipe, job.folder)})
        row["seeds"].append(job.seed)
        if job.measured:
            for table, rows in json.loads(job.kept.read_text()).items():
                for name, figures in rows.items():
                    found.setdefault((table, name), {})[str(job.seed)] = figures
    for (table, name), by_seed in found.items():
        tables.setdefault(table, {})[name] = over_seeds(by_seed)
    out = {"scenes": options.test, "cogent_scenes": options.cogent, "questions_per_scene": 10}
    out |= {"weights": weights, "networks": networks, "tables": tables}
    curve = RESULTS / "questions_curve.json"
    if curve.exists():
        kept = json.loads(curve.read_text())
        out["curve"] = {key: kept[key] for key in ("budget", "paper", "points")}
    return out


def show(options: argparse.Namespace) -> None:
    """What is there and what is not."""
    for job in (job for lane in lanes(options) for job in lane):
        state = "stale" if job.stale() else "done" if job.done else "to do"
        print(f"{job.folder.name:44} {sum(s.steps for s in job.recipe.stages):6} steps  {state}")


def arguments() -> argparse.Namespace:
    """The command line."""
    folder = ROOT / "runs/questions/quality"
    parser = quality.shared_options(__doc__, SECTIONS, RUNS, folder, seeds=(0,))
    parser.add_argument("--weights", default="nsvqa", help="bundled name or run folder")
    parser.add_argument("--scenes", default="", help="likewise, of the scene parser alone")
    parser.add_argument("--parser", default="", help="likewise, of the question parser alone")
    parser.add_argument("--few", default="", help="likewise, of a parser taught few programs")
    parser.add_argument("--factor", type=float, default=1.0, help="on the steps of training")
    parser.add_argument("--test", type=int, default=1000, help="held-out scenes")
    parser.add_argument("--cogent", type=int, default=250, help="held-out scenes of a condition")
    parser.add_argument("--cache", type=Path, default=ROOT / "runs/questions/cache")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if options.list:
        show(options)
        return 0
    failed: list[str] = []
    if not options.collect:
        if "answers" in options.only:
            measure_weights(options)
        todo = quality.left_to_do(lanes(options))
        failed = quality.pooled(carry_out, todo, options.processes)
    write_results("questions_quality", collect(options), options.out)
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
