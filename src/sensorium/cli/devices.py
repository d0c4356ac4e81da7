"""``--device`` and ``--system``: where to compute, and with which weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sensorium.cli.options import UsageError

if TYPE_CHECKING:
    import torch

    from sensorium.system import System


def pick_device(wish: str) -> torch.device:
    """The device asked for; ``auto`` is the GPU where there is one.

    Raises:
        UsageError: when this machine or this PyTorch does not have it.
    """
    import torch

    here = ["cpu"]
    if torch.cuda.is_available():
        here += ["cuda", *(f"cuda:{k}" for k in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        here.append("mps")
    if wish == "auto":
        return torch.device(next((name for name in ("cuda", "mps") if name in here), "cpu"))
    if wish not in here:
        raise UsageError(f"--device: got {wish!r}, expected auto or one of {', '.join(here)}")
    return torch.device(wish)


def load_system(name: str, device: str) -> System:
    """The system ready to predict on the device.

    Raises:
        UsageError: when there is no such system.
        ValueError: when its folder cannot be read.
    """
    from sensorium import store

    target = pick_device(device)
    try:
        return store.load(name, target)
    except ValueError as error:
        if Path(name).exists() or name.startswith("hf://"):
            raise
        raise UsageError(str(error)) from error
