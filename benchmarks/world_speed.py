"""How fast the stage is made, on one core: whole episodes with sound, and clips for training.

    python benchmarks/world_speed.py [--quick]

Writes ``results/world_speed.json``. An episode's time counts composing, drawing every frame and
sounding the whole mix; a clip's time counts composing and drawing its frames.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch

from report import versions, write_results
from sensorium.worlds import stage

RATE = 16000
EPISODE_SECONDS, EPISODE_FPS, EPISODE_SIZE = 20.0, 8.0, 112
CLIP_FRAMES, CLIP_FPS, CLIP_SIZE = 8, 4.0, 64


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def episodes(count: int) -> dict[str, Any]:
    """Seconds per stage of making, over ``count`` episodes."""
    times = [(i + 0.5) / EPISODE_FPS for i in range(round(EPISODE_SECONDS * EPISODE_FPS))]
    spent = {"compose": 0.0, "frames": 0.0, "masks": 0.0, "sound": 0.0}
    real_time = []
    size = (EPISODE_SIZE, EPISODE_SIZE)
    for seed in range(count):
        episode = stage.compose(seed, EPISODE_SECONDS)
        once = {
            "compose": seconds_of(partial(stage.compose, seed, EPISODE_SECONDS)),
            "frames": seconds_of(partial(stage.frames, episode, times, *size)),
            "masks": seconds_of(partial(stage.masks, episode, times, *size)),
            "sound": seconds_of(partial(stage.mix, episode, RATE)),
        }
        for name, value in once.items():
            spent[name] += value / count
        whole = once["compose"] + once["frames"] + once["sound"]
        real_time.append(EPISODE_SECONDS / whole)
    return {
        "episodes": count,
        "seconds": EPISODE_SECONDS,
        "fps": EPISODE_FPS,
        "size": EPISODE_SIZE,
        "rate": RATE,
        "times_real_time": {
            "median": round(float(np.median(real_time)), 1),
            "worst": round(min(real_time), 1),
        },
        "ms_per_episode": {name: round(1e3 * value, 1) for name, value in spent.items()},
        "ms_per_frame_drawn": round(1e3 * spent["frames"] / len(times), 3),
    }


def clips(count: int) -> dict[str, Any]:
    """Clips per second as a data loader would make them."""
    times = [(i + 0.5) / CLIP_FPS for i in range(CLIP_FRAMES)]

    def make(seed: int) -> None:
        stage.frames(stage.compose_clip(seed), times, CLIP_SIZE, CLIP_SIZE)

    spent = [seconds_of(partial(make, seed)) for seed in range(count)]
    return {
        "clips": count,
        "frames": CLIP_FRAMES,
        "size": CLIP_SIZE,
        "ms_per_clip": {
            "mean": round(1e3 * float(np.mean(spent)), 2),
            "p95": round(1e3 * float(np.percentile(spent, 95)), 2),
        },
        "clips_per_second": round(count / sum(spent), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few only; nothing is written")
    quick = parser.parse_args().quick
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    stage.mix(stage.compose(10**6), RATE)  # imports and caches
    payload = {
        "versions": versions("numpy", "opencv-python-headless", "scipy"),
        "threads": 1,
        "episode": episodes(2 if quick else 24),
        "clip": clips(20 if quick else 400),
    }
    if quick:
        print(payload)
    else:
        print(write_results("world_speed", payload))


if __name__ == "__main__":
    main()
