"""Kill a training run with SIGKILL again and again, resume each time, compare with an unbroken run.

Ten kills come at random moments of the training. More come where it hurts most: twice while the
program starts, five times the moment a checkpoint is seen being written, twice after the last step,
while the system is measured and saved. After every kill each checkpoint must be whole; at the end
the log, the final metrics and the trained weights must be those of the unbroken run, to the bit.

    python benchmarks/resume_torture.py [--recipe tsm-tiny] [--kills 10] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report import write_results

OPTIONS = ["--save-every", "5", "--validate-every", "20", "--workers", "1"]


def start(recipe: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sensorium", "train", recipe, "--folder", str(folder)]
    command += ["--device", "cpu", *OPTIONS]
    if folder.exists():
        command.append("--resume")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def unbroken(recipe: str, folder: Path) -> float:
    """Train without a break; returns the seconds it took."""
    began = time.monotonic()
    process = start(recipe, folder)
    _, said = process.communicate()
    if process.returncode:
        raise RuntimeError(said.decode())
    return time.monotonic() - began


def logged(folder: Path) -> list[dict[str, Any]]:
    """The log's rows without what depends on the clock."""
    from sensorium.training.log import read_rows

    return [
        {k: v for k, v in row.items() if k != "examples_per_second"} for row in read_rows(folder)
    ]


def unreadable(folder: Path) -> list[str]:
    """Checkpoints that are not whole."""
    from sensorium.training import checkpoints

    bad = []
    for place in sorted((folder / "checkpoints").glob("[!.]*")):
        try:
            checkpoints.read(place).state()
        except ValueError as error:
            bad.append(str(error))
    return bad


@dataclass(frozen=True)
class Moment:
    """When to kill.

    Attributes:
        name: in words.
        step: once the log has got so far (0: from the start) ...
        delay: and so many seconds have passed ...
        writing: and a checkpoint is being written.
    """

    name: str
    step: int
    delay: float
    writing: bool = False


def moments(total: int, kills: int, draw: random.Random) -> list[Moment]:
    """In the order of the run's progress."""
    early = [Moment("at the start", 0, draw.uniform(0, 3.0)) for _ in range(2)]
    steps = [
        Moment("in training", draw.randint(1, total), draw.uniform(0, 0.3)) for _ in range(kills)
    ]
    writing = [
        Moment("while a checkpoint is written", draw.randint(1, total - 6), 0.0, writing=True)
        for _ in range(5)
    ]
    late = [Moment("after the last step", total, draw.uniform(0, 1.0)) for _ in range(2)]
    return early + sorted(steps + writing, key=lambda m: m.step) + late


def reached(folder: Path, moment: Moment) -> bool:
    """Whether the run has got so far."""
    if moment.step and (not (rows := logged(folder)) or rows[-1]["step"] < moment.step):
        return False
    return not moment.writing or any((folder / "checkpoints").glob(".writing-step-*"))


def kill_once(recipe: str, folder: Path, moment: Moment) -> dict[str, Any]:
    """Start or resume, and kill at that moment."""
    process = start(recipe, folder)
    while process.poll() is None and not reached(folder, moment):
        time.sleep(0.0005 if moment.writing else 0.01)
    time.sleep(moment.delay)
    process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    rows = logged(folder)
    return {
        "moment": moment.name,
        "killed": process.returncode == -signal.SIGKILL,
        "steps_in_the_log": rows[-1]["step"] if rows else 0,
        "half_written": sorted(p.name.split("-")[0] for p in folder.glob("**/.*-*")),
        "unreadable_checkpoints": unreadable(folder),
        "said": said.decode().strip().splitlines()[-1:] if process.returncode > 0 else [],
    }


def equal_weights(a: Path, b: Path) -> bool:
    from sensorium.store import read_weights

    ours, theirs = read_weights(a), read_weights(b)
    return ours.keys() == theirs.keys() and all(bool((ours[k] == theirs[k]).all()) for k in ours)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="tsm-tiny")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    from sensorium.store import read_header

    with tempfile.TemporaryDirectory() as place:
        whole, broken = Path(place) / "whole", Path(place) / "broken"
        seconds = unbroken(options.recipe, whole)
        print(f"unbroken: {len(logged(whole))} steps in {seconds:.1f} s", file=sys.stderr)
        plan = moments(len(logged(whole)), options.kills, random.Random(options.seed))
        kills = []
        for moment in plan:
            kills.append(kill_once(options.recipe, broken, moment))
            print(kills[-1], file=sys.stderr)
        unbroken(options.recipe, broken)
        if (whole / "recipe.json").read_text() != (broken / "recipe.json").read_text():
            raise RuntimeError("the source's recipe changed meanwhile; run again on a still copy")
        left = [p.name for p in broken.glob("**/.*-*")]
        figures = [read_header(f / "system").card.metrics for f in (whole, broken)]
        verdict = {
            "same_log_rows": logged(whole) == logged(broken),
            "same_final_metrics": figures[0] == figures[1],
            "same_weights": equal_weights(whole, broken),
            "unreadable_checkpoints": sum(len(k["unreadable_checkpoints"]) for k in kills)
            + len(unreadable(broken)),
            "leftovers": left,
            "kills_of_a_running_process": sum(k["killed"] for k in kills),
        }
        payload = {
            "recipe": options.recipe,
            "seed": options.seed,
            "steps": len(logged(whole)),
            "unbroken_seconds": round(seconds, 1),
            "kills_at_random_moments": options.kills,
            **verdict,
            "final_metrics": figures[0],
            "kills": kills,
        }
    path = write_results("resume_torture", payload)
    print(verdict, f"written to {path}", sep="\n", file=sys.stderr)
    good = all(verdict[k] for k in ("same_log_rows", "same_final_metrics", "same_weights"))
    all_hit = verdict["kills_of_a_running_process"] == len(plan)
    return 0 if good and all_hit and not verdict["unreadable_checkpoints"] and not left else 1


if __name__ == "__main__":
    sys.exit(main())
