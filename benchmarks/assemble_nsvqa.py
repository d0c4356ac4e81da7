"""Puts NS-VQA's halves together and into the package.

``python benchmarks/assemble_nsvqa.py SCENES QUESTIONS [--out FOLDER]`` takes the scene parser of
one run and the question parser of another (folders of runs or of systems), which share no weights.
The whole is stored as float16, calibrated on validation pictures, loaded back and measured from
pixels on the test split, so that the card speaks of the weights that are shipped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from sensorium import store, training
from sensorium.questions.datasets.answers import AnswersData
from sensorium.questions.systems import NSVQAConfig, NSVQASystem
from sensorium.system import Batch

WEIGHTS = Path(__file__).parent.parent / "src" / "sensorium" / "weights" / "nsvqa"
PICTURES = 400
"""Of the validation split, on which the domain gauge is calibrated."""


def together(scenes: Path, questions: Path) -> tuple[NSVQASystem, store.Card]:
    """The scene parser of one system with the question parser of another, and their card."""
    seeing, asking = store.load(scenes), store.load(questions)
    assert isinstance(seeing, NSVQASystem)
    assert isinstance(asking, NSVQASystem)
    config = NSVQAConfig(
        seeing.config.finder, seeing.config.attributes, parser=asking.config.parser
    )
    system = NSVQASystem(config)
    for part, source in (("scenes.", seeing), ("parser.", asking)):
        state = source.state_dict()
        system.start_from({k: v for k, v in state.items() if k.startswith(part)})
    first, second = seeing.card, asking.card
    recipe = training.recipe("nsvqa")
    card = store.Card(
        description=recipe.description,
        recipe=recipe.name,
        seeds=tuple(sorted({*first.seeds, *second.seeds})),
        steps=first.steps + second.steps,
        trained_on=f"scene parser: {first.trained_on}; question parser: {second.trained_on}",
        limits=system.limits,
        paper=system.paper,
        notes=(
            f"scene parser and question parser were trained apart ({first.steps:,} and "
            f"{second.steps:,} steps) and put together by benchmarks/assemble_nsvqa.py",
            "stored as float16",
        ),
    )
    return system, card


def pictures(count: int) -> Iterator[Batch]:
    """Validation pictures for the domain gauge."""
    examples = AnswersData(held_out=count, questions=1).open("val")
    for first in range(0, count, 20):
        made = [examples.example(k, 0)["picture"] for k in range(first, min(first + 20, count))]
        yield {"picture": torch.stack(made)}


def assemble(scenes: Path, questions: Path, out: Path, tested: int | None) -> None:
    """Put together, calibrate, store, load back, measure, store with the figures."""
    system, card = together(scenes, questions)
    system.eval().calibrate(pictures(PICTURES))
    system.weights = out.name
    shipped = store.load(store.save(system, out, card, dtype=torch.float16))
    data = AnswersData() if tested is None else AnswersData(tested=tested)
    metrics = training.evaluate(shipped, data, batch=20)
    card = replace(
        card, metrics=metrics, evaluated_on=f"the test split, {data}, from pixels (seed 0)"
    )
    store.save(shipped, out, card, dtype=torch.float16)
    size = (out / "model.safetensors").stat().st_size
    print(f"{out.name}: {size / 1e6:.2f} MB")
    for name, value in metrics.items():
        print(f"  {name:28} {value:.4f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--tested", type=int, help="pictures to measure on (default: all 500)")
    given = parser.parse_args()
    assemble(given.scenes, given.questions, given.out, given.tested)
