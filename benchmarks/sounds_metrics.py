"""BSS-Eval against mir_eval, side by side in one run, one thread each.

``python benchmarks/sounds_metrics.py`` mixes 2, 3 and 4 players of the stage, 6 seconds at 11025
Hz, separates them by ideal binary masks, and times one call of each, which gives SDR, SIR and SAR
of every source. Rounds alternate; medians count. Ours is also timed as it is used: five separations
of one mixture and the mixture itself, with the references factorised once. The largest difference
in dB is over all figures of all mixtures, and of noisy estimates too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from report import RESULTS, versions, write_results
from sensorium.seeds import generator, split_seed
from sensorium.signals import STFT, dominance_masks
from sensorium.sounds.bss_eval import LIMIT_DB, ReferenceSpace, bss_eval
from sensorium.worlds.stage import INSTRUMENTS, compose_solo, mix

RATE, SETS = 11_025, 5
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # separation is deprecated in 0.8 and leaves in 0.9
    from mir_eval import separation


def duet(sources: int, index: int, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """References and what the ideal binary masks make of their mixture, ``[N, L]`` each."""
    samples, waves = round(seconds * RATE), []
    for n in range(sources):
        seed = split_seed("test", 100 * index + n)
        solo = compose_solo(seed, INSTRUMENTS[(index + 3 * n) % len(INSTRUMENTS)], seconds + 4)
        waves.append(mix(solo, RATE).mean(0)[2 * RATE : 2 * RATE + samples])
    references = torch.from_numpy(np.stack(waves)) / sources
    transform = STFT()
    masks = dominance_masks(transform(references).abs())
    estimates = transform.inverse(masks * transform(references.sum(0)), samples)
    return references.double().numpy(), estimates.double().numpy()


def by_mir_eval(references: np.ndarray, estimates: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = separation.bss_eval_sources(references, estimates, compute_permutation=False)
    return np.clip(scores[:3], -LIMIT_DB, LIMIT_DB)


def by_us(references: np.ndarray, estimates: np.ndarray) -> np.ndarray:
    scores = bss_eval(references, estimates)
    return np.stack([scores.sdr, scores.sir, scores.sar])


def in_use(references: np.ndarray, estimates: np.ndarray) -> None:
    space = ReferenceSpace(references)
    space.score_mixture(references.sum(0))
    for _ in range(SETS):
        space.score(estimates)


def race(runners: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each, taking turns; the first round warms up."""
    taken: dict[str, list[float]] = {name: [] for name in runners}
    for turn in range(rounds + 1):
        for name, run in runners.items():
            begun = time.perf_counter()
            run()
            if turn:
                taken[name].append(1000 * (time.perf_counter() - begun))
    return {name: statistics.median(values) for name, values in taken.items()}


def difference(sources: int, mixtures: int, seconds: float) -> float:
    """Largest disagreement in dB: ideal masks, and the same with interference and noise."""
    worst = 0.0
    for index in range(mixtures):
        references, estimates = duet(sources, index, seconds)
        noise = generator(index, "noise").standard_normal(estimates.shape)
        worse = estimates + 0.3 * references.sum(0) + 0.1 * references.std() * noise
        for given in (estimates, worse):
            gap = np.abs(by_us(references, given) - by_mir_eval(references, given))
            worst = max(worst, float(gap.max()))
    return worst


def measure(sources: int, options: argparse.Namespace) -> dict[str, Any]:
    """Times and disagreement for one number of sources."""
    references, estimates = duet(sources, 0, options.seconds)
    calls = {"mir_eval": by_mir_eval, "sensorium": by_us, "in_use": in_use}
    bound = {name: partial(call, references, estimates) for name, call in calls.items()}
    ms = race(bound, options.rounds)
    return {
        "mir_eval_ms": round(ms["mir_eval"], 1),
        "sensorium_ms": round(ms["sensorium"], 1),
        "times_mir_eval": round(ms["mir_eval"] / ms["sensorium"], 2),
        f"sensorium_{SETS}_sets_and_mixture_ms": round(ms["in_use"], 1),
        "times_mir_eval_in_use": round((SETS + 1) * ms["mir_eval"] / ms["in_use"], 2),
        "largest_difference_db": difference(sources, options.mixtures, options.seconds),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mixtures", type=int, default=4, help="compared per number of sources")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--sources", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if any(os.environ.get(name) != "1" for name in ONE_THREAD):  # BLAS reads them when it loads
        again = [sys.executable, *sys.argv]
        return subprocess.run(again, env={**os.environ, **ONE_THREAD}, check=False).returncode
    torch.set_num_threads(1)
    rows: dict[str, Any] = {}
    for sources in options.sources:
        rows[f"{sources} sources"] = measure(sources, options)
        print(sources, rows[f"{sources} sources"], flush=True)
    payload = {
        "threads": 1,
        "seconds": options.seconds,
        "rate": RATE,
        "rounds": options.rounds,
        "mixtures_compared": options.mixtures,
        "versions": versions("mir_eval", "numpy", "scipy"),
        "mixtures": rows,
        "least_times_mir_eval": min(row["times_mir_eval"] for row in rows.values()),
    }
    print(write_results("sounds_metrics", payload, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
