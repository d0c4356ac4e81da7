"""`models`: what comes with the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sensorium.store.loading import read_header
from sensorium.store.saving import MODEL
from sensorium.store.sources import bundled_folder, bundled_names


@dataclass(frozen=True)
class ModelInfo:
    """One set of weights, as `models` lists it.

    Attributes:
        name: what `load` takes.
        system: name of the system.
        parameters: how many are trainable.
        megabytes: size of the weights on disk (1 MB = 10^6 bytes).
        description: one line.
        trained_on: the data, in words.
        paper: authors, year, link.
        licence: of the weights.
        metrics: as on the card.
    """

    name: str
    system: str
    parameters: int
    megabytes: float
    description: str
    trained_on: str
    paper: str
    licence: str
    metrics: dict[str, float]


def models(folder: Path | None = None) -> list[ModelInfo]:
    """The bundled weights in order of name, read from their cards (nothing is loaded).

    Args:
        folder: another place to look in; default: the package's own.

    Raises:
        ValueError: when a card cannot be read.
    """
    place = bundled_folder() if folder is None else folder
    names = bundled_names() if folder is None else sorted(p.name for p in place.iterdir())
    return [_info(place / name) for name in names]


def _info(folder: Path) -> ModelInfo:
    header = read_header(folder)
    card = header.card
    return ModelInfo(
        name=folder.name,
        system=header.system,
        parameters=card.parameters,
        megabytes=(folder / MODEL).stat().st_size / 1e6,
        description=card.description,
        trained_on=card.trained_on,
        paper=card.paper,
        licence=card.licence,
        metrics=card.metrics,
    )
