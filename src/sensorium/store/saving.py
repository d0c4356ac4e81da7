"""`save`: a system becomes a folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from sensorium.plain import to_plain
from sensorium.store.atomic import fresh_folder
from sensorium.store.card import Card, readme
from sensorium.system import System

FORMAT = 1
CONFIG, MODEL, README = "config.json", "model.safetensors", "README.md"


def save(
    system: System, folder: str | Path, card: Card, *, dtype: torch.dtype = torch.float32
) -> Path:
    """Write ``system`` to ``folder``, whole or not at all; returns the folder.

    Args:
        system: with its name in ``system.weights``.
        folder: new, empty, or holding a saved system, which is replaced.
        card: what people must know; its ``parameters`` is filled in.
        dtype: how floating-point weights are stored (``torch.float16`` halves the file; `load`
            always gives ``float32``).

    Raises:
        ValueError: when the folder holds other files, or a weight does not fit ``dtype``.
    """
    folder = Path(folder)
    _refuse_foreign(folder)
    with fresh_folder(folder) as unfinished:
        write_system(system, unfinished, card, dtype=dtype)
    return folder


def write_system(
    system: System, folder: Path, card: Card, *, dtype: torch.dtype = torch.float32
) -> None:
    """Write the three files of a system into an existing folder.

    Raises:
        ValueError: when a weight does not fit ``dtype``.
        OSError: when the disk does not take it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    card = replace(card, parameters=sum(p.numel() for p in system.parameters()))
    config = {
        "format": FORMAT,
        "system": system.name,
        "weights": system.weights,
        "config": to_plain(system.config),
        "card": to_plain(card),
    }
    tensors = {k: _stored(k, v, dtype) for k, v in system.state_dict().items()}
    try:
        save_file(tensors, folder / MODEL, metadata={"format": "pt"})
    except SafetensorError as error:  # what the library makes of a full disk
        raise OSError(f"{MODEL} cannot be written ({error}); is the disk full?") from error
    text = readme(card, system.name, system.weights)
    (folder / README).write_text(text, encoding="utf-8")
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def _stored(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor as it goes to the file; its own copy, since tied weights share memory."""
    tensor = tensor.detach().cpu()
    if not tensor.is_floating_point():
        return tensor.clone().contiguous()
    stored = tensor.to(dtype, copy=True).contiguous()
    if torch.isfinite(tensor).all() and not torch.isfinite(stored).all():
        raise ValueError(
            f"{name}: largest value {float(tensor.abs().max()):g} does not fit {dtype}; "
            "store the weights as float32"
        )
    return stored


def _refuse_foreign(folder: Path) -> None:
    """Nobody's files are replaced by accident."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file; give the name of a folder")
    foreign = sorted({p.name for p in folder.iterdir()} - {CONFIG, MODEL, README})
    if foreign:
        raise ValueError(
            f"{folder} holds {foreign[0]!r}, which is no part of a saved system; "
            "give a new folder or empty this one"
        )
