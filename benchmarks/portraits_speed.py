"""How fast portraits are drawn on one core, per size, and what clips for training cost.

    python benchmarks/portraits_speed.py [--quick]

Writes ``results/portraits_speed.json``. Times are the process's own, so that other work on the
machine disturbs them less. Every face is another person with another expression, half of them
mixed, some blinking: nothing can be kept from one to the next. ``sitting`` is frames of one
person one after another, as in a clip.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import cv2
import numpy as np
import torch

from report import versions, write_results
from sensorium.seeds import generator
from sensorium.worlds.portraits import EXPRESSIONS, Face, Pose, Sitting, draw, identity, sit

SIZES = (64, 128, 256)


def faces(count: int) -> list[Face]:
    """People who have not been drawn before."""
    rng = generator(0, "portraits speed")
    out = []
    for seed in range(count):
        degrees = [0.0] * len(EXPRESSIONS)
        for _ in range(1 + seed % 2):
            degrees[int(rng.integers(len(EXPRESSIONS)))] = float(rng.uniform())
        pose = Pose(*rng.normal(0.0, 0.01, 3), 1.0)
        blink = float(rng.uniform()) if seed % 5 == 0 else 0.0
        out.append(Face(identity(10**6 + seed), tuple(degrees), blink, pose))
    return out


def spent(made: list[Face], size: int) -> dict[str, Any]:
    """Milliseconds per frame, its landmarks among them."""
    times = []
    for face in made:
        start = time.process_time()
        draw(face, size)
        times.append(1e3 * (time.process_time() - start))
    return {
        "frames": len(times),
        "ms_per_frame": round(float(np.mean(times)), 2),
        "ms_p95": round(float(np.percentile(times, 95)), 2),
        "frames_per_second": round(1e3 / float(np.mean(times))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few only; nothing is written")
    quick = parser.parse_args().quick
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    made = faces(30 if quick else 500)
    for size in SIZES:
        draw(Face(identity(1), made[0].degrees), size)  # imports and caches
    sittings: list[Sitting] = [sit(seed) for seed in range(3 if quick else 40)]
    together = [sitting.face(i) for sitting in sittings for i in range(len(sitting))]
    masks = [draw(face, 128) for face in made]
    start = time.process_time()
    for portrait in masks:
        portrait.mouth_mask(), portrait.eyes_mask(), portrait.face_mask()
    masked = 1e3 * (time.process_time() - start) / len(masks)
    people = time.process_time()
    for seed in range(len(made)):
        identity(2 * 10**6 + seed)
    people = 1e3 * (time.process_time() - people) / len(made)
    payload = {
        "versions": versions("numpy", "opencv-python-headless"),
        "threads": 1,
        "strangers": {f"{size} px": spent(made, size) for size in SIZES},
        "sitting": {f"{size} px": spent(together, size) for size in SIZES},
        "ms_per_identity": round(people, 3),
        "ms_for_three_masks_128_px": round(masked, 3),
    }
    if quick:
        print(payload)
    else:
        print(write_results("portraits_speed", payload))


if __name__ == "__main__":
    main()
