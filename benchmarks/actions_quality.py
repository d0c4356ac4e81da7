"""What the papers claim, on the stage: TSM and StNet tell a move from its reverse, TSN cannot.

    python benchmarks/actions_quality.py [--seeds 0 1 2] [--processes 4] [--folder runs/quality]

Trains every variant with every seed (runs that are there are gone on with or kept), tests each on
held-out clips and on their reverses, and writes ``results/actions_quality.json``. The networks
share trunk, data, steps and optimiser. Ablations run at a shorter budget, beside their base.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from report import write_results
from sensorium import store, training
from sensorium.actions.datasets import ActionData
from sensorium.actions.metrics import pair_accuracy
from sensorium.actions.systems import ActionSystem
from sensorium.recipe import Recipe
from sensorium.worlds.stage.moves import LABELS, partner

Change = Callable[[Recipe], Recipe]


def network(**fields: Any) -> Change:
    """A change of the network's config."""

    def change(recipe: Recipe) -> Recipe:
        system = replace(recipe.system, network=replace(recipe.system.network, **fields))
        return replace(recipe, system=system)

    return change


MAIN = ("tsn", "tsm", "tsm-online", "stnet", "i3d")
ABLATIONS: dict[str, tuple[str, Change]] = {
    "1/16 each way": ("tsm", network(shift_div=16)),
    "1/8 each way (base)": ("tsm", network()),
    "1/4 each way": ("tsm", network(shift_div=4)),
    "1/2 each way (all)": ("tsm", network(shift_div=2)),
    "block placement": ("tsm", network(placement="block")),
    "past only, 1/8": ("tsm", network(direction="past")),
    "stnet": ("stnet", network()),
    "stnet, tmb as drawn": ("stnet", network(tmb="paper")),
}


@dataclass(frozen=True)
class Job:
    """One training run."""

    part: str
    variant: str
    seed: int
    recipe: Recipe
    folder: Path


def jobs(options: argparse.Namespace) -> list[Job]:
    """Every run that the table needs."""
    made = []
    for seed in options.seeds:
        made += [job("main", name, seed, training.recipe(name), options) for name in MAIN]
        for variant, (base, change) in ABLATIONS.items():
            recipe = change(training.recipe(base))
            made.append(job("ablation", variant, seed, recipe, options))
    return made


def job(part: str, variant: str, seed: int, recipe: Recipe, options: argparse.Namespace) -> Job:
    """A run on clips of single moves, which is what the claim is about."""
    data = replace(recipe.data, cache=options.folder / "clips", episodes=0.0)
    steps = options.steps if part == "main" else options.ablation_steps
    stages = (replace(recipe.stages[0], steps=steps),)
    recipe = replace(recipe, data=data, stages=stages, seed=seed, workers=0, validate_every=0)
    name = "".join(c if c.isalnum() else "-" for c in f"{part}-{variant}")
    return Job(part, variant, seed, recipe, options.folder / f"{name}-seed{seed}")


def carry_out(task: Job) -> dict[str, Any]:
    """Train and test one run on one core, or take the figures of one that was done before."""
    kept = task.folder / "figures.json"
    if kept.exists():
        figures: dict[str, Any] = json.loads(kept.read_text())
        return figures
    torch.set_num_threads(1)
    training.train(task.recipe, task.folder, resume=True)
    system = store.load(task.folder / "system")
    assert isinstance(system, ActionSystem)
    figures = test(system, task.recipe.data)
    kept.write_text(json.dumps(figures))
    print(
        f"{task.part:9} {task.variant:22} seed {task.seed}  top1 {figures['top1']:.3f}", flush=True
    )
    return figures


@torch.no_grad()
def test(system: ActionSystem, data: ActionData) -> dict[str, Any]:
    """Held-out clips and their reverses; ``rest`` is its own reverse and counted apart."""
    examples = data.open("test")
    rows, labels = [], []
    for first in range(0, len(examples), 64):
        batch = [examples.example(i, 0) for i in range(first, min(first + 64, len(examples)))]
        rows.append(system(torch.stack([e["frames"] for e in batch])))
        labels += [int(e["label"]) for e in batch]
    logits, label = torch.cat(rows), torch.tensor(labels)
    other = torch.tensor([LABELS.index(partner(name)) for name in LABELS])
    paired = other[label] != label
    right = logits.argmax(1) == label
    per_class = {n: float(right[label == k].float().mean()) for k, n in enumerate(LABELS)}
    return {
        "top1": float(right[paired].float().mean()),
        "top1_with_rest": float(right.float().mean()),
        "pair_accuracy": pair_accuracy(logits[paired], label[paired], other),
        "reversal_difference": float((logits[0::2] - logits[1::2]).abs().max()),
        "clips": len(label),
        "per_class": per_class,
    }


def cost(recipe: Recipe) -> dict[str, Any]:
    """Parameters, and multiply-adds for one clip."""
    config = recipe.data.adapt(recipe.system)
    system = type_of(recipe)(config).eval()
    view = config.view
    frames = torch.zeros(1, view.sampling.count, 3, view.size, view.size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        system.network(frames)
    parameters = sum(p.numel() for p in system.network.parameters())
    return {"parameters": parameters, "mega_macs": counter.get_total_flops() / 2e6}


def type_of(recipe: Recipe) -> type[ActionSystem]:
    kinds = {system.Config: system for system in store.systems().values()}
    return kinds[type(recipe.system)]


def summary(runs: list[tuple[Job, dict[str, Any]]]) -> dict[str, Any]:
    """Mean and spread over the seeds, with every seed's figures."""
    figures = [f for _, f in runs]
    top1 = [f["top1"] for f in figures]
    pairs = [f["pair_accuracy"] for f in figures]
    classes = figures[0]["per_class"]
    recipe = runs[0][0].recipe
    return {
        **cost(recipe),
        "steps": recipe.stages[0].steps,
        "frames": recipe.data.sampling.count,
        "top1_mean": statistics.mean(top1),
        "top1_spread": statistics.stdev(top1) if len(top1) > 1 else None,
        "pair_accuracy_mean": statistics.mean(pairs),
        "reversal_difference_max": max(f["reversal_difference"] for f in figures),
        "per_class_mean": {c: statistics.mean(f["per_class"][c] for f in figures) for c in classes},
        "seeds": {str(j.seed): f for j, f in runs},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--ablation-steps", type=int, default=500)
    parser.add_argument("--folder", type=Path, default=Path("runs/quality"))
    parser.add_argument("--only", choices=["main", "ablation"], help="one part of the table")
    parser.add_argument("--collect", action="store_true", help="train nothing, take finished runs")
    options = parser.parse_args()
    todo = [j for j in jobs(options) if options.only in (None, j.part)]
    if options.collect:
        todo = [j for j in todo if (j.folder / "figures.json").exists()]
    else:
        for split in ("train", "val", "test"):  # render once, before the runs share the clips
            for data in {j.recipe.data for j in todo}:
                data.open(split)
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        figures = list(pool.map(carry_out, todo))
    table: dict[str, dict[str, Any]] = {}
    for part in ("main", "ablation"):
        for variant in dict.fromkeys(j.variant for j in todo if j.part == part):
            runs = [(j, f) for j, f in zip(todo, figures, strict=True) if j.part == part]
            mine = [(j, f) for j, f in runs if j.variant == variant]
            table.setdefault(part, {})[variant] = summary(mine)
    write_results("actions_quality", {"seeds": options.seeds, **table})


if __name__ == "__main__":
    main()
