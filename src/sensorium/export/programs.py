"""Programs of `torch.export` in files (``.pt2``): a graph and its weights, which PyTorch loads.

A program has gradients, those that pass a rounding as if it were not there among them. What the
file says about itself lies in it as ``sensorium.json``.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sensorium.plain import to_plain
from sensorium.robustness.integers import operators

_ABOUT = "sensorium.json"


def program(module: nn.Module, example: Tensor, sizes: dict[int, Any]) -> Any:
    """The `torch.export.ExportedProgram` of a module with one input.

    Args:
        module: in ``eval()`` mode.
        example: an input; no size that is free may be 1.
        sizes: the free dimensions, each a `torch.export.Dim`.
    """
    return torch.export.export(module, (example,), dynamic_shapes=(sizes,))


def save(made: Any, path: Path, about: Any) -> Path:
    """Write a program and what it says about itself, without the paths of our source files."""
    for node in made.graph.nodes:
        node.meta.pop("stack_trace", None)
    torch.export.save(made, path, extra_files={_ABOUT: json.dumps(to_plain(about))})
    return path


def opened(path: str | Path) -> tuple[Any, dict[str, Any]]:
    """Any `torch.export.ExportedProgram`, and what the file says about itself, if it is ours.

    Raises:
        ValueError: when the file is damaged or no such program.
    """
    operators()  # a program in integers is made of them
    extra = {_ABOUT: ""}
    torch_log = logging.getLogger("torch.export")
    level = torch_log.level
    torch_log.setLevel(logging.CRITICAL)  # it logs a traceback of what is raised below
    try:
        found = torch.export.load(path, extra_files=extra)
    except Exception as error:  # whatever a damaged archive makes of itself
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path}: is no program of torch.export ({reason})") from error
    finally:
        torch_log.setLevel(level)
    try:
        about = json.loads(extra[_ABOUT])
    except ValueError:
        about = {}
    return found, about if isinstance(about, dict) else {}


def load(path: str | Path, form: str) -> tuple[Any, dict[str, Any]]:
    """A program as a module, and what the file says about itself.

    Args:
        path: the file.
        form: ``picture`` or ``clip``.

    Raises:
        ValueError: when the file is missing, damaged, or no export of this form.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file; make it with: sensorium export NAME --to pt2")
    found, about = opened(path)
    if about.get("form") != form:
        other = {"picture": "Pt2Pictures", "clip": "Pt2Actions"}.get(str(about.get("form")))
        hint = f"open it with {other}" if other else "make one with: sensorium export NAME --to pt2"
        raise ValueError(f"{path}: a program, but no {form} network that we exported; {hint}")
    return found.module(), about
