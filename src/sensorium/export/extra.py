"""The packages that only export needs, imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def need(*packages: str, extra: str = "export") -> Any:
    """Import packages of an extra; returns the first.

    Raises:
        ImportError: naming the one that is missing and the command that gets it.
    """
    modules = []
    for package in packages:
        try:
            modules.append(import_module(package))
        except ImportError as error:
            raise ImportError(
                f"export needs {package.partition('.')[0]}, which cannot be imported; "
                f"get it with: pip install 'sensorium[{extra}]'"
            ) from error
    return modules[0]
