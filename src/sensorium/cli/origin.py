"""The data that a trained system is measured on unless others are named: those of its recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensorium.cli.options import UsageError

if TYPE_CHECKING:
    from sensorium.store import Header
    from sensorium.system import System


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


def refuse_other_classes(system: System, data: Any) -> None:
    """Figures on data of other classes would mean nothing.

    Raises:
        ValueError: when the classes, or their order, are not the system's.
    """
    wanted = data.adapt(system.config)
    knows, has = (getattr(c, "classes", ()) for c in (system.config, wanted))
    if knows == has:
        return
    raise ValueError(
        f"{system.weights} knows {_count(knows)}, the data have {_count(has)}; "
        "name data of its classes with --data"
    )


def _count(classes: tuple[str, ...]) -> str:
    """``15 classes (rise, sink, slide right …)``."""
    more = " …" if len(classes) > 3 else ""
    return f"{len(classes)} classes ({', '.join(classes[:3])}{more})"
