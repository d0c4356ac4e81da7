"""Checkpoints: each is a saved system plus what the loop needs to go on, whole or not at all.

``checkpoints/step-00000100/`` holds the files of `sensorium.store`, ``training.pt`` (optimiser and
gradient scaler, read with ``weights_only=True``) and ``training.json`` (step, stage, validation,
and a SHA-256 of the other files, so that a damaged checkpoint is told from a good one).
"""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from sensorium.plain import from_plain, to_plain
from sensorium.store.atomic import clear_unfinished, flush, fresh_folder, remove_folder
from sensorium.store.card import Card
from sensorium.store.saving import MODEL, write_system
from sensorium.store.sources import CHECKPOINTS, STEP
from sensorium.system import System

FORMAT = 1
KEEP = 2
RECORD, STATE = "training.json", "training.pt"
UNREADABLE = "unreadable-"
logger = logging.getLogger("sensorium.training")


@dataclass(frozen=True)
class Best:
    """The best validation so far."""

    step: int
    metric: str
    value: float


@dataclass(frozen=True)
class Record:
    """What ``training.json`` says.

    Attributes:
        step: how many steps are done.
        stage: number of the stage of the last step (the optimiser's), from 0.
        best: validation's best, this step included.
        validation: of this step.
        sha256: of the other files.
        format: version of the layout.
    """

    step: int
    stage: int
    best: Best | None = None
    validation: dict[str, float] | None = None
    sha256: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was found whole."""

    folder: Path
    record: Record

    @property
    def weights(self) -> Path:
        """The model's file."""
        return self.folder / MODEL

    def state(self) -> dict[str, Any]:
        """Optimiser and scaler, as `write` got them.

        Raises:
            ValueError: when the file is none that `write` made; nothing in it is run.
        """
        path = self.folder / STATE
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
            raise ValueError(f"{path} cannot be read; remove this checkpoint") from error
        return state


def write(run: Path, system: System, state: dict[str, Any], record: Record) -> None:
    """Write the checkpoint of ``record.step``, then let go of what is no longer needed.

    Raises:
        OSError: when the disk does not take it; what was there before stays.
    """
    folder = run / CHECKPOINTS / _name(record.step)
    with fresh_folder(folder) as unfinished:
        write_system(system, unfinished, Card(description=f"Checkpoint at step {record.step}."))
        _save_state(state, unfinished / STATE)
        hashes = {p.name: _sha256(p) for p in sorted(unfinished.iterdir())}
        whole = to_plain(record) | {"sha256": hashes}
        (unfinished / RECORD).write_text(json.dumps(whole, indent=1) + "\n")
        flush(unfinished / RECORD)
    _prune(run, record)


def _save_state(state: dict[str, Any], path: Path) -> None:
    try:
        torch.save(state, path)
    except RuntimeError as error:  # what torch makes of a full disk
        reason = str(error).splitlines()[0]
        raise OSError(f"{STATE} cannot be written ({reason}); is the disk full?") from error


def read(folder: Path) -> Checkpoint:
    """The checkpoint in ``folder``, checked.

    Raises:
        ValueError: when any of it is missing or damaged.
    """
    try:
        data = json.loads((folder / RECORD).read_text())
        record = from_plain(Record, data, RECORD)
        if record.format != FORMAT:
            raise ValueError(f"format {record.format}, expected {FORMAT}")
        if folder.name != _name(record.step):
            raise ValueError(f"{RECORD} is of step {record.step}")
        for name, expected in record.sha256.items():
            if _sha256(folder / name) != expected:
                raise ValueError(f"{name} is damaged")
        if not {MODEL, STATE} <= set(record.sha256):
            raise ValueError(f"{RECORD} lists no {MODEL} and {STATE}")
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"checkpoint {folder} cannot be read ({reason})") from error
    return Checkpoint(folder, record)


def newest(run: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole; damaged ones are noted and put aside."""
    place = run / CHECKPOINTS
    for folder in sorted(place.glob(STEP), reverse=True):
        try:
            return read(folder)
        except ValueError as error:
            aside = place / f"{UNREADABLE}{folder.name}"
            if not aside.exists():
                folder.replace(aside)
            else:
                remove_folder(folder)
            logger.warning("%s; going back to the one before", error)
    return None


def at(run: Path, step: int) -> Checkpoint:
    """The checkpoint of one step.

    Raises:
        ValueError: when it is missing or damaged.
    """
    return read(run / CHECKPOINTS / _name(step))


def tidy(run: Path) -> None:
    """Make the place for checkpoints, without what a killed process left half done."""
    place = run / CHECKPOINTS
    place.mkdir(parents=True, exist_ok=True)
    clear_unfinished(place)
    clear_unfinished(run)


def _name(step: int) -> str:
    return f"step-{step:08d}"


def _prune(run: Path, record: Record) -> None:
    """Keep the last few and the best."""
    folders = sorted((run / CHECKPOINTS).glob(STEP))
    best = _name(record.best.step) if record.best is not None else ""
    for folder in folders[:-KEEP]:
        if folder.name != best:
            remove_folder(folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
