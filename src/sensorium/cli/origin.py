"""The data that a trained system is measured on unless others are named: those of its recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sensorium.cli.options import UsageError


def data_of(name: str) -> Any:
    """The data that a system was trained for.

    Where its card names none (a published checkpoint) they are left to be named by
    ``--data.root``, and looked at as the system's config says.

    Raises:
        UsageError: when there is no such system.
        ValueError: when its folder, or the run's, cannot be read.
    """
    from sensorium import store

    own = own_data(name)
    if own is not None:
        return own
    header = store.read_header(_locate(name))
    if header.system == "nsvqa":
        from sensorium.questions.datasets.answers import AnswersData

        return AnswersData()
    return _data_like(header.config)


def own_data(name: str) -> Any | None:
    """The data of the run that a system comes out of, else of the recipe that its card names.

    Raises:
        UsageError: when there is no such system.
        ValueError: when its folder, or the run's, cannot be read.
    """
    from sensorium import store, training

    folder = _locate(name)
    recipe = store.read_header(folder).card.recipe
    known = training.recipes()
    inside = folder.name == "system" or folder.parent.name == "checkpoints"
    for run in (folder.parent, folder.parent.parent) if inside else ():
        if (run / "recipe.json").is_file():
            return _data_of_run(run / "recipe.json", {type(m().data) for m in known.values()})
    return known[recipe]().data if recipe in known else None


def _data_of_run(path: Path, kinds: set[type]) -> Any | None:
    """What ``recipe.json`` says of the data, if they are of one of the package's kinds."""
    from sensorium.plain import from_plain

    try:
        there = json.loads(path.read_text(encoding="utf-8"))
        kind, data = there["kinds"]["data"], there["recipe"]["data"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); name the data with --data") from error
    return next((from_plain(k, data, f"{path}: data") for k in kinds if k.__name__ == kind), None)


def _locate(name: str) -> Path:
    """The system's folder."""
    from sensorium.store.sources import locate

    try:
        return locate(name)
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
