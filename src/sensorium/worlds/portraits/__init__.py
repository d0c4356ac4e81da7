"""Portraits: people who show seven expressions, with 68 exact landmarks and masks.

`identity` makes a person from a seed, `draw` a picture of a `Face`, `sit` an expression over
time and `clip` a lazy `sensorium.types.Clip` of it.
"""

from sensorium.worlds.portraits.actions import EXPRESSIONS
from sensorium.worlds.portraits.people import Identity, identity, split_seed
from sensorium.worlds.portraits.portrait import Face, Portrait, draw
from sensorium.worlds.portraits.shape import MIRROR, Pose
from sensorium.worlds.portraits.sitting import Sitting, clip, sit

__all__ = [
    "EXPRESSIONS",
    "MIRROR",
    "Face",
    "Identity",
    "Portrait",
    "Pose",
    "Sitting",
    "clip",
    "draw",
    "identity",
    "sit",
    "split_seed",
]
