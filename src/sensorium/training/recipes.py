"""The recipes of all abilities by name."""

from __future__ import annotations

from collections.abc import Callable

from sensorium.recipe import Recipe
from sensorium.suggest import did_you_mean


def recipes() -> dict[str, Callable[[], Recipe]]:
    """Every recipe of the package: its name and the function that makes it."""
    from sensorium.actions.recipes import RECIPES as ACTIONS
    from sensorium.events.recipes import RECIPES as EVENTS
    from sensorium.expressions.recipes import RECIPES as EXPRESSIONS
    from sensorium.questions.recipes import RECIPES as QUESTIONS
    from sensorium.robustness.recipes import RECIPES as ROBUSTNESS
    from sensorium.sounds.recipes import RECIPES as SOUNDS

    return {**ACTIONS, **SOUNDS, **QUESTIONS, **EVENTS, **EXPRESSIONS, **ROBUSTNESS}


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ValueError: when there is none.
    """
    known = recipes()
    if name not in known:
        raise ValueError(f"unknown recipe {name!r}{did_you_mean(name, known)}")
    return known[name]()
