"""The data that a trained system is measured on unless others are named: those of its recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensorium.cli.options import UsageError

if TYPE_CHECKING:
    from sensorium.system import System


def data_of(name: str) -> Any:
    """The data of a run folder's own recipe, else of the recipe that the system's card names.

    Raises:
        UsageError: when there is no such system.
        ValueError: when it does not say by which recipe it was trained.
    """
    from sensorium import store, training
    from sensorium.plain import from_plain
    from sensorium.store.sources import locate

    try:
        header = store.read_header(locate(name))
    except ValueError as error:
        if Path(name).exists() or name.startswith("hf://"):
            raise
        raise UsageError(str(error)) from error
    recipe = header.card.recipe
    if recipe not in training.recipes():
        raise ValueError(
            f"{name}: its card names no recipe of this package (got {recipe!r}), so its data are "
            "unknown; measure it in Python: sensorium.evaluate(system, data)"
        )
    data = training.recipe(recipe).data
    for run in (Path(name), Path(name).parent):
        path = run / "recipe.json"
        if path.is_file():
            there = json.loads(path.read_text(encoding="utf-8"))["recipe"]["data"]
            return from_plain(type(data), there, f"{path}: data")
    return data


def refuse_other_classes(system: System, data: Any) -> None:
    """Figures on data of other classes would mean nothing.

    Raises:
        ValueError: when the data would make another system of this one.
    """
    wanted = data.adapt(system.config)
    if wanted == system.config:
        return
    knows, has = (getattr(c, "classes", ()) for c in (system.config, wanted))
    raise ValueError(
        f"{system.weights} knows {len(knows)} classes ({', '.join(knows[:3])} …), the data have "
        f"{len(has)} ({', '.join(has[:3])} …); name data of its classes with --data"
    )
