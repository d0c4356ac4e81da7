"""How many frames of generated expressions a second, one core, and in how much memory.

    python benchmarks/expressions_speed.py [--quick] [--system NAME] [--out DIR]

A clip of one expression is generated from each picture of a batch of 1 or 16, so that the encoders
see a picture once for all its frames; beside it the encoders run for every frame, as they must
where each frame is translated by itself. Each batch has a process of its own, so that its peak
memory (resident set) is its own. Weights are random unless ``--system`` names some; speed does not
depend on them. Frames a second are those of the quickest of some rounds; processor time stands
beside time by the clock, which means little where other work shares the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from expressions_held_out import one_hot
from report import RESULTS, write_results
from sensorium import store, training
from sensorium.expressions.curves import ramp
from sensorium.expressions.systems import ExpressionsSystem
from sounds_speed import peak_mib

BATCHES = (1, 16)
FRAMES = 24
_SECONDS = 8.0  # of measuring, each way
_LEAST = 3  # rounds


def load(name: str | None) -> ExpressionsSystem:
    """The named system, or one of the recipe's shape with random weights."""
    if name is not None:
        system = store.load(name)
        assert isinstance(system, ExpressionsSystem)
        return system
    recipe = training.recipe("expressions")
    torch.manual_seed(0)
    return ExpressionsSystem(recipe.data.adapt(recipe.system)).eval()


def quickest(call: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Seconds of the quickest round, by the clock and of processor time."""
    call()
    clock, used, end = [], [], time.perf_counter() + seconds
    while len(clock) < _LEAST or time.perf_counter() < end:
        start, began = time.perf_counter(), time.process_time()
        call()
        clock.append(time.perf_counter() - start)
        used.append(time.process_time() - began)
    return min(clock), min(used)


def work(batch: int, name: str | None, seconds: float) -> dict[str, Any]:
    """One batch in this process."""
    torch.set_num_threads(1)
    system = load(name)
    size = system.config.size
    pictures = torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(0))
    degrees = one_hot(0, ramp(FRAMES))[None, :, : len(system.expressions)].expand(batch, -1, -1)
    before = peak_mib()
    total = batch * FRAMES
    clock, used = quickest(lambda: system.generate(pictures, degrees), seconds)
    peak = peak_mib()
    # [B, T, E] -> [B*T, E]: every frame with a picture of its own
    each = degrees.flatten(0, 1)
    again = pictures.repeat_interleave(FRAMES, 0)
    _, alone = quickest(lambda: system.generate(again, each), seconds)
    return {
        "frames": total,
        "fps": round(total / used, 2),
        "fps_by_clock": round(total / clock, 2),
        "recomputed_fps": round(total / alone, 2),
        "ratio": round(alone / used, 3),
        "peak_mib": round(peak, 1),
        "above_loading_mib": round(peak - before, 1),
        "load_average": round(os.getloadavg()[0], 2),
    }


def measured(batch: int, name: str | None, seconds: float) -> dict[str, Any]:
    """`work` in a fresh process."""
    command = [sys.executable, __file__, "--work", str(batch), "--seconds", str(seconds)]
    command += ["--system", name] if name else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="batch 1, a moment only")
    parser.add_argument("--system", help="weights; default: random ones of the recipe's shape")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="of measuring, each way")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args(words)
    if args.work:
        print(json.dumps(work(args.work, args.system, args.seconds)))
        return 0
    seconds = 0.1 if args.quick else args.seconds
    system = load(args.system)
    found: dict[str, Any] = {
        "system": args.system or "random weights",
        "parameters": sum(p.numel() for p in system.generators.parameters()),
        "size": system.config.size,
        "frames_of_a_clip": FRAMES,
        "batches": {},
    }
    for batch in BATCHES[:1] if args.quick else BATCHES:
        found["batches"][f"batch {batch}"] = measured(batch, args.system, seconds)
        print(batch, found["batches"][f"batch {batch}"], file=sys.stderr, flush=True)
    print(write_results("expressions_speed", found, args.out))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
