"""The main job: every ability over one video, written as a report that needs only a browser."""

import sys
from types import ModuleType

from sensorium.watch.abilities import SECTIONS, Ability
from sensorium.watch.report import Report
from sensorium.watch.section import Lane, Moment, Section, Segment, Setting
from sensorium.watch.watching import watch

__all__ = [
    "SECTIONS",
    "Ability",
    "Lane",
    "Moment",
    "Report",
    "Section",
    "Segment",
    "Setting",
    "watch",
]


class _CallablePackage(ModuleType):
    """``sensorium.watch`` is both this package and the function, which is called through it."""

    __call__ = staticmethod(watch)


sys.modules[__name__].__class__ = _CallablePackage
