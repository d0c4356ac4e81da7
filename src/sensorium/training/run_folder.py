"""A run folder: what is in it, whether a run may start there, and where it goes on.

``recipe.json``, ``environment.json`` (one entry per start), ``log.jsonl``, ``log.csv``,
``checkpoints/``, ``system/`` once the run is done, ``tensorboard/`` when asked for.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from sensorium.plain import to_plain
from sensorium.recipe import Recipe
from sensorium.store.atomic import write_text
from sensorium.store.saving import CONFIG
from sensorium.store.sources import CHECKPOINTS, STEP
from sensorium.training import checkpoints
from sensorium.training.checkpoints import Checkpoint
from sensorium.training.environment import environment

RECIPE, ENVIRONMENT, SYSTEM = "recipe.json", "environment.json", "system"
logger = logging.getLogger("sensorium.training")


def describe(recipe: Recipe) -> dict[str, Any]:
    """The recipe in JSON types, with the kinds of its data and system."""
    kinds = {"data": type(recipe.data).__name__, "system": type(recipe.system).__qualname__}
    return {"kinds": kinds, "recipe": to_plain(recipe)}


def open_run(folder: Path, recipe: Recipe, *, resume: bool) -> Checkpoint | None:
    """Prepare ``folder`` for this recipe; returns the checkpoint to go on from, if any.

    Raises:
        ValueError: when the folder holds a run that started and ``resume`` was not asked for,
            or a run of another recipe, or files of another kind.
    """
    path = folder / RECIPE
    started = (folder / ENVIRONMENT).exists() or _has_checkpoints(folder)
    if path.exists() and not resume and not started:
        path.unlink()  # that run failed on its way, say for its initial weights
    if not path.exists():
        _start(folder, recipe, resume=resume)
        return None
    if not resume:
        raise ValueError(f"{folder} holds a run already; go on with --resume, or give a new folder")
    _refuse_other_recipe(path, recipe)
    checkpoints.tidy(folder)
    checkpoint = checkpoints.newest(folder)
    if checkpoint is None:
        logger.warning("%s holds no checkpoint yet; starting at step 1", folder)
    return checkpoint


def is_finished(folder: Path, recipe: Recipe) -> bool:
    """Whether the trained system is there already.

    Raises:
        ValueError: when the folder holds a run of another recipe.
    """
    if not (folder / RECIPE).exists():
        return False
    _refuse_other_recipe(folder / RECIPE, recipe)
    return (folder / SYSTEM / CONFIG).is_file()


def note_start(folder: Path, step: int, facts: dict[str, Any]) -> None:
    """Add this start to ``environment.json``."""
    path = folder / ENVIRONMENT
    try:
        starts = json.loads(path.read_text())["starts"]
    except (OSError, ValueError, KeyError):
        starts = []
    starts.append({"after_step": step, **facts, **environment()})
    write_text(path, json.dumps({"starts": starts}, indent=1) + "\n")


def _start(folder: Path, recipe: Recipe, *, resume: bool) -> None:
    """A new run in a new or empty folder."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; give the name of a folder for the run")
    folder.mkdir(parents=True, exist_ok=True)
    foreign = [p.name for p in folder.iterdir() if p.name != CHECKPOINTS and p.name[0] != "."]
    if _has_checkpoints(folder):  # they would be taken for this run's
        foreign.append(CHECKPOINTS)
    if foreign:
        raise ValueError(
            f"{folder} holds {sorted(foreign)[0]!r} and no run; give a new or empty folder"
        )
    if resume:
        logger.warning("%s holds no run yet; starting one", folder)
    checkpoints.tidy(folder)
    write_text(folder / RECIPE, json.dumps(describe(recipe), indent=1) + "\n")


def _has_checkpoints(folder: Path) -> bool:
    return any((folder / CHECKPOINTS).glob(STEP))


def _refuse_other_recipe(path: Path, recipe: Recipe) -> None:
    """The same recipe, but for what changes no number."""
    try:
        there = json.loads(path.read_text())
        there["recipe"] |= {"workers": recipe.workers, "save_every": recipe.save_every}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); give a new folder") from error
    here = describe(recipe)
    if there != here:
        raise ValueError(
            f"{path.parent} holds a run of another recipe ({_difference(there, here)}); "
            "resume it with its own recipe, or give a new folder"
        )


def _difference(there: Any, here: Any, where: str = "") -> str:
    """The first place where two JSON values differ, in words."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*here, *(k for k in there if k not in here)]:
            if there.get(key) != here.get(key) or (key in there) != (key in here):
                path = f"{where}.{key}" if where else str(key)
                return _difference(there.get(key), here.get(key), path)
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for i, (a, b) in enumerate(zip(there, here, strict=True)):
            if a != b:
                return _difference(a, b, f"{where}[{i}]")
    return f"{where.removeprefix('recipe.')} is {there!r} there and {here!r} here"
