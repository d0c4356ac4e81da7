"""The systems by name, imported only when asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sensorium.system import System


def systems() -> dict[str, type[System]]:
    """Every system of the package: its name and its class."""
    from sensorium.actions.systems import I3DSystem, StNetSystem, TSMSystem, TSNSystem
    from sensorium.events.systems import WSDECSystem
    from sensorium.expressions.systems import ExpressionsSystem
    from sensorium.questions.systems import NSVQASystem
    from sensorium.robustness.systems import DQSystem
    from sensorium.sounds.concepts import ConceptsSystem
    from sensorium.sounds.motion_system import MotionsSystem
    from sensorium.sounds.systems import PixelsSystem

    return {
        "tsm": TSMSystem,
        "stnet": StNetSystem,
        "tsn": TSNSystem,
        "i3d": I3DSystem,
        "pixels": PixelsSystem,
        "concepts": ConceptsSystem,
        "motions": MotionsSystem,
        "nsvqa": NSVQASystem,
        "wsdec": WSDECSystem,
        "dq": DQSystem,
        "expressions": ExpressionsSystem,
    }


def system_of(config: Any, known: Iterable[type[System]] | None = None) -> type[System]:
    """The system whose ``Config`` this config is.

    Raises:
        ValueError: when there is none.
    """
    classes = list(systems().values() if known is None else known)
    for cls in classes:
        if type(config) is cls.Config:
            return cls
    expected = ", ".join(f"{cls.Config.__name__} ({cls.name})" for cls in classes)
    raise ValueError(
        f"no system takes a {type(config).__name__}; expected one of {expected}, "
        "or give the class of your own system"
    )
