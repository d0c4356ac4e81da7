"""Puts the parts of NS-VQA together and into the package.

``python benchmarks/assemble_nsvqa.py FINDER ATTRIBUTES PARSER [--out FOLDER]`` takes each network
out of a folder of its own (of a run or of a system; the same folder may be given again): they share
no weights and can be trained side by side. The whole is stored as float16, calibrated on validation
pictures, loaded back and measured from pixels on the test split, so that the card speaks of the
weights that are shipped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from sensorium import store, training
from sensorium.questions.datasets.answers import AnswersData
from sensorium.questions.systems import NSVQAConfig, NSVQASystem
from sensorium.system import Batch

WEIGHTS = Path(__file__).parent.parent / "src" / "sensorium" / "weights" / "nsvqa"
STARTS = {"scenes.finder.": "finder", "scenes.attributes.": "attributes", "parser.": "parser"}
"""How the names of each network's parameters start."""
PICTURES = 400
"""Of the validation split, on which the domain gauge is calibrated."""


def together(sources: dict[str, Path]) -> tuple[NSVQASystem, store.Card]:
    """A system of networks by the start of their parameters' names, and its card."""
    systems = {}
    for start, folder in sources.items():
        loaded = store.load(folder)
        assert isinstance(loaded, NSVQASystem), f"{folder} holds a {loaded.name}"
        systems[start] = loaded
    finder, attributes, parser = (systems[start].config for start in STARTS)
    config = NSVQAConfig(finder.finder, attributes.attributes, parser.parser)
    system = NSVQASystem(config)
    for start, source in systems.items():
        system.start_from({k: v for k, v in source.state_dict().items() if k.startswith(start)})
    recipe = training.recipe("nsvqa")
    runs: dict[Path, store.Card] = {}
    for start in STARTS:
        runs |= history(sources[start], systems[start].card)
    told = [f"{STARTS[s]}: {systems[s].card.trained_on}" for s in STARTS]
    return system, store.Card(
        description=recipe.description,
        recipe=recipe.name,
        seeds=tuple(sorted({seed for loaded in systems.values() for seed in loaded.card.seeds})),
        steps=sum(card.steps for card in runs.values()),
        trained_on="; ".join(told),
        limits=system.limits,
        paper=system.paper,
        notes=(
            "the parts were trained apart ("
            + ", ".join(f"{card.recipe} {card.steps:,} steps" for card in runs.values())
            + ") and put together by benchmarks/assemble_nsvqa.py",
            "stored as float16",
        ),
    )


def history(folder: Path, card: store.Card) -> dict[Path, store.Card]:
    """The runs behind a folder with their cards, first the one that it started from."""
    path = folder / "recipe.json"
    start = json.loads(path.read_text())["recipe"]["init"] if path.is_file() else None
    before = {}
    if start is not None and Path(start).is_dir():
        before = history(Path(start), store.load(start).card)
    return {**before, folder.resolve(): card}


def pictures(count: int) -> Iterator[Batch]:
    """Validation pictures for the domain gauge."""
    examples = AnswersData(held_out=count, questions=1).open("val")
    for first in range(0, count, 20):
        made = [examples.example(k, 0)["picture"] for k in range(first, min(first + 20, count))]
        yield {"picture": torch.stack(made)}


def assemble(sources: dict[str, Path], out: Path, tested: int | None) -> None:
    """Put together, calibrate, store, load back, measure, store with the figures."""
    system, card = together(sources)
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
    for name in STARTS.values():
        parser.add_argument(name, type=Path)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--tested", type=int, help="pictures to measure on (default: all 500)")
    given = parser.parse_args()
    folders = {start: getattr(given, name) for start, name in STARTS.items()}
    assemble(folders, given.out, given.tested)
