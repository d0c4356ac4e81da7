"""Sensorium: see, hear, describe, reason, imagine, and know how far to trust it.

The public names, imported when first asked for, so that ``import sensorium`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensorium.actions.results import Action, Actions
    from sensorium.events.results import Event, Story
    from sensorium.expressions.results import Animation
    from sensorium.media import MediaError, read
    from sensorium.questions.results import Answer, Sight
    from sensorium.recipe import Optimiser, Recipe, Schedule, Stage
    from sensorium.robustness.pse.results import Explanation
    from sensorium.robustness.results import Robustness
    from sensorium.store import convert, load, models, save
    from sensorium.system import Result, System
    from sensorium.training import evaluate, fit, train
    from sensorium.types import Audio, Clip, FrameVideo, Span, Video
    from sensorium.watch import watch

__version__ = "0.1.0"

__all__ = [
    "Action",
    "Actions",
    "Animation",
    "Answer",
    "Audio",
    "Clip",
    "Event",
    "Explanation",
    "FrameVideo",
    "MediaError",
    "Optimiser",
    "Recipe",
    "Result",
    "Robustness",
    "Schedule",
    "Sight",
    "Span",
    "Stage",
    "Story",
    "System",
    "Video",
    "convert",
    "evaluate",
    "fit",
    "load",
    "models",
    "read",
    "save",
    "train",
    "watch",
]

_HOMES = {
    "actions.results": ("Action", "Actions"),
    "events.results": ("Event", "Story"),
    "expressions.results": ("Animation",),
    "media": ("MediaError", "read"),
    "questions.results": ("Answer", "Sight"),
    "recipe": ("Optimiser", "Recipe", "Schedule", "Stage"),
    "robustness.pse.results": ("Explanation",),
    "robustness.results": ("Robustness",),
    "store": ("convert", "load", "models", "save"),
    "system": ("Result", "System"),
    "training": ("evaluate", "fit", "train"),
    "types": ("Audio", "Clip", "FrameVideo", "Span", "Video"),
    "watch": ("watch",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, from the module that it lives in (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'sensorium' has no attribute {name!r}")
    value = getattr(import_module(f"sensorium.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, for completion."""
    return [*__all__, "__version__"]
