from dataclasses import replace

from sensorium.questions.datasets.questions import QuestionData
from sensorium.questions.parser import ParserConfig
from sensorium.questions.question_stages import ALL, OTHERS, question_stages, small_parser
from sensorium.questions.recipes import nsvqa_questions, nsvqa_tiny
from sensorium.questions.systems import NSVQASystem


def test_programs_come_first_then_the_answers_of_the_same_questions():
    data = QuestionData(count=270, questions=900, seed=3)
    first, second = question_stages(data, 40, answers=7)
    assert (first.steps, second.steps) == (40, 7)
    assert first.data == data
    assert second.data == replace(data, kind="answers")
    assert len(question_stages(data)) == 1


def test_nothing_but_the_parser_is_trained():
    names = [name for name, _ in NSVQASystem(nsvqa_tiny().system).named_parameters()]
    for stage in question_stages(ALL, answers=1):
        learned = {name for name in names if not name.startswith(stage.freeze)}
        assert learned == {name for name in names if name.startswith("parser.")}
    assert OTHERS


def test_dropout_is_for_few_programs():
    assert small_parser(QuestionData(count=270)).dropout == 0.5
    assert small_parser(ALL).dropout == 0
    assert small_parser(ALL) == replace(ParserConfig(), hidden=128, embedding=128)


def test_the_recipe_learns_from_all_programs():
    recipe = nsvqa_questions()
    assert recipe.data == ALL
    assert [stage.name for stage in recipe.stages] == ["programs", "reinforce"]
    assert recipe.stages[0].data.count == 0
