"""A trained system is a folder: ``config.json``, ``model.safetensors``, ``README.md`` (the card).

`load` takes a bundled name, such a folder, a run folder or a Hub id; `save` writes one, whole or
not at all. No pickle is ever run: `convert` makes a folder of a published checkpoint once.
"""

from sensorium.store.bundled import ModelInfo, models
from sensorium.store.card import Card
from sensorium.store.converting import convert
from sensorium.store.hub import publish
from sensorium.store.loading import Header, load, read_header, read_weights
from sensorium.store.saving import save
from sensorium.store.systems import system_of, systems

__all__ = [
    "Card",
    "Header",
    "ModelInfo",
    "convert",
    "load",
    "models",
    "publish",
    "read_header",
    "read_weights",
    "save",
    "system_of",
    "systems",
]
