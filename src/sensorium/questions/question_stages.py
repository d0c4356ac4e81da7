"""How the question parser is taught: few programs first, then many answers.

NS-VQA (arXiv:1810.02338, section 4.1) pre-trains on 90 to 1,000 annotated programs and goes on with
REINFORCE on the answers of all training questions. Rates, steps and batch here are ours: the
published ones (Adam 7e-4, then 1e-5 for up to two million steps of 64) are made for a GPU.
"""

from __future__ import annotations

from dataclasses import replace

from sensorium.questions.datasets.questions import QuestionData
from sensorium.questions.parser import ParserConfig
from sensorium.recipe import Optimiser, Schedule, Stage

SMALL_PARSER = ParserConfig(hidden=128, embedding=128)
"""A quarter of the published parser's parameters."""

OTHERS = ("scenes.",)
"""How the names of the parameters start that are not the question parser's."""


def question_stages(
    data: QuestionData, programs: int = 3000, answers: int = 0
) -> tuple[Stage, ...]:
    """The parser's stages.

    Args:
        data: of which ``count`` questions come with programs.
        programs: steps on those.
        answers: steps of REINFORCE on the answers of all questions; 0 leaves that stage out.
    """
    taught = Stage(
        "programs",
        programs,
        Optimiser("adamw", lr=2e-3, weight_decay=1e-2, clip_norm=5.0),
        Schedule("cosine", warmup=0.05),
        freeze=OTHERS,
        data=replace(data, kind="programs"),
    )
    tried = Stage(
        "reinforce",
        max(1, answers),
        Optimiser("adamw", lr=2e-4, weight_decay=0.0, clip_norm=5.0),
        Schedule("constant", warmup=0.02),
        freeze=OTHERS,
        data=replace(data, kind="answers"),
    )
    return (taught, tried) if answers else (taught,)
