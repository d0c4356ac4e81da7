"""Objects: small pictures of one object each, in which texture and shape are known apart.

`draw` makes them from seeds, thousands a second, with exact masks and per-pixel concepts. Shape,
texture, colour and background are independent, or the texture goes with the class, or against it
(`Cue`): what a classifier looks at can then be measured instead of guessed.
"""

from sensorium.worlds.objects.drawing import Objects, draw, split_seeds
from sensorium.worlds.objects.vocabulary import (
    COLOURS,
    CONCEPTS,
    CUES,
    SHAPES,
    TEXTURES,
    Concept,
    Cue,
    classes,
)

__all__ = [
    "COLOURS",
    "CONCEPTS",
    "CUES",
    "SHAPES",
    "TEXTURES",
    "Concept",
    "Cue",
    "Objects",
    "classes",
    "draw",
    "split_seeds",
]
