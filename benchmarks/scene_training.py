"""Trains NS-VQA's scene parser: both recipes, and between them the finder's outlines.

``python benchmarks/scene_training.py runs/questions/scenes --cache runs/questions/cache``; started
again it goes on where it stopped. Takes about an hour on one core.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from sensorium import load
from sensorium.questions.datasets.outlines import draw_outlines
from sensorium.questions.datasets.scenes import SceneData
from sensorium.questions.scene_stages import DRAWN, drawn_stage, scene_stages
from sensorium.questions.systems import NSVQAConfig, NSVQASystem
from sensorium.recipe import Recipe
from sensorium.training import train


def recipe(data: SceneData) -> Recipe:
    """The finder and the attribute network from nothing."""
    return Recipe(
        "nsvqa-scenes",
        "NS-VQA's scene parser on the blocks world",
        replace(data, held_out=100, tested=100),
        NSVQAConfig(),
        scene_stages(data),
        batch=16,
        precision="bf16",
        workers=1,
        validate_every=0,
        save_every=200,
    )


def once(recipe: Recipe, folder: Path) -> None:
    """Train, or go on with it, unless it is done."""
    if not (folder / "system").exists():
        train(recipe, folder, resume=folder.exists())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("runs/questions/cache"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = SceneData(cache=options.cache)
    first, outlines = options.folder / "first", options.folder / "outlines"
    once(recipe(data), first)
    if not outlines.exists():
        system = load(first).eval()
        assert isinstance(system, NSVQASystem)
        scenes = replace(data, length=DRAWN).scenes("train")
        draw_outlines(system.scenes.finder, scenes, outlines)
    again = replace(
        recipe(data),
        name="nsvqa-scenes-drawn",
        description="NS-VQA's attribute network on outlines that its finder drew",
        stages=(drawn_stage(data, outlines),),
        init=str(first),
    )
    once(again, options.folder / "second")


if __name__ == "__main__":
    main()
