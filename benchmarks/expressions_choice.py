"""Figures of weights on validation people, to choose by before anything is measured on the test.

    python benchmarks/expressions_choice.py WEIGHTS [WEIGHTS ...] [--people 24]

Weights are bundled ones, a system's folder, a run's or a checkpoint's. Pictures are ``cropped`` as
in the training, and ``whole``: drawn at twice the size and shrunk, as the system sees what it is
given. ``mark`` is what is made of everybody at no degree: the greatest mean difference to the input
over people and colours, in steps of 255, ``column`` the same over a column's height beside its
neighbours. Prints a line for each and writes nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

import expressions_measures as measures
from expressions_held_out import Generates, HeldOut, Truth, made_by
from expressions_runs import loaded
from sensorium import images
from sensorium.expressions.judges import bundled_judges
from sensorium.worlds.portraits import EXPRESSIONS

if TYPE_CHECKING:
    from sensorium.worlds.portraits import Portrait

CACHE = Path(__file__).parent.parent / "runs/expressions/cache"
SIZE = 64
BESIDE = 9  # columns that count as neighbours
SHOWN = (
    "ssim", "ssim_face", "ssim_mouth", "psnr_face", "psnr_mouth", "neutral_psnr", "accuracy",
    "intensity_spearman", "monotone", "intensity_mae", "others", "identity", "reidentified",
    "landmark_nme", "mouth_nme",
)  # fmt: skip


class Whole(HeldOut):
    """People pictured whole, drawn at twice the size and shrunk."""

    def __init__(self, split: str, people: int, cache: Path | None = None) -> None:
        super().__init__(split, people, 2 * SIZE, drawn=1.0, cache=cache)

    def _truth(self, rows: list[list[Portrait]]) -> Truth:
        told = super()._truth(rows)
        size = (SIZE, SIZE)
        face, mouth = (images.resize(mask.float(), size) > 0.5 for mask in (told.face, told.mouth))
        return Truth(images.resize(told.frames, size), told.landmarks, face, mouth)


def marks(system: Generates, held_out: HeldOut) -> dict[str, float]:
    """What is the same in everybody's picture at no degree, and should not be there."""
    still = torch.zeros(len(held_out), 1, len(EXPRESSIONS))
    added = system.generate(held_out.pictures, still)[:, 0] - held_out.pictures
    mean = 255 * added.mean((0, 1))  # [P, 3, S, S] -> [S, S]
    columns = mean.mean(0)[None]
    around = F.pad(columns, (BESIDE // 2, BESIDE // 2), mode="reflect")
    beside = F.avg_pool1d(around[None], BESIDE, 1)[0]
    return {"mark": float(mean.abs().max()), "column": float((columns - beside).abs().max())}


def figures(system: Generates, held_out: HeldOut) -> dict[str, float]:
    """Everything to choose by."""
    judges = bundled_judges()
    row, sweep, true = measures.sweep_row(made_by(system), held_out, judges)
    row |= measures.of_sweeps(sweep, true, judges, held_out)
    return {name: row[name] for name in SHOWN if name in row} | marks(system, held_out)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", nargs="+", help="bundled names or folders")
    parser.add_argument("--people", type=int, default=24, help="of the validation split")
    options = parser.parse_args()
    torch.set_num_threads(1)
    framings = {
        "cropped": HeldOut("val", options.people, cache=CACHE),
        "whole": Whole("val", options.people, CACHE),
    }
    for name, held_out in framings.items():
        for weights in options.weights:
            found = figures(loaded(weights), held_out)
            told = "  ".join(f"{key} {value:.4f}" for key, value in found.items())
            print(f"{weights} {name}: {told}", flush=True)


if __name__ == "__main__":
    main()
