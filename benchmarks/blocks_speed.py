"""How fast blocks are placed and drawn, on one core, and where the time goes.

    python benchmarks/blocks_speed.py [--quick]

Writes ``results/blocks_speed.json`` and, without ``--quick``, the contact sheet
``docs/figures/blocks-sheet.jpg``. Times are processor time of one thread, so that other work on
the machine disturbs them less; the best of several rounds counts. The profile of a picture leaves
parts out one after another and takes the difference: `kernels.paint` draws with neither shadows
nor mirrors, then with one of them, then with both.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from report import versions, write_results
from sensorium.seeds import split_seed
from sensorium.worlds.blocks import developing, kernels
from sensorium.worlds.blocks.camera import camera_of, lamps_of
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.rendering import outline, render, world_of

SIZES = ((320, 480), (240, 320), (160, 240), (120, 160))
SHEET = Path(__file__).parent.parent / "docs" / "figures" / "blocks-sheet.jpg"
FIRST = 900_000
"""The scenes are of the test split from here on."""

COLD = """
import hashlib, time
start = time.perf_counter()
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.rendering import render
imported = time.perf_counter()
total = hashlib.sha256()
for seed in range(8):
    picture = render(place(seed, height=96, width=144), 96, 144)
    if seed == 0:
        first = time.perf_counter()
    total.update(picture.pixels.tobytes() + picture.ids.tobytes())
print(first - imported, total.hexdigest())
"""


def seconds_of(work: Callable[[], object], rounds: int) -> float:
    """Processor time, the best of several rounds."""
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


def seeds(count: int) -> list[int]:
    return [split_seed("test", FIRST + k) for k in range(count)]


def rates(count: int, rounds: int) -> list[dict[str, Any]]:
    """Scenes placed and pictures drawn in a second, by size."""
    found = []
    for height, width in SIZES:
        scenes = [place(seed, height=height, width=width) for seed in seeds(count)]
        render(scenes[0], height, width)
        placed = seconds_of(
            lambda h=height, w=width: [place(s, height=h, width=w) for s in seeds(count)], rounds
        )
        drawn = seconds_of(
            lambda h=height, w=width, of=scenes: [render(s, h, w) for s in of], rounds
        )
        found.append(
            {
                "height": height,
                "width": width,
                "pictures_per_second": round(count / drawn, 1),
                "ms_per_picture": round(1e3 * drawn / count, 2),
                "scenes_placed_per_second": round(count / placed),
                "blocks_per_scene": round(float(np.mean([len(s.blocks) for s in scenes])), 2),
            }
        )
    return found


def profile(count: int, rounds: int, height: int = 320, width: int = 480) -> dict[str, Any]:
    """Milliseconds of each part of a picture."""
    scenes = [place(seed, height=height, width=width) for seed in seeds(count)]
    cameras = [camera_of(s.seed, height, width) for s in scenes]
    worlds = [world_of(s.blocks, c, lamps_of(s.seed)) for s, c in zip(scenes, cameras, strict=True)]
    ids = [outline(s.blocks, c) for s, c in zip(scenes, cameras, strict=True)]
    light = np.empty((height, width, 3), np.float32)
    keys = np.empty((height, width), np.int32)
    pixels = np.empty((height, width, 3), np.uint8)

    def each(work: Callable[[Any, Any], object]) -> float:
        return (
            1e3
            * seconds_of(lambda: [work(w, i) for w, i in zip(worlds, ids, strict=True)], rounds)
            / count
        )

    def painted(parts: int) -> float:
        return each(lambda w, i: kernels.paint(w, i, light, keys, parts))

    both = kernels.SHADOWS | kernels.MIRRORS
    render(scenes[0], height, width)
    plain, shadows, whole = painted(0), painted(kernels.SHADOWS), painted(both)
    edges = each(
        lambda w, i: (kernels.paint(w, i, light, keys, both), kernels.refine(w, light, keys, both))
    )
    spent = {
        "camera, lamps and tables (Python)": 1e3
        * seconds_of(
            lambda: [
                world_of(s.blocks, camera_of(s.seed, height, width), lamps_of(s.seed))
                for s in scenes
            ],
            rounds,
        )
        / count,
        "primary rays": 1e3
        * seconds_of(
            lambda: [outline(s.blocks, c) for s, c in zip(scenes, cameras, strict=True)], rounds
        )
        / count,
        "light on ground and blocks": plain,
        "soft shadows and contact shade": shadows - plain,
        "mirrors": whole - shadows,
        "edges (four points a pixel)": edges - whole,
        "gamma and noise": each(
            lambda w, i: developing.develop(
                light, developing.curve(), np.uint32(1), np.float32(1.5), pixels
            )
        ),
    }
    total = 1e3 * seconds_of(lambda: [render(s, height, width) for s in scenes], rounds) / count
    return {
        "height": height,
        "width": width,
        "pictures": count,
        "ms_per_picture": round(total, 2),
        "ms": {name: round(value, 3) for name, value in spent.items()},
        "share": {name: round(value / sum(spent.values()), 3) for name, value in spent.items()},
    }


def started(settings: dict[str, str]) -> tuple[float, str]:
    """Seconds to the first picture in a new process, and a digest of what it draws."""
    ran = subprocess.run(
        [sys.executable, "-c", COLD],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, digest = ran.stdout.split()
    return float(seconds), digest


def compiling() -> dict[str, Any]:
    """The first picture with and without a cache, and whether a plain processor draws the same."""
    with tempfile.TemporaryDirectory() as folder:
        cache = {"NUMBA_CACHE_DIR": str(Path(folder) / "own")}
        cold, digest = started(cache)
        warm, again = started(cache)
        _, other = started(
            {
                "NUMBA_CPU_NAME": "generic",
                "NUMBA_CPU_FEATURES": "",
                "NUMBA_CACHE_DIR": str(Path(folder) / "plain"),
            }
        )
    assert digest == again
    return {
        "first_picture_seconds": {"compiling": round(cold, 2), "from_cache": round(warm, 2)},
        "same_bytes_for_a_generic_processor": digest == other,
        "digest": hashlib.sha256(digest.encode()).hexdigest()[:16],
    }


def sheet(columns: int = 6, rows: int = 4, height: int = 240, width: int = 360) -> None:
    """Twenty-four scenes side by side, drawn at twice that size and shrunk."""
    pictures = []
    for seed in seeds(columns * rows):
        whole = render(place(seed, height=height, width=width), 2 * height, 2 * width).pixels
        pictures.append(
            cv2.resize(whole, (width * 2 // 3, height * 2 // 3), interpolation=cv2.INTER_AREA)
        )
    lines = [np.concatenate(pictures[k : k + columns], 1) for k in range(0, len(pictures), columns)]
    cv2.imwrite(str(SHEET), np.concatenate(lines)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few scenes, nothing is written")
    quick = parser.parse_args().quick
    count, rounds = (4, 1) if quick else (24, 3)
    found: dict[str, Any] = {
        "command": "python benchmarks/blocks_speed.py",
        "versions": versions("numba", "numpy"),
        "threads": 1,
        "rates": rates(count, rounds),
        "profile": profile(count, rounds),
    }
    if quick:
        print(found)
        return
    found |= compiling()
    sheet()
    print(write_results("blocks_speed", found))


if __name__ == "__main__":
    main()
