"""`Answer`: what NS-VQA says to a question about a picture, and why; `Sight`: what it sees in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import UInt8
from torch import Tensor

from sensorium.system import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sensorium.questions.executor import TraceStep
    from sensorium.questions.scene_parser import SeenScene


@dataclass(frozen=True)
class Sight(Result):
    """What is seen in one picture.

    Attributes:
        file: the picture's name.
        system: which weights looked.
        scene: the objects, with where they are in the picture.
        picture: what was looked at.
        unfamiliarity: 0..1, calibrated so that above 0.5 the picture is unlike those of the
            training; ``None`` when the weights carry no calibration.

    Shape:
        ``picture``: ``uint8 [3, H, W]``.
    """

    file: str
    system: str
    scene: SeenScene
    picture: UInt8[Tensor, "3 H W"] = field(repr=False)
    unfamiliarity: float | None = None

    @property
    def out_of_domain(self) -> bool | None:
        """Whether the picture is unlike those of the training (``None``: not calibrated)."""
        return None if self.unfamiliarity is None else self.unfamiliarity > 0.5

    def to_dict(self) -> dict[str, Any]:
        """``file``, ``system``, ``out_of_domain``, ``unfamiliarity``, ``scene``."""
        raise NotImplementedError

    def save(self, folder: str | Path) -> list[Path]:
        """``scene.json`` and ``scene.png``."""
        raise NotImplementedError

    def figure(self) -> Figure:
        """The picture with the outline and the name of everything seen."""
        raise NotImplementedError


@dataclass(frozen=True)
class Answer(Result):
    """The answer to one question, with every step that led to it.

    Attributes:
        sight: what was seen in the picture.
        question: as asked.
        answer: one of CLEVR's 28; ``None`` when there is none.
        error: why there is none, in one line; empty otherwise.
        program: tokens from the output to the inputs (prefix order), as the parser wrote them.
        trace: what each step of the program gave, in the order in which they were carried out.
        confidence: 0..1, that of the program times that of what was seen.
        unknown: words of the question that the parser has never met.
    """

    sight: Sight
    question: str
    answer: str | None
    error: str
    program: tuple[str, ...]
    trace: tuple[TraceStep, ...]
    confidence: float
    unknown: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The picture's name."""
        return self.sight.file

    @property
    def system(self) -> str:
        """Which weights answered."""
        return self.sight.system

    @property
    def scene(self) -> SeenScene:
        """What was seen."""
        return self.sight.scene

    def to_dict(self) -> dict[str, Any]:
        """``file``, ``system``, ``question``, ``answer``, ``error``, ``program``, ``trace`` …"""
        raise NotImplementedError

    def save(self, folder: str | Path) -> list[Path]:
        """``answer.json`` and ``answer.png``."""
        raise NotImplementedError

    def figure(self) -> Figure:
        """The picture again and again: what each step selected."""
        raise NotImplementedError
