"""CLEVR's questions JSON: every form there and back, and what is wrong named in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.programs import Step
from sensorium.worlds.blocks.question_json import (
    Dialect,
    Form,
    read_program,
    read_questions,
    write_questions,
)
from sensorium.worlds.blocks.questions import Question

CHAIN: list[dict[str, Any]] = [
    {"function": "scene", "inputs": [], "value_inputs": []},
    {"function": "filter_color", "inputs": [0], "value_inputs": ["red"]},
    {"function": "count", "inputs": [1], "value_inputs": []},
]
RED = (Step("scene"), Step("filter_color", "red", (0,)), Step("count", "", (1,)))


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    engine = Engine(2)
    scenes = [replace(place(i), index=i, filename=f"p_{i}.png", split="val") for i in range(30)]
    return [question for scene in scenes for question in engine.ask(scene)]


@pytest.mark.parametrize("dialect", ["released", "script"])
@pytest.mark.parametrize("form", ["chain", "tree"])
def test_there_and_back(
    questions: list[Question], tmp_path: Path, dialect: Dialect, form: Form
) -> None:
    path = tmp_path / "q.json"
    write_questions(path, questions, dialect=dialect, form=form)
    back = read_questions(path)
    if dialect == "released":  # says no template's name
        assert {q.template for q in back} == {""}
        back = [replace(b, template=q.template) for b, q in zip(back, questions, strict=True)]
    assert back == questions
    content = json.loads(path.read_text())
    assert content["info"]["split"] == "val"
    entry = content["questions"][17]
    assert (entry["question_index"], entry["image"]) == (17, "p_1")
    steps = entry["program"] if form == "chain" else [entry["program"]]
    assert set(steps[-1]) == {
        "inputs",
        "value_inputs",
        "function" if dialect == "released" else "type",
    }


def test_dialects_differ_as_clevrs_do(questions: list[Question], tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    write_questions(path, questions, dialect="script")
    entries = json.loads(path.read_text())["questions"]
    assert {type(e["answer"]) for e in entries} == {str, bool, int}
    for entry, question in zip(entries, questions, strict=True):
        in_file = entry["question_family_index"]
        assert 0 <= in_file < 28
        assert question.template != "comparison.json" or in_file < 16
    write_questions(path, questions)
    entries = json.loads(path.read_text())["questions"]
    assert {type(e["answer"]) for e in entries} == {str}
    assert [e["question_family_index"] for e in entries] == [q.family for q in questions]


def test_test_split_and_free_questions(tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    asked = [
        Question("How many cubes are there?", (), "", -1, 3, filename="p_3.png", split="test"),
        Question("Is it crowded?", (), "yes", -1, 4, split="test"),
    ]
    write_questions(path, asked)
    entries = json.loads(path.read_text())["questions"]
    assert "program" not in entries[0]
    assert "answer" not in entries[0]
    assert "question_family_index" not in entries[0]
    assert read_questions(path) == asked
    assert asked[0].kind is None


def test_a_file_is_written_whole_or_not_at_all(questions: list[Question], tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    write_questions(path, questions[:2])
    before = path.read_text()

    def breaking() -> Iterator[Question]:
        yield questions[5]
        raise KeyError("no more")

    with pytest.raises(KeyError):
        write_questions(path, breaking())
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
    write_questions(path, [])
    assert read_questions(path) == []


def test_numbers_of_other_template_files_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    asked = [Question("How many?", RED, "2", 4, 0, template="mine.json")]
    write_questions(path, asked)
    assert read_questions(path) == asked
    write_questions(path, asked, dialect="script")
    assert read_questions(path) == asked


def test_kinds_are_read_off_the_program() -> None:
    def kind(last: str) -> str | None:
        return Question("", (Step(last),), "", 0, 0).kind

    assert kind("count") == "count"
    assert kind("exist") == "exist"
    assert kind("equal_integer") == kind("less_than") == kind("greater_than") == "compare_integer"
    assert kind("equal_size") == "compare_attribute"
    assert kind("query_shape") == "query"


def test_programs_of_both_forms() -> None:
    tree = {
        "type": "count",
        "inputs": [{**CHAIN[1], "inputs": [CHAIN[0]]}],
    }
    assert read_program(CHAIN) == read_program(tree) == RED
    older = [CHAIN[0], {"type": "filter_color", "inputs": [0], "side_inputs": ["red"]}, CHAIN[2]]
    assert read_program(older) == RED


def _changed(place: int, **changes: Any) -> list[Any]:
    """The chain with some keys of one step replaced."""
    return [{**step, **changes} if n == place else step for n, step in enumerate(CHAIN)]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (_changed(1, function="filter_colour"), "no function 'filter_colour'; did you mean"),
        (_changed(1, function=None), "step 1 has neither 'function' nor 'type'"),
        (_changed(1, value_inputs=["pink"]), "filter_color.* takes one of gray, red.*'pink'"),
        (_changed(1, value_inputs=[7]), "values must be words"),
        (_changed(2, value_inputs=["red"]), "takes no value"),
        (_changed(2, inputs=[]), "count. takes 1 inputs, got 0"),
        (_changed(1, inputs=[1]), "step 1 .filter_color. takes the output of step 1, which does"),
        (_changed(1, inputs=[True]), "takes the output of step True"),
        (_changed(1, inputs=[-1]), "takes the output of step -1"),
        (_changed(1, inputs=0), "must be lists"),
        (["scene"], "step 0 must be an object"),
        ("count scene", "must be a list or an object"),
    ],
)
def test_a_malformed_program_is_named(program: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    good = {"question": "How many?", "image_index": 0, "program": CHAIN, "answer": "2"}
    path.write_text(json.dumps({"questions": [good, {**good, "program": program}]}))
    with pytest.raises(ValueError, match=f"q.json: question 1: .*{message}") as caught:
        read_questions(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": None}, "has no 'question'"),
        ({"question": 5}, "'question' must be a str, got 5"),
        ({"image_index": "0"}, "'image_index' must be a int"),
        ({"answer": "eleven"}, "'eleven' is none of CLEVR's 28 answers"),
        ({"answer": 11}, "11 is none of"),
        ({"question_family_index": 1.5}, "'question_family_index' must be a int"),
    ],
)
def test_a_malformed_question_is_named(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "q.json"
    good = {"question": "How many?", "image_index": 0, "program": CHAIN, "answer": "2"}
    path.write_text(json.dumps({"questions": [good, good, {**good, **change}]}))
    with pytest.raises(ValueError, match=f"question 2: {message}"):
        read_questions(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 200_000, "is not JSON"),
        ("[]", "has no list 'questions'"),
        ('{"questions": 3}', "has no list 'questions'"),
        ('{"questions": [3]}', "question 0: expected an object"),
    ],
)
def test_a_file_of_another_kind(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_questions(path)
    with pytest.raises(ValueError, match="cannot be read"):
        read_questions(tmp_path / "none.json")


def test_a_bottomless_tree_is_no_crash() -> None:
    tree: dict[str, Any] = {"type": "scene", "inputs": []}
    for _ in range(5000):
        tree = {"type": "filter_color", "inputs": [tree], "value_inputs": ["red"]}
    with pytest.raises(ValueError, match="too deep"):
        read_program(tree)
