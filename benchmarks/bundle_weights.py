"""Puts trained systems into the package: ``python benchmarks/bundle_weights.py runs/tsm …``.

Each run folder's system is stored as float16 under ``src/sensorium/weights/<recipe>``, loaded back
and measured again, so that the card speaks of the weights that are shipped.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch

from sensorium import store, training
from sensorium.training.whole import HasClips

WEIGHTS = Path(__file__).parent.parent / "src" / "sensorium" / "weights"


def bundle(run: Path) -> None:
    system = store.load(run)
    card: store.Card = system.card
    recipe = training.recipe(card.recipe)
    examples = recipe.data.open("val")
    batches = (
        [examples.example(k, 0) for k in range(i, min(i + 32, len(examples)))]
        for i in range(0, len(examples), 32)
    )
    stacked = ({key: torch.stack([e[key] for e in b]) for key in b[0]} for b in batches)
    clips = recipe.data.clips("val") if isinstance(recipe.data, HasClips) else ()
    system.calibrate(stacked, clips)
    system.weights = card.recipe
    target = store.save(system, WEIGHTS / card.recipe, card, dtype=torch.float16)
    shipped = store.load(target)
    metrics = training.evaluate(shipped, recipe.data)
    shipped.weights = card.recipe
    tested = len(recipe.data.open("test"))
    notes = [*card.notes, "stored as float16"]
    if recipe.init is not None:
        notes.append(f"training started from {recipe.init}, whose training had labels of classes")
    card = replace(
        card,
        metrics=metrics,
        evaluated_on=f"the test split, {tested} examples, seed 0",
        notes=tuple(notes),
    )
    store.save(shipped, target, card, dtype=torch.float16)
    size = (target / "model.safetensors").stat().st_size
    name, value = next(iter(metrics.items()))
    print(f"{card.recipe}: {name} {value:.4f}, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        bundle(Path(name))
