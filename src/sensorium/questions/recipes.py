"""Recipes of NS-VQA: the whole of it, its halves, and a tiny twin.

The paper trains the scene parser and the question parser apart, the latter first on a few annotated
programs, then by REINFORCE (arXiv:1810.02338, section 4.1). ``nsvqa`` does all of it in stages;
``nsvqa-scenes`` and ``nsvqa-questions`` are its halves, which share no weights and can be trained
side by side. Networks, sizes and steps are ours, made for a CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sensorium.layers.resnet import ResNetConfig
from sensorium.questions.attributes import AttributesConfig
from sensorium.questions.crops import CropView
from sensorium.questions.datasets.answers import AnswersData
from sensorium.questions.datasets.questions import QuestionData
from sensorium.questions.datasets.scenes import SceneData
from sensorium.questions.finder import FinderConfig
from sensorium.questions.parser import ParserConfig
from sensorium.questions.systems import NSVQAConfig
from sensorium.recipe import Optimiser, Recipe, Schedule, Stage

FINDER, ATTRIBUTES, PARSER = "scenes.finder.", "scenes.attributes.", "parser."
"""How the names of each network's parameters start."""

SMALL_PARSER = ParserConfig(hidden=128, embedding=128)

_ADAM = Optimiser("adamw", lr=2e-3, weight_decay=1e-2, clip_norm=5.0)
_ONE_CYCLE = Schedule("cosine", warmup=0.1)


def scene_stages(data: SceneData, find: int = 3000, look: int = 3000) -> tuple[Stage, ...]:
    """The finder, then the attribute network."""
    blocks = replace(data, kind="blocks")
    return (
        Stage("find", find, _ADAM, _ONE_CYCLE, freeze=(ATTRIBUTES, PARSER), data=data),
        Stage("attributes", look, _ADAM, _ONE_CYCLE, freeze=(FINDER, PARSER), data=blocks),
    )


def question_stages(
    data: QuestionData, programs: int = 1000, answers: int = 4000
) -> tuple[Stage, ...]:
    """The parser: from annotated programs, then from answers."""
    frozen = ("scenes.",)
    taught = Optimiser("adamw", lr=7e-4, weight_decay=0.0, clip_norm=5.0)
    tried = Optimiser("adamw", lr=5e-5, weight_decay=0.0, clip_norm=5.0)
    steady = Schedule("constant")
    return (
        Stage("programs", programs, taught, steady, freeze=frozen, data=data),
        Stage(
            "reinforce",
            answers,
            tried,
            steady,
            freeze=frozen,
            data=replace(data, kind="answers"),
        ),
    )


def nsvqa() -> Recipe:
    """All four stages, measured from pixels: makes the bundled weights ``nsvqa``."""
    return Recipe(
        name="nsvqa",
        description="NS-VQA on the blocks world: scene parser, then question parser",
        data=AnswersData(),
        system=NSVQAConfig(parser=SMALL_PARSER),
        stages=(*scene_stages(SceneData()), *question_stages(QuestionData())),
        batch=32,
        precision="bf16",
        workers=2,
        validate_every=0,
        save_every=500,
    )


def nsvqa_scenes() -> Recipe:
    """The scene parser alone."""
    return replace(
        nsvqa(),
        name="nsvqa-scenes",
        description="NS-VQA's scene parser on the blocks world",
        data=SceneData(),
        stages=scene_stages(SceneData()),
        batch=16,
    )


def nsvqa_questions() -> Recipe:
    """The question parser alone, on true scenes."""
    return replace(
        nsvqa(),
        name="nsvqa-questions",
        description="NS-VQA's question parser on the blocks world",
        data=QuestionData(),
        stages=question_stages(QuestionData()),
        batch=64,
        precision="no",
        workers=0,
    )


def nsvqa_tiny() -> Recipe:
    """``nsvqa`` in a minute."""
    scenes = SceneData(
        length=48, held_out=16, tested=16, height=96, width=144, working=(48, 72),
        view=CropView(24, 24), each=2,
    )  # fmt: skip
    questions = QuestionData(count=90, questions=400, held_out=40)
    system = NSVQAConfig(
        finder=FinderConfig(
            height=48, width=72, stem=8, channels=16, dilations=(1, 2), fine=8, least=4
        ),
        attributes=AttributesConfig(
            trunk=ResNetConfig((1, 1, 1, 1), "basic", 4, "small", 6), view=scenes.view, hidden=16
        ),
        parser=ParserConfig(hidden=16, embedding=16),
    )
    return replace(
        nsvqa(),
        name="nsvqa-tiny",
        description="NS-VQA, a minute on one core",
        data=AnswersData(length=48, held_out=16, tested=16, questions=4, height=96, width=144),
        system=system,
        stages=(*scene_stages(scenes, 15, 15), *question_stages(questions, 20, 10)),
        batch=8,
        precision="no",
        workers=0,
        save_every=20,
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    "nsvqa": nsvqa,
    "nsvqa-scenes": nsvqa_scenes,
    "nsvqa-questions": nsvqa_questions,
    "nsvqa-tiny": nsvqa_tiny,
}
