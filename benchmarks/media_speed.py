"""Decoding and sampling against OpenCV's VideoCapture, side by side in one run, one thread each.

``python benchmarks/media_speed.py`` makes ten-second H.264 clips of two sizes and two key frame
distances, and times, each including opening the file: 8 uniformly spaced frames, 8 random times,
every frame. Ours ends in RGB ``uint8 [T, 3, H, W]``; OpenCV is left with its own BGR ``[H, W, 3]``
frames, and for samples gets the better of its two ways (setting the position, and grabbing on until
the wanted frame). Every frame is read once with all kept in memory, once let go as they come.
Rounds alternate; medians count.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from report import versions, write_results
from sensorium.media import Encoding, read, write

SECONDS, FPS = 10, 25
SIZES = {"480x270": (270, 480), "1280x720": (720, 1280)}
KEY_SECONDS = {"key frame every 10 s": 10.0, "key frame every 1 s": 1.0}


def pictures(height: int, width: int) -> Iterator[torch.Tensor]:
    """A textured scene under a moving camera, with things moving in it and camera noise."""
    dice = np.random.default_rng(0)
    texture = cv2.GaussianBlur(
        dice.integers(0, 256, (height * 2, width * 2, 3), np.uint8), (0, 0), 3
    )
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
    for i in range(SECONDS * FPS):
        dx, dy = (
            int(width * (0.5 + 0.4 * np.sin(i / 40))),
            int(height * (0.5 + 0.4 * np.cos(i / 53))),
        )
        picture = texture[dy : dy + height, dx : dx + width].copy()
        for k in range(4):
            x = int(width * (0.5 + 0.4 * np.sin(i / (9 + 3 * k) + k)))
            y = int(height * (0.5 + 0.4 * np.cos(i / (7 + 4 * k))))
            cv2.circle(picture, (x, y), height // 10, (60 * k, 255 - 50 * k, 128), -1)
        noise = dice.integers(-4, 5, picture.shape)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
        yield torch.from_numpy(picture).permute(2, 0, 1)


def ours(path: str, times: list[float] | None) -> int:
    video = read(path).need_video()
    return len(video.frames(video.times() if times is None else times))


def ours_by_eight(path: str) -> int:
    video = read(path).need_video()
    times = video.times()
    return sum(len(video.frames(times[i : i + 8])) for i in range(0, len(times), 8))


def opencv_all(path: str, *, keep: bool) -> int:
    capture, count, kept = capture_of(path), 0, []
    while True:
        there, picture = capture.read()
        if not there:
            return count
        count += 1
        if keep:
            kept.append(picture)


def opencv_seek(path: str, times: list[float]) -> int:
    capture, count = capture_of(path), 0
    for seconds in sorted(times):
        capture.set(cv2.CAP_PROP_POS_FRAMES, int(seconds * FPS))
        count += capture.read()[0]
    return count


def opencv_grab(path: str, times: list[float]) -> int:
    capture, count, at = capture_of(path), 0, -1
    for seconds in sorted(times):
        while at < int(seconds * FPS) and capture.grab():
            at += 1
        count += capture.retrieve()[0]
    return count


def capture_of(path: str) -> cv2.VideoCapture:
    return cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])


def race(runners: dict[str, Callable[[], int]], rounds: int) -> dict[str, float]:
    """Median seconds of each, taking turns; all must give the same number of frames."""
    taken: dict[str, list[float]] = {name: [] for name in runners}
    counts = set()
    for turn in range(rounds + 1):
        for name, run in runners.items():
            begun = time.perf_counter()
            counts.add(run())
            if turn:  # the first round warms the caches up
                taken[name].append(time.perf_counter() - begun)
    assert len(counts) == 1, f"different numbers of frames: {counts}"
    return {name: statistics.median(values) for name, values in taken.items()}


def measure(path: str, rounds: int) -> dict[str, Any]:
    """The three tasks on one file."""
    dice = random.Random(0)
    uniform = [SECONDS * (i + 0.5) / 8 for i in range(8)]
    anywhere = [dice.uniform(0, SECONDS) for _ in range(8)]
    rows: dict[str, Any] = {}
    for task, times in {"8 uniform frames": uniform, "8 random times": anywhere}.items():
        seconds = race(
            {
                "sensorium": lambda times=times: ours(path, times),
                "opencv_seek": lambda times=times: opencv_seek(path, times),
                "opencv_grab": lambda times=times: opencv_grab(path, times),
            },
            rounds,
        )
        best = min(seconds["opencv_seek"], seconds["opencv_grab"])
        rows[task] = row(seconds, best, 8)
    everything: dict[str, dict[str, Callable[[], int]]] = {
        "every frame, kept": {
            "sensorium": lambda: ours(path, None),
            "opencv": lambda: opencv_all(path, keep=True),
        },
        "every frame, 8 at a time": {
            "sensorium": lambda: ours_by_eight(path),
            "opencv": lambda: opencv_all(path, keep=False),
        },
    }
    for task, runners in everything.items():
        seconds = race(runners, rounds)
        rows[task] = row(seconds, seconds["opencv"], SECONDS * FPS)
    return rows


def row(seconds: dict[str, float], opencv: float, frames: int) -> dict[str, Any]:
    """Milliseconds, frames a second, and how many times as fast as OpenCV's best."""
    return {
        **{f"{name}_ms": round(1000 * value, 2) for name, value in seconds.items()},
        "sensorium_fps": round(frames / seconds["sensorium"], 1),
        "opencv_fps": round(frames / opencv, 1),
        "times_opencv": round(opencv / seconds["sensorium"], 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--name", default="media_speed", help="the results' file name")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size, (height, width) in SIZES.items():
            for keys, key_seconds in KEY_SECONDS.items():
                path = Path(folder) / f"{size}_{key_seconds:g}.mp4"
                write(
                    path, pictures(height, width), FPS, encoding=Encoding(key_seconds=key_seconds)
                )
                results[f"{size}, {keys}"] = measure(str(path), options.rounds)
                for task, figures in results[f"{size}, {keys}"].items():
                    print(f"{size}, {keys}, {task}: {figures}", flush=True)
    ratios = {
        task: round(min(clip[task]["times_opencv"] for clip in results.values()), 3)
        for task in next(iter(results.values()))
    }
    payload = {
        "threads": 1,
        "rounds": options.rounds,
        "versions": versions("av", "opencv-python-headless"),
        "clips": results,
        "least_times_opencv": ratios,
    }
    print(write_results(options.name, payload), ratios)
    return 0


if __name__ == "__main__":
    sys.exit(main())
