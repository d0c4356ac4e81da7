"""How the question parser is taught: from programs, then from answers.

NS-VQA (arXiv:1810.02338, section 4.1) pre-trains on 90 to 1,000 annotated programs and goes on with
REINFORCE on the answers of all training questions. Rates, steps and sizes here are ours: the
published ones (Adam 7e-4, then 1e-5 for up to two million steps of 64) are made for a GPU. With few
programs half of the units are dropped, which the published parser does not do: on 270 programs of
the blocks world that is worth over ten points of answers. A parser that has seen all programs
hardly errs: there REINFORCE at more than the published rate does harm.
"""

from __future__ import annotations

from dataclasses import replace

from sensorium.questions.datasets.questions import QuestionData
from sensorium.questions.parser import ParserConfig
from sensorium.recipe import Optimiser, Schedule, Stage

SMALL_PARSER = ParserConfig(hidden=128, embedding=128)
"""A quarter of the published parser's parameters."""

ALL = QuestionData(count=0, questions=40_000)
"""All programs of so many questions: what the bundled parser learns from."""

OTHERS = ("scenes.",)
"""How the names of the parameters start that are not the question parser's."""

FEW = 5_000
"""Programs up to which a parser needs dropout."""


def small_parser(data: QuestionData) -> ParserConfig:
    """A small parser for these data."""
    few = 0 < data.count <= FEW
    return replace(SMALL_PARSER, dropout=0.5) if few else SMALL_PARSER


def question_stages(data: QuestionData, programs: int = 0, answers: int = 0) -> tuple[Stage, ...]:
    """The parser's stages, for batches of 64 (few programs) or 128 (all).

    Args:
        data: of which ``count`` questions come with programs.
        programs: steps on those; 0: 1,000 on few, 2,000 on all.
        answers: steps of REINFORCE on the answers of all questions; 0 leaves that stage out.
    """
    few = 0 < data.count <= FEW
    taught = Stage(
        "programs",
        programs or (1000 if few else 2000),
        Optimiser("adamw", lr=2e-3, weight_decay=1e-2, clip_norm=5.0),
        Schedule("cosine", warmup=0.05),
        freeze=OTHERS,
        data=replace(data, kind="programs"),
    )
    tried = Stage(
        "reinforce",
        max(1, answers),
        Optimiser("adamw", lr=1e-4 if few else 1e-5, weight_decay=0.0, clip_norm=5.0),
        Schedule("constant", warmup=0.05),
        freeze=OTHERS,
        data=replace(data, kind="answers"),
    )
    return (taught, tried) if answers else (taught,)
