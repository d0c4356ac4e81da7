"""The data that a trained system is measured on unless others are named: those of its recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensorium.cli.options import UsageError

if TYPE_CHECKING:
    from sensorium.store import Header


def data_of(name: str) -> Any:
    """The data that a system was trained for.

    Where its card names none (a published checkpoint) they are left to be named by
    ``--data.root``, and looked at as the system's config says.

    Raises:
        UsageError: when there is no such system.
        ValueError: when its folder, or the run's, cannot be read.
    """
    own = own_data(name)
    return _data_like(_header(name).config) if own is None else own


def own_data(name: str) -> Any | None:
    """The data of a run folder's own recipe, else of the recipe that the card names, if any.

    Raises:
        UsageError: when there is no such system.
        ValueError: when its folder, or the run's, cannot be read.
    """
    from sensorium import training
    from sensorium.plain import from_plain

    recipe = _header(name).card.recipe
    known = training.recipes()
    if recipe not in known:
        return None
    data = known[recipe]().data
    for run in (Path(name), Path(name).parent):
        path = run / "recipe.json"
        if path.is_file():
            there = json.loads(path.read_text(encoding="utf-8"))["recipe"]["data"]
            return from_plain(type(data), there, f"{path}: data")
    return data


def _header(name: str) -> Header:
    """What the system's ``config.json`` says."""
    from sensorium import store
    from sensorium.store.sources import locate

    try:
        return store.read_header(locate(name))
    except ValueError as error:
        if Path(name).exists() or name.startswith("hf://"):
            raise
        raise UsageError(str(error)) from error


def _data_like(config: dict[str, Any]) -> Any:
    """Data yet to be named (``--data.root``), looked at as the system's config says."""
    from sensorium.actions.datasets import ActionData
    from sensorium.actions.view import View
    from sensorium.plain import from_plain

    view = from_plain(View, config.get("view", {}), "config.view")
    return ActionData(
        kind="folder",
        size=view.size,
        fit=view.fit,
        sampling=view.sampling,
        fps=view.fps,
        window_seconds=view.window_seconds,
    )
