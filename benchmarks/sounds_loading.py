"""Whether training for sound waits for its data: the loader's own rate beside that of the steps.

    python benchmarks/sounds_loading.py [--quick] [--out DIR]

For each recipe, in one run and on one thread: examples per second that one worker makes from solos
rendered beforehand (`SOLOS`), examples per second of training steps on batches that are already
there, and of steps that take their batches from one worker, as in training. Processor time of both
stands beside time by the clock, which other work on the machine makes longer; its load is noted.
Loading is no bottleneck where ``loader_over_steps`` is above 1.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from report import RESULTS, write_results
from sensorium.recipe import Recipe, Stage
from sensorium.sounds.datasets.mixing import Mixtures
from sensorium.sounds.recipes import RECIPES
from sensorium.system import Batch
from sensorium.training.building import build
from sensorium.training.devices import open_accelerator
from sensorium.training.order import Order, batches
from sensorium.training.stage import ActiveStage

SOLOS = Path("runs/sounds/solos")  # shared with sounds_quality.py
COUNT = 64  # solos and empty stages that examples are made of
WARM = 3  # batches or steps before the clock starts
SYSTEMS = ("pixels", "motions", "concepts")


def prepared(name: str) -> Recipe:
    """The recipe with few solos in the folder of rendered ones."""
    recipe = RECIPES[name]()

    def few(data: Any) -> Any:
        return None if data is None else replace(data, length=COUNT, cache=SOLOS)

    stages = tuple(replace(stage, data=few(stage.data)) for stage in recipe.stages)
    return replace(recipe, data=few(recipe.data), stages=stages, init=None)


def stream(recipe: Recipe, examples: Mixtures, steps: int, workers: int) -> Iterator[Batch]:
    """The batches of so many steps."""
    order = Order(recipe.seed, len(examples), range(steps), batch=recipe.batch)
    return batches(examples, order, workers=workers)


def rate(work: Iterator[object], count: int, batch: int) -> dict[str, float]:
    """Examples per second by the clock and processor milliseconds per example, this process's."""
    for _ in range(WARM):
        next(work)
    began, used = time.perf_counter(), time.process_time()
    for _ in range(count):
        next(work)
    seconds, used = time.perf_counter() - began, time.process_time() - used
    return {
        "examples_per_second": round(count * batch / seconds, 1),
        "cpu_ms_per_example": round(1000 * used / (count * batch), 2),
    }


def active_stage(recipe: Recipe, stage: Stage) -> ActiveStage:
    """The stage as `fit` carries it out, on the processor, from random weights."""
    system = build(recipe, start=False)
    system.train()
    trainable = frozenset(n for n, p in system.named_parameters() if p.requires_grad)
    return ActiveStage(open_accelerator(recipe, "cpu"), system, recipe, stage, trainable)


def trained(active: ActiveStage, stream: Iterator[Batch]) -> Iterator[object]:
    """Step after step."""
    for number in itertools.count(1):
        yield active.step(number, stream)


def measured(recipe: Recipe, loads: int, steps: int) -> dict[str, Any]:
    """A recipe's last stage: the loader alone, the steps alone, and both together."""
    stage = recipe.stages[-1]
    examples = (stage.data or recipe.data).open("train")
    for index in (*range(-COUNT, 0), *range(COUNT)):
        _ = examples.recordings[index]
    batch = recipe.batch
    found: dict[str, Any] = {"batch": batch, "load_average": os.getloadavg()[0]}
    here = rate(stream(recipe, examples, loads + WARM, 0), loads, batch)
    found["loader_cpu_ms_per_example"] = here["cpu_ms_per_example"]
    worker = rate(stream(recipe, examples, loads + WARM, 1), loads, batch)
    found["loader_examples_per_second"] = worker["examples_per_second"]
    held = list(stream(recipe, examples, 4, 0))
    active = active_stage(recipe, stage)
    alone = rate(trained(active, itertools.cycle(held)), steps, batch)
    found["steps_examples_per_second"] = alone["examples_per_second"]
    found["steps_cpu_ms_per_example"] = alone["cpu_ms_per_example"]
    fed = rate(trained(active, stream(recipe, examples, steps + WARM, 1)), steps, batch)
    found["together_examples_per_second"] = fed["examples_per_second"]
    for ratio, over in (("loader", "steps"), ("together", "steps")):
        parts = (found[f"{part}_examples_per_second"] for part in (ratio, over))
        found[f"{ratio}_over_{over}"] = round(next(parts) / next(parts), 2)
    cpu = found["steps_cpu_ms_per_example"] / found["loader_cpu_ms_per_example"]
    return {**found, "loader_over_steps_by_cpu": round(cpu, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few batches only")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    loads, steps = (4, 3) if args.quick else (36, 12)
    found: dict[str, Any] = {
        "threads": 1,
        "workers": 1,
        "batches_loaded": loads,
        "steps": steps,
        "note": "other work ran on the machine; ratios are of one run",
        "systems": {},
    }
    for name in SYSTEMS:
        found["systems"][name] = measured(prepared(name), loads, steps)
        print(name, found["systems"][name], flush=True)
    print(write_results("sounds_loading", found, args.out))


if __name__ == "__main__":
    main()
