"""`Answer`: what NS-VQA says to a question about a picture, and why; `Sight`: what it sees."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import UInt8
from torch import Tensor

from sensorium.questions.steps import plain_objects, plain_steps
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

    def objects(self) -> list[dict[str, Any]]:
        """What was seen in JSON types, numbered from 0, with boxes in pixels of the picture."""
        listed = plain_objects(self.scene.items, self.scene.scores)
        boxes = [[round(float(v), 1) for v in box] for box in self.scene.boxes]
        return [{**o, "box": box} for o, box in zip(listed, boxes, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """``file``, ``system``, ``out_of_domain``, ``unfamiliarity``, ``objects``."""
        return {**_whence(self), "objects": self.objects()}

    def save(self, folder: str | Path) -> list[Path]:
        """``scene.json`` and ``scene.png``."""
        return _kept(self, Path(folder), "scene")

    def figure(self) -> Figure:
        """The picture with the outline, number and description of everything seen."""
        from sensorium.questions.figure import sight_figure

        return sight_figure(self)


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
        confidence: 0..1: the probability of the program, times the chance that nothing is seen
            wrongly that matters (`confidence`), over the number of things among which a ``unique``
            had to choose.
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
        """``file``, ``question``, ``answer``, ``score``, ``program``, ``trace`` and the rest.

        ``error`` is there only when there is no answer.
        """
        said: dict[str, Any] = {
            **_whence(self.sight),
            "question": self.question,
            "answer": self.answer,
            "score": round(self.confidence, 4),
            "program": list(self.program),
            "trace": plain_steps(self.trace, self.scene.items),
        }
        return said if not self.error else {**said, "error": self.error}

    def save(self, folder: str | Path) -> list[Path]:
        """``answer.json`` and ``answer.png``."""
        return _kept(self, Path(folder), "answer")

    def figure(self) -> Figure:
        """The picture again and again: what each step selected."""
        from sensorium.questions.figure import answer_figure

        return answer_figure(self)


def _whence(sight: Sight) -> dict[str, Any]:
    """What every record starts with."""
    far = sight.unfamiliarity
    return {
        "file": sight.file,
        "system": sight.system,
        "out_of_domain": sight.out_of_domain,
        "unfamiliarity": None if far is None else round(far, 4),
    }


def _kept(result: Result, folder: Path, name: str) -> list[Path]:
    """The result as JSON and as a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    data, picture = folder / f"{name}.json", folder / f"{name}.png"
    data.write_text(json.dumps(result.to_dict(), indent=1) + "\n", encoding="utf-8")
    result.figure().savefig(picture, dpi=120, bbox_inches="tight")
    return [data, picture]
