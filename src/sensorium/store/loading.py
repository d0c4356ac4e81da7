"""`load`: a folder becomes a system. Everything in the folder is checked, nothing in it is run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sensorium.plain import from_plain
from sensorium.store.card import Card
from sensorium.store.hub import SCHEME, download
from sensorium.store.saving import CONFIG, FORMAT, MODEL
from sensorium.store.sources import bundled_folder, locate, looks_pickled
from sensorium.store.systems import systems as all_systems
from sensorium.suggest import did_you_mean
from sensorium.system import System


@dataclass(frozen=True)
class Header:
    """What ``config.json`` says.

    Attributes:
        system: name of the system.
        weights: name of the weights.
        config: the system's config, still as JSON values.
        card: where the weights come from.
        format: version of the folder's layout.
    """

    system: str
    weights: str
    config: dict[str, Any]
    card: Card
    format: int = FORMAT


def load(
    source: str | Path,
    device: str | torch.device = "cpu",
    *,
    systems: Mapping[str, type[System]] | None = None,
) -> System:
    """A trained system in ``eval()`` mode on ``device``.

    Args:
        source: a bundled name (``"tsm"``), a folder that `save` wrote, a run folder (its
            ``system``, or its newest checkpoint while it trains), or ``hf://owner/name[@revision]``.
        device: where to put it.
        systems: name and class of further systems, of your own.

    Raises:
        ValueError: when nothing can be loaded from there, with what to do.
    """
    folder = locate(source)
    header = read_header(folder)
    own = systems or {}
    known = own if header.system in own else {**all_systems(), **own}
    if header.system not in known:
        hint = did_you_mean(header.system, known)
        raise ValueError(f"{folder / CONFIG}: unknown system {header.system!r}{hint}")
    system = _build(known[header.system], header, folder / CONFIG)
    load_weights(system, folder / MODEL)
    system.weights, system.card = header.weights, header.card
    return placed(system, device).eval()


def placed(system: System, device: str | torch.device) -> System:
    """``system`` on ``device``.

    Raises:
        ValueError: when there is no such device.
    """
    try:
        return system.to(device)
    except (RuntimeError, AssertionError) as error:  # torch says it in both ways
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {str(device)!r} cannot be used: {reason}") from error


def read_header(folder: str | Path) -> Header:
    """What a saved system's ``config.json`` says.

    Raises:
        ValueError: when it is missing, unreadable or of another format.
    """
    path = Path(folder) / CONFIG
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path} is missing; expected a folder that sensorium saved") from None
    except (ValueError, OSError, RecursionError) as error:
        raise ValueError(f"{path} is not readable JSON ({error}); fetch it again") from error
    if not isinstance(data, dict) or "format" not in data:
        raise ValueError(
            f"{path} has no 'format' key, so it is none of ours; "
            "to take over a checkpoint of another project: sensorium convert FILE --as tsm"
        )
    if data["format"] != FORMAT:
        raise ValueError(
            f"{path} has format {data['format']!r}, this version reads {FORMAT}; update sensorium"
        )
    return from_plain(Header, data, str(path))


def _build(cls: type[System], header: Header, path: Path) -> System:
    """The system of the header's config, with weights yet to come."""
    config: Any = from_plain(cls.Config, header.config, f"{path}: config")
    try:
        return cls(config)
    except (RuntimeError, MemoryError, TypeError, ZeroDivisionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: the config builds no {header.system} ({reason})") from error


def load_weights(system: System, path: Path) -> None:
    """Fill every parameter and buffer of ``system`` from a safetensors file.

    Raises:
        ValueError: when the file is damaged or its tensors are not exactly the system's.
    """
    tensors = read_tensors(path)
    own = system.state_dict()
    for name in own:
        if name not in tensors:
            raise ValueError(f"{path}: tensor {name!r} is missing; the file is of another config")
    for name, tensor in tensors.items():
        if name not in own:
            raise ValueError(f"{path}: unexpected tensor {name!r}; the file is of another config")
        if tensor.shape != own[name].shape:
            raise ValueError(
                f"{path}: {name!r} has shape {list(tensor.shape)}, "
                f"the config says {list(own[name].shape)}"
            )
        if tensor.is_floating_point() != own[name].is_floating_point() or tensor.is_complex():
            raise ValueError(f"{path}: {name!r} is {tensor.dtype}, expected {own[name].dtype}")
    system.load_state_dict(tensors)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file.

    Raises:
        ValueError: when the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ValueError(f"{path} is missing; expected a folder that sensorium saved")
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        if looks_pickled(path):
            raise ValueError(
                f"{path} is a pickle by another name, which is never run; "
                f"turn it into a system folder: sensorium convert {path} --as tsm"
            ) from error
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} is damaged ({reason}); copy or fetch it again") from error
    return tensors


def read_weights(source: str | Path) -> dict[str, Tensor]:
    """Tensors to start a training from (``Recipe.init``).

    Args:
        source: whatever `load` takes, a ``.safetensors`` file (by its bare name also one that comes
            with the package), or a Hub id of another project that holds a ``model.safetensors``.

    Raises:
        ValueError: when there are none.
    """
    if isinstance(source, str) and source.startswith(SCHEME):
        return read_tensors(download(source, only_weights=True) / MODEL)
    path = Path(source)
    if path.suffix == ".safetensors":
        bundled = bundled_folder() / path
        return read_tensors(bundled if bundled.is_file() else path)
    return read_tensors(locate(source) / MODEL)
