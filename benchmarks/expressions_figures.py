"""Draws the pictures of generated expressions into ``docs/figures``.

    python benchmarks/expressions_figures.py [--system NAME] [--only sheet lengths curve rows]

All faces are drawn people of the test split; what is generated is said so in the picture.
``rows`` shows one person as every trained row of `expressions_quality.py` makes them.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from expressions_held_out import Generates, HeldOut, one_hot
from expressions_quality import ROOT, arguments, jobs
from expressions_runs import loaded
from sensorium.expressions.curves import keyframes, pulse, ramp
from sensorium.expressions.judges import bundled_judges
from sensorium.worlds.portraits import EXPRESSIONS

FOLDER = ROOT / "docs" / "figures"
DEGREES = (0.0, 0.25, 0.5, 0.75, 1.0)
LENGTHS = (8, 24, 100)
PEOPLE = 12
"""Of whom the curves are shown."""

INK, MADE, TOLD = "#22303c", "#3d8fe8", "#e8a33d"
GENERATED = "generated from the picture at 0; drawn people whom no training has seen"


def pixels(pictures: Float[Tensor, "N 3 S S"]) -> np.ndarray:
    """A strip ``[S, N*S, 3]``."""
    strip: np.ndarray = torch.cat(list(pictures), 2).permute(1, 2, 0).numpy()
    return strip


def bare(axes: Axes, shown: np.ndarray, label: str = "") -> None:
    """A picture without ticks, with a name on its left."""
    axes.imshow(shown, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)


def sheet(system: Generates, held_out: HeldOut, people: Sequence[int]) -> None:
    """Identities x expressions x intensity, and the true face at 1 beside each."""
    degrees = torch.tensor(DEGREES)
    true = {(a.people[0], int(a.degrees[0].amax(0).argmax())): a for a in held_out.sweeps(2)}
    figure, grid = plt.subplots(
        len(EXPRESSIONS), len(people), figsize=(4.1 * len(people), 5.4), layout="constrained"
    )
    for row, name in enumerate(EXPRESSIONS):
        for column, person in enumerate(people):
            asked = one_hot(row, degrees)[None]
            made = system.generate(held_out.pictures[person : person + 1], asked)[0]
            first = true[(person - person % 8, row)]
            peak = first.true[person % 8, -1:]
            gap = torch.ones(1, 3, made.shape[2], made.shape[3])
            shown = np.concatenate([pixels(made), pixels(gap)[:, :8], pixels(peak)], 1)
            bare(grid[row, column], shown.clip(0, 1), name if column == 0 else "")
            if row == 0:
                size = made.shape[-1]
                ticks = [size * (k + 0.5) for k in range(len(DEGREES))] + [size * 5.5 + 8]
                grid[row, column].set_xticks(ticks, [*map(str, DEGREES), "true, 1"], fontsize=8)
                grid[row, column].xaxis.tick_top()
                grid[row, column].tick_params(length=0)
    figure.suptitle(GENERATED, fontsize=9, color=INK)
    figure.savefig(FOLDER / "expressions_sheet.png", dpi=140)


def lengths(system: Generates, held_out: HeldOut, person: int) -> None:
    """One picture made 8, 24 and 100 frames long."""
    figure, grid = plt.subplots(
        3, 1, figsize=(12, 7.0), layout="constrained", height_ratios=[1.25, 1.67, 2.5]
    )
    across = {8: 8, 24: 12, 100: 20}
    for axes, count in zip(grid, LENGTHS, strict=True):
        asked = one_hot(EXPRESSIONS.index("surprised"), pulse(count, 0.5))[None]
        made = system.generate(held_out.pictures[person : person + 1], asked)[0]
        rows = [pixels(part) for part in made.split(across[count])]
        width = rows[0].shape[1]
        full = [np.pad(r, ((0, 0), (0, width - r.shape[1]), (0, 0))) for r in rows]
        bare(axes, np.concatenate(full).clip(0, 1))
        axes.set_title(f"{count} frames", loc="left", fontsize=9)
    figure.suptitle(f"surprised, there and back; {GENERATED}", fontsize=9, color=INK)
    figure.savefig(FOLDER / "expressions_lengths.png", dpi=110)


def curve(system: Generates, held_out: HeldOut) -> None:
    """Curves commanded, and what the judge sees in the frames."""
    courses = {
        "ramp(24)": ramp(24),
        "pulse(24, peak=0.4)": pulse(24, 0.4),
        '"0:0,12:1,24:0.3"': keyframes("0:0,12:1,24:0.3"),
    }
    figure, grid = plt.subplots(1, 3, figsize=(12, 3.4), sharey=True, layout="constrained")
    for axes, (name, course) in zip(grid, courses.items(), strict=True):
        every, true = judged(system, held_out, course)
        low, middle, high = (every.quantile(q, 0).numpy() for q in (0.1, 0.5, 0.9))
        frames = np.arange(len(course))
        axes.fill_between(frames, low, high, color=MADE, alpha=0.2, lw=0, label="judged, 80 %")
        axes.plot(frames, middle, color=MADE, label="judged, median")
        axes.plot(frames, true.median(0).values.numpy(), color=INK, lw=0.9, label="true faces")
        axes.plot(frames, course.numpy(), color=TOLD, ls="--", label="commanded")
        axes.set(title=name, xlabel="frame", ylim=(-0.15, 1.2))
    grid[0].set_ylabel("degree")
    grid[0].legend(frameon=False, fontsize=8)
    said = f"{PEOPLE} people x {len(EXPRESSIONS)} expressions"
    figure.suptitle(f"The degree as commanded and as judged in the frames, {said}", fontsize=10)
    figure.savefig(FOLDER / "expressions_curve.png", dpi=110)


def judged(
    system: Generates, held_out: HeldOut, course: Float[Tensor, " T"]
) -> tuple[Float[Tensor, "N T"], Float[Tensor, "N T"]]:
    """Judged degrees of generated and of true faces that follow a curve."""
    judges, made, true = bundled_judges(), [], []
    for which in range(len(EXPRESSIONS)):
        asked = held_out.asked(list(range(PEOPLE)), one_hot(which, course))
        for found, frames in (
            (made, system.generate(asked.pictures, asked.degrees)),
            (true, asked.true),
        ):
            degrees = judges.judge(frames.flatten(0, 1)).degrees[:, which]
            found.append(degrees.view(PEOPLE, len(course)))
    return torch.cat(made), torch.cat(true)


def rows(held_out: HeldOut, person: int, bundled: Generates, folder: Path) -> None:
    """One person at degree 1: the true face, the bundled weights' and every trained row's."""
    asked = torch.stack([one_hot(k, ramp(2)) for k in range(len(EXPRESSIONS))])
    given = held_out.pictures[person][None].expand(len(EXPRESSIONS), -1, -1, -1)
    true = [held_out.asked([person], course).true[0, -1] for course in asked]
    strips = {"true": pixels(torch.stack(true))}
    strips["bundled weights"] = pixels(bundled.generate(given, asked)[:, -1])
    for work in jobs(arguments(["--folder", str(folder)])):
        if work.training is None or not (work.measured and work.trained) or work.stale():
            continue
        system = loaded(str(work.training.system))
        strips[work.name] = pixels(system.generate(given, asked)[:, -1])
    figure, grid = plt.subplots(
        len(strips), 1, figsize=(9, 1.05 * len(strips) + 0.5), layout="constrained"
    )
    for axes, (name, strip) in zip(grid, strips.items(), strict=True):
        bare(axes, strip.clip(0, 1), textwrap.fill(name, 18))
    size = held_out.size
    grid[0].set_xticks([size * (k + 0.5) for k in range(len(EXPRESSIONS))], EXPRESSIONS, fontsize=8)
    grid[0].xaxis.tick_top()
    grid[0].tick_params(length=0)
    figure.savefig(FOLDER / "expressions_rows.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--system", default="expressions", help="bundled name or run folder")
    parser.add_argument("--only", nargs="+", default=["sheet", "lengths", "curve", "rows"])
    parser.add_argument("--people", type=int, nargs="+", default=[0, 1, 2], help="on the sheet")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/expressions/quality")
    options = parser.parse_args()
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    held_out = HeldOut("test", 40, cache=ROOT / "runs/expressions/cache")
    system = loaded(options.system)
    if "sheet" in options.only:
        sheet(system, held_out, options.people)
    if "lengths" in options.only:
        lengths(system, held_out, options.people[0])
    if "curve" in options.only:
        curve(system, held_out)
    if "rows" in options.only:
        rows(held_out, options.people[0], system, options.runs)


if __name__ == "__main__":
    main()
