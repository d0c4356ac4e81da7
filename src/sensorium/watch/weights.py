"""Whose answer it is: the weights' name and what their card says about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sensorium.store import Card
from sensorium.system import System


@dataclass(frozen=True)
class Weights:
    """The weights behind a section.

    Attributes:
        name: as given to ``sensorium.load``.
        system: the published system that they belong to.
        trained_on: one phrase, such as ``procedural stage videos``; empty when no card says it.
        facts: further lines of the card, as ``(label, value)``.
    """

    name: str
    system: str
    trained_on: str = ""
    facts: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """``weights``, ``system``, ``trained_on`` and the card's facts."""
        return {
            "weights": self.name,
            "system": self.system,
            "trained_on": self.trained_on or None,
            "card": dict(self.facts),
        }

    @classmethod
    def of(cls, system: System, card: Card | None) -> Weights:
        """What a report says about a system; little when there is no card."""
        if card is None:
            return cls(system.weights, system.name)
        lines = {
            "Recipe": card.recipe,
            "Seed": ", ".join(map(str, card.seeds)),
            "Steps": f"{card.steps:,}" if card.steps else "",
            "Parameters": f"{card.parameters:,}" if card.parameters else "",
            "Measured": _measured(card),
            "Limits": card.limits,
            "Paper": card.paper,
            "Licence": card.licence,
        }
        facts = tuple((name, text) for name, text in lines.items() if text)
        return cls(system.weights, system.name, card.trained_on, facts)


def _measured(card: Card) -> str:
    """The card's first metrics, on what they were measured."""
    shown = [f"{name} {value:.3g}" for name, value in card.metrics.items() if "/" not in name][:3]
    where = f" on {card.evaluated_on}" if card.evaluated_on and shown else ""
    return f"{', '.join(shown)}{where}"
