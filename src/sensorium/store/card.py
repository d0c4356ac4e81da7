"""The card of a trained system: where it comes from, how good it is, what it is not good for."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Card:
    """What a person must know before trusting weights.

    Attributes:
        description: one line.
        recipe: name of the recipe that trained them (empty: not trained here).
        seeds: of the run.
        steps: optimiser steps behind the saved weights.
        trained_on: the data, in words.
        evaluated_on: what ``metrics`` were measured on.
        metrics: by the field's short names.
        parameters: trainable parameters; `save` fills it in.
        limits: what the weights are not good for.
        licence: of the weights.
        paper: authors, year, link.
        notes: anything else worth a line (conversion, export, quantisation).
    """

    description: str = ""
    recipe: str = ""
    seeds: tuple[int, ...] = ()
    steps: int = 0
    trained_on: str = ""
    evaluated_on: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    parameters: int = 0
    limits: str = ""
    licence: str = "Apache-2.0"
    paper: str = ""
    notes: tuple[str, ...] = ()


def readme(card: Card, system: str, weights: str) -> str:
    """The card for people, in Markdown, with the front matter that the Hub reads."""
    seeds = ", ".join(map(str, card.seeds))
    facts = {
        "System": f"`{system}`",
        "Paper": card.paper,
        "Parameters": f"{card.parameters:,}" if card.parameters else "",
        "Recipe": f"`{card.recipe}`" if card.recipe else "",
        "Seed": seeds,
        "Steps": f"{card.steps:,}" if card.steps else "",
        "Trained on": card.trained_on,
        "Licence": card.licence,
    }
    lines = ["---", f"license: {card.licence.lower()}", "library_name: sensorium", "---"]
    lines += ["", f"# {weights}", ""]
    if card.description:
        lines += [card.description, ""]
    lines += ["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in facts.items() if v), ""]
    if card.metrics:
        lines += ["## How good", ""]
        lines += [f"Measured on {card.evaluated_on}.", ""] if card.evaluated_on else []
        lines += ["| metric | value |", "|---|---:|"]
        lines += [f"| `{k}` | {v:.4f} |" for k, v in card.metrics.items()] + [""]
    if card.limits:
        lines += ["## Limits", "", card.limits, ""]
    if card.notes:
        lines += ["## Notes", "", *(f"- {note}" for note in card.notes), ""]
    lines += ["## Use", "", "```python", "import sensorium", ""]
    lines += ['system = sensorium.load("path/to/this/folder")', "```"]
    return "\n".join(lines) + "\n"
