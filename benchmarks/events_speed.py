"""How fast a video's story is told, where the time goes, and what two hours of it cost.

    python benchmarks/events_speed.py [--quick] [--system NAME] [--lengths MINUTES ...] [--out DIR]

Stage episodes written as films (8 Hz, with sound; longer ones repeat one composed minute) are
described end to end with one thread, each length in a process of its own, so that its peak memory
is its own. The parts are the time in reading pictures, in what is made of them, in reading and
hearing the sound, and in the networks of WSDEC (everything else). Memory is the peak resident set;
what it is above that of a process which has loaded the system and read a second stands beside.

Two ratios: to OpenCV merely decoding every picture of the same film one after another, and, for the
networks alone on the same features, to the published sizes (``wsdec-paper``) under the same search.
Processor time stands beside time by the clock, which means little where other work shares the
machine. Weights are random unless ``--system`` names some: speed depends on them by how many words
are told. Figures are written after every step.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from report import RESULTS, write_results
from sensorium import media, store, training
from sensorium.events.describing import describe
from sensorium.events.systems import WSDECSystem
from sensorium.types import Clip, Span
from sensorium.worlds import stage
from sounds_speed import peak_mib

RATE, FPS, SIZE = 22_050, 8.0, (112, 112)
MINUTE = 60.0
LENGTHS = (1.0, 10.0, 120.0)
QUICK = (0.1, 0.2)
_NETWORK_MINUTES = 2.0  # of features, for the networks alone

Timed = dict[str, float]
"""Seconds of processor time by part."""


def load(name: str | None, recipe: str = "wsdec") -> WSDECSystem:
    """The named system, or one of a recipe's shape with random weights."""
    if name is not None:
        system = store.load(name)
        assert isinstance(system, WSDECSystem)
        return system
    made = training.recipe(recipe)
    torch.manual_seed(0)
    return WSDECSystem(made.data.adapt(made.system)).eval()


def write_film(path: Path, seconds: float) -> Path:
    """An episode of the stage as a film with sound, a composed minute over and over."""
    length = min(seconds, MINUTE)
    clip = stage.clip(stage.compose(5, length, order_words=False), *SIZE, fps=FPS, rate=RATE)
    video, audio = clip.need_video(), clip.need_audio()
    frames, mixture = video.frames(video.times()), audio.samples()
    times = max(1, round(seconds / length))

    def pictures() -> Iterator[torch.Tensor]:
        for _ in range(times):
            yield from frames

    def sound() -> Iterator[torch.Tensor]:
        for _ in range(times):
            yield from torch.split(mixture, RATE, 1)

    encoding = media.Encoding(preset="ultrafast", threads=1)
    return media.write(path, pictures(), FPS, audio=sound(), rate=RATE, encoding=encoding)


# --- one film -------------------------------------------------------------------------------------


def timed(call: Callable[..., Any], spent: Timed, part: str) -> Callable[..., Any]:
    """The same, with its processor time added to a part."""

    def timing(*args: Any, **fields: Any) -> Any:
        start = time.process_time()
        try:
            return call(*args, **fields)
        finally:
            spent[part] = spent.get(part, 0.0) + time.process_time() - start

    return timing


def listen(system: WSDECSystem, clip: Clip, spent: Timed) -> None:
    """Have the parts of the work timed: reading is timed within seeing and hearing."""
    source = system.source
    assert source is not None
    video, audio = clip.need_video(), clip.need_audio()
    video.frames = timed(video.frames, spent, "pictures read")  # type: ignore[method-assign]
    audio.samples = timed(audio.samples, spent, "sound read")  # type: ignore[method-assign]
    for part, label in ((source.seen, "seen"), (source.heard, "heard")):
        if part is not None:
            part.of = timed(part.of, spent, label)  # type: ignore[method-assign]


def parts_of(spent: Timed, used: float) -> Timed:
    """Seconds of each part without those within it; they sum to ``used``."""
    read, heard = spent.get("pictures read", 0.0), spent.get("sound read", 0.0)
    seen, listened = spent.get("seen", 0.0), spent.get("heard", 0.0)
    return {
        "reading pictures": read,
        "features of what is seen": seen - read,
        "reading sound": heard,
        "features of what is heard": listened - heard,
        "finding and telling": used - seen - listened,
    }


def work(path: Path, name: str | None) -> dict[str, Any]:
    """Describe one file in this process."""
    torch.set_num_threads(1)
    system, clip = load(name), media.read(path)
    clip.need_audio().samples(Span(0, 1))
    clip.need_video().frames([0.0])
    before = peak_mib()
    spent: Timed = {}
    listen(system, clip, spent)
    start, started = time.perf_counter(), time.process_time()
    story, _ = describe(system, clip)
    total, used = time.perf_counter() - start, time.process_time() - started
    seconds = clip.duration
    return {
        "video_seconds": round(seconds, 2),
        "events": len(story.events),
        "total_seconds": round(total, 3),
        "cpu_seconds": round(used, 3),
        "times_real_time": round(seconds / total, 2),
        "times_real_time_by_cpu": round(seconds / used, 2),
        "parts_cpu_seconds": {k: round(v, 3) for k, v in parts_of(spent, used).items()},
        "peak_mib": round(peak_mib(), 1),
        "above_loading_mib": round(peak_mib() - before, 1),
    }


def measured(path: Path, name: str | None) -> dict[str, Any]:
    """`work` in a fresh process."""
    command = [sys.executable, __file__, "--work", str(path)]
    command += ["--system", name] if name else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# --- beside others --------------------------------------------------------------------------------


def opencv_seconds(path: Path) -> float:
    """Processor time in which OpenCV decodes every picture, one thread."""
    import cv2

    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    start, count = time.process_time(), 0
    while capture.read()[0]:
        count += 1
    capture.release()
    if not count:
        raise RuntimeError(f"OpenCV reads no picture of {path}")
    return time.process_time() - start


def networks(name: str | None, minutes: float) -> dict[str, float]:
    """Minutes of features told in a minute of processor time, beside the published sizes."""
    torch.set_num_threads(1)
    own, paper = load(name), load(None, "wsdec-paper")
    search = own.config.search
    generator = torch.Generator().manual_seed(0)
    steps = max(1, round(60 * minutes * own.config.rate))
    rows = torch.randn(steps, own.config.dim, generator=generator)
    out = {}
    for label, system in (("wsdec", own), ("published sizes", paper)):
        # the same number of starts for both: random ones
        same = replace(search, start="random", candidates=15, rounds=1)
        few = min(steps, 2)
        system._story(few, lambda a, b: rows[a:b], Span(0, few / system.config.rate), same)  # warm
        start = time.process_time()
        system._story(steps, lambda a, b: rows[a:b], Span(0, 60 * minutes), same)
        out[label] = round(60 * minutes / (time.process_time() - start), 2)
    return {**out, "ratio": round(out["wsdec"] / out["published sizes"], 2), "minutes": minutes}


def growth(rows: list[dict[str, Any]]) -> dict[str, float]:
    """How time and memory grow from the shortest to the longest video."""
    first, last = rows[0], rows[-1]
    names = {
        "video": "video_seconds",
        "time": "total_seconds",
        "cpu_time": "cpu_seconds",
        "peak_memory": "peak_mib",
    }
    return {label: round(last[name] / first[name], 3) for label, name in names.items()}


def label_of(minutes: float) -> str:
    """How long, in words."""
    if minutes >= 60:
        return f"{minutes / 60:g} h"
    return f"{minutes:g} min" if minutes >= 1 else f"{60 * minutes:g} s"


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="6 and 12 seconds only")
    parser.add_argument("--lengths", type=float, nargs="+", help="minutes; default: 1 10 120")
    parser.add_argument("--system", help="weights; default: random ones of the recipe's shape")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(words)
    if args.work:
        print(json.dumps(work(args.work, args.system)))
        return 0
    lengths = args.lengths or (QUICK if args.quick else LENGTHS)
    found: dict[str, Any] = {"system": args.system or "random weights", "lengths": {}}
    with tempfile.TemporaryDirectory() as folder:
        for number, minutes in enumerate(lengths):
            film = write_film(Path(folder) / f"{number}.mp4", 60 * minutes)
            row = measured(film, args.system)
            if number == 0:
                found["networks"] = networks(args.system, min(minutes, _NETWORK_MINUTES))
            decoding = opencv_seconds(film)
            row["opencv_seconds"] = round(decoding, 3)
            row["times_opencv"] = round(row["cpu_seconds"] / decoding, 2)
            found["lengths"][label_of(minutes)] = row
            found["growth"] = growth(list(found["lengths"].values()))
            print(label_of(minutes), row, file=sys.stderr, flush=True)
            path = write_results("events_speed", found, args.out)
            film.unlink()
    print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
