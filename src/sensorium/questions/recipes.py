"""Recipes of NS-VQA: the whole of it, its halves, and a tiny twin.

The paper trains the scene parser and the question parser apart, the latter first on a few annotated
programs, then by REINFORCE (arXiv:1810.02338, section 4.1). ``nsvqa`` does all of it in stages;
``nsvqa-scenes`` and ``nsvqa-questions`` are its halves, which share no weights and can be trained
side by side and put together (``benchmarks/assemble_nsvqa.py``), as the bundled weights were.
``nsvqa-answers`` has the paper's few programs. Networks, sizes and steps are ours, made for a CPU.
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
from sensorium.questions.question_stages import ALL, question_stages, small_parser
from sensorium.questions.scene_stages import scene_stages
from sensorium.questions.systems import NSVQAConfig
from sensorium.recipe import Recipe

ANSWERS = 250
"""Steps of REINFORCE."""


def nsvqa() -> Recipe:
    """All four stages, measured from pixels; the bundled ``nsvqa`` is made of its halves."""
    return Recipe(
        name="nsvqa",
        description="NS-VQA on the blocks world, all of its networks",
        data=AnswersData(),
        system=NSVQAConfig(parser=small_parser(ALL)),
        stages=(*scene_stages(SceneData()), *question_stages(ALL, answers=ANSWERS)),
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
    """The question parser alone, from all programs and answers: that of the bundled ``nsvqa``."""
    return replace(
        nsvqa(),
        name="nsvqa-questions",
        description="NS-VQA's question parser on the blocks world",
        data=ALL,
        stages=question_stages(ALL, answers=ANSWERS),
        batch=128,
        workers=0,
    )


def nsvqa_answers() -> Recipe:
    """The question parser as the paper teaches it: 270 programs, then REINFORCE on answers."""
    few = replace(ALL, count=270)
    return replace(
        nsvqa_questions(),
        name="nsvqa-answers",
        description="NS-VQA: 270 programs, then answers alone",
        data=few,
        system=NSVQAConfig(parser=small_parser(few)),
        stages=question_stages(few, answers=4000),
        batch=64,
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
    "nsvqa-answers": nsvqa_answers,
    "nsvqa-tiny": nsvqa_tiny,
}
