"""How fast a video's sound is taken apart, and what an hour of it costs.

    python benchmarks/sounds_speed.py [--quick] [--hour] [--four] [--system NAME] [--out DIR]
    python benchmarks/sounds_speed.py --only-four [--system NAME]

The system separates stage duets end to end (find the sources, follow them in the pictures, write
every stem at the input's own rate), each length in a process of its own, so that its peak memory
is its own: 10 s, 1 min, 10 min and, with ``--hour``, 1 h of video at 8 Hz with one thread. Longer
videos repeat one composed minute. ``--four`` compares four threads with one on the second, in
turn, and keeps the ratio of the quickest rounds and the load of the machine; ``--only-four`` adds
that to the figures that are there. Memory
is the peak resident set, and what it is above that of a process which has loaded the system and
read the file. The heat film is timed apart: it is video encoding. Processor time stands beside
time by the clock, which means little where other work shares the machine. ``hot_path`` names the
functions that the time goes to.

Weights are random unless ``--system`` names some: speed depends on them only by how many sources
are found, so two are asked for. Figures are written after every step.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from report import RESULTS, write_results
from sensorium import media, store, training
from sensorium.sounds.heat import write_heat_film
from sensorium.sounds.separation import Options, separate
from sensorium.sounds.systems import PixelsSystem, SoundSystem
from sensorium.types import Span
from sensorium.worlds import stage

RATE, FPS, SIZE = 44_100, 8.0, (96, 128)
MINUTE = 60.0
QUICK = {"3 s": 3.0, "6 s": 6.0}
LENGTHS = {"10 s": 10.0, "1 min": 60.0, "10 min": 600.0}
HOUR = {"1 h": 3600.0}
_ROUNDS = 3


def load(name: str | None) -> SoundSystem:
    """The named system, or a PixelPlayer of the stage's shape with random weights."""
    if name is not None:
        system = store.load(name)
        assert isinstance(system, SoundSystem)
        return system
    recipe = training.recipe("pixels")
    torch.manual_seed(0)
    return PixelsSystem(recipe.data.adapt(recipe.system)).eval()


def write_film(path: Path, seconds: float) -> Path:
    """A duet of the stage as a film with sound, a composed minute over and over."""
    length = min(seconds, MINUTE)
    episode = stage.compose(5, max(length, 4.0), ("violin", "marimba"))
    clip = stage.clip(episode, *SIZE, fps=FPS, rate=RATE)
    video, audio = clip.need_video(), clip.need_audio()
    frames = video.frames(video.times())
    mixture = audio.samples()
    times = max(1, round(seconds / length))

    def pictures() -> Iterator[torch.Tensor]:
        for _ in range(times):
            yield from frames

    def sound() -> Iterator[torch.Tensor]:
        for _ in range(times):
            yield from mixture.split(RATE, 1)

    encoding = media.Encoding(preset="ultrafast", threads=1)
    return media.write(path, pictures(), FPS, audio=sound(), rate=RATE, encoding=encoding)


def peak_mib() -> float:
    """Peak resident set; not getrusage's, which a new process takes over from its parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def work(path: Path, name: str | None, threads: int, film: bool) -> dict[str, float]:
    """Separate one file in this process."""
    torch.set_num_threads(threads)
    system = load(name)
    clip = media.read(path)
    audio = clip.need_audio()
    audio.samples(Span(0, 1))
    clip.need_video().frames([0.0])
    before = peak_mib()
    seconds = clip.duration
    with tempfile.TemporaryDirectory() as folder:
        start, started = time.perf_counter(), time.process_time()
        stems = separate(system, clip, Options(sources=2))
        found = time.perf_counter()
        stems._write_stems(Path(folder), "wav", lambda share: None)
        written, used = time.perf_counter(), time.process_time() - started
        drawn = 0.0
        if film:
            write_heat_film(stems, Path(folder) / "heat.mp4", lambda share: None)
            drawn = time.perf_counter() - written
    total = written - start
    return {
        "video_seconds": round(seconds, 2),
        "pictures_seconds": round(found - start, 3),
        "sound_seconds": round(written - found, 3),
        "total_seconds": round(total, 3),
        "times_real_time": round(seconds / total, 2),
        "cpu_seconds": round(used, 3),
        "times_real_time_by_cpu": round(seconds / used, 2),
        "film_seconds": round(drawn, 3),
        "peak_mib": round(peak_mib(), 1),
        "above_loading_mib": round(peak_mib() - before, 1),
    }


def measured(
    path: Path, args: argparse.Namespace, threads: int, film: bool = False
) -> dict[str, float]:
    """`work` in a fresh process."""
    command = [sys.executable, __file__, "--work", str(path), "--threads", str(threads)]
    command += ["--system", args.system] if args.system else []
    command += ["--film"] if film else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def hot_path(path: Path, name: str | None) -> list[dict[str, Any]]:
    """Where the time goes: the functions with most time of their own, one thread."""
    torch.set_num_threads(1)
    system, clip = load(name), media.read(path)
    profile = cProfile.Profile()
    profile.enable()
    stems = separate(system, clip, Options(sources=2))
    for _ in stems.separator.blocks():
        pass
    profile.disable()
    stats = pstats.Stats(profile)
    total = stats.total_tt  # type: ignore[attr-defined]
    rows = []
    for (file, _, function), (_, calls, own, _, _) in stats.stats.items():  # type: ignore[attr-defined]
        where = f"{Path(file).name}:{function}" if file != "~" else function
        rows.append({"function": where, "calls": calls, "share": round(own / total, 4)})
    return sorted(rows, key=lambda row: -row["share"])[:12]


def four_threads(path: Path, args: argparse.Namespace) -> dict[str, float]:
    """How much faster four threads are than one; where other work runs, less than they could be."""
    load = os.getloadavg()[0]
    totals: dict[int, list[float]] = {1: [], 4: []}
    for _ in range(_ROUNDS):
        for threads, seconds in totals.items():
            seconds.append(measured(path, args, threads)["total_seconds"])
    return {
        "rounds": _ROUNDS,
        "times_one_thread": round(min(totals[1]) / min(totals[4]), 2),
        "load_average": round(load, 1),
    }


def growth(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    """How time and memory grow from the second shortest to the longest video."""
    first, last = list(rows.values())[min(1, len(rows) - 1)], list(rows.values())[-1]
    return {
        "video": round(last["video_seconds"] / first["video_seconds"], 2),
        "time": round(last["total_seconds"] / first["total_seconds"], 2),
        "cpu_time": round(last["cpu_seconds"] / first["cpu_seconds"], 2),
        "peak_memory": round(last["peak_mib"] / first["peak_mib"], 3),
    }


def add_four(args: argparse.Namespace) -> Path:
    """Only the comparison of threads; the other figures, and the machine they are of, are kept."""
    path: Path = args.out / "sounds_speed.json"
    found = json.loads(path.read_text())
    with tempfile.TemporaryDirectory() as folder:
        film = write_film(Path(folder) / "film.mp4", LENGTHS["1 min"])
        found["four_threads"] = four_threads(film, args)
    path.write_text(json.dumps(found, indent=2) + "\n")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 and 6 seconds only")
    parser.add_argument("--hour", action="store_true", help="an hour of video as well")
    parser.add_argument("--four", action="store_true", help="compare four threads with one")
    parser.add_argument("--only-four", action="store_true", help="and keep all other figures")
    parser.add_argument("--system", help="weights; default: random ones of the stage's shape")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--film", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        print(json.dumps(work(args.work, args.system, args.threads, args.film)))
        return
    if args.only_four:
        print(add_four(args))
        return
    lengths = QUICK if args.quick else LENGTHS | (HOUR if args.hour else {})
    found: dict[str, Any] = {"system": args.system or "random weights", "threads 1": {}}
    with tempfile.TemporaryDirectory() as folder:
        films = {}
        for name, seconds in lengths.items():
            films[name] = write_film(Path(folder) / f"{len(films)}.mp4", seconds)
            found["threads 1"][name] = measured(films[name], args, 1)
            found["growth"] = growth(found["threads 1"])
            print(name, found["threads 1"][name], file=sys.stderr, flush=True)
            if len(films) == 2:
                if args.four:
                    found["four_threads"] = four_threads(films[name], args)
                found["hot_path"] = hot_path(films[name], args.system)
                heat = measured(films[name], args, 1, film=True)
                found["film"] = {k: heat[k] for k in ("video_seconds", "film_seconds")}
            path = write_results("sounds_speed", found, args.out)
    print(path)


if __name__ == "__main__":
    main()
