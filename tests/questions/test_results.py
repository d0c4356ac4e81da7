import json

import pytest

from sensorium.questions.executor import execute
from sensorium.questions.results import Answer
from sensorium.questions.steps import counted, outcome, plain_steps, unsettled
from sensorium.worlds.blocks.programs import from_tokens


def answer_of(sight, text, question="What?"):
    tokens = tuple(text.split())
    done = execute(from_tokens(tokens), sight.scene.items)
    return Answer(sight, question, done.answer, done.error, tokens, done.trace, 0.5)


def test_the_record_has_the_keys_of_the_house(sight):
    said = answer_of(sight, "count filter_shape[cube] scene").to_dict()
    said = json.loads(json.dumps(said))
    assert list(said) == [
        "file", "system", "out_of_domain", "unfamiliarity", "question", "answer", "score",
        "program", "trace",
    ]  # fmt: skip
    assert (said["file"], said["system"], said["answer"]) == ("hand.png", "by-hand", "2")
    assert said["out_of_domain"] is False
    assert said["program"] == ["count", "filter_shape[cube]", "scene"]
    assert said["trace"][1] == {
        "step": 1,
        "function": "filter_shape",
        "value": "cube",
        "inputs": [0],
        "objects": [0, 1],
        "result": None,
        "error": None,
        "text": "2 things: large red metal cube, small blue rubber cube",
    }
    assert said["trace"][2]["result"] == said["trace"][2]["text"] == "2"


def test_a_failed_question_has_an_error_and_no_answer(sight):
    said = answer_of(sight, "query_size unique filter_shape[cylinder] scene").to_dict()
    assert said["answer"] is None
    assert said["error"] == "step 2 (unique): found no object, expected one"
    assert said["trace"][-1]["text"] == "failed: found no object, expected one"


def test_words_of_steps(sight):
    done = execute(from_tokens(["query_color", "unique", "filter_shape[sphere]", "scene"]),
                   sight.scene.items)  # fmt: skip
    said = [outcome(step, sight.scene.items) for step in done.trace]
    assert said[0].startswith("3 things: large red metal cube, ")
    assert said[1:] == ["1 thing: large green metal sphere", "large green metal sphere", "green"]
    assert [counted(n) for n in (0, 1, 5)] == ["nothing", "1 thing", "5 things"]


def test_a_second_branch_only_counts_the_scene(sight):
    text = "equal_integer count scene count scene"
    done = execute(from_tokens(text.split()), sight.scene.items)
    said = [outcome(step, sight.scene.items) for step in done.trace]
    assert said[0].startswith("3 things: ")
    assert said[2] == "3 things"


def test_unsettled_steps_are_found(sight):
    items = sight.scene.items
    torn = execute(from_tokens(["query_size", "unique", "filter_shape[cube]", "scene"]), items)
    assert unsettled(torn.trace) == [(2, 2)]
    sure = execute(from_tokens(["query_size", "unique", "filter_shape[sphere]", "scene"]), items)
    assert unsettled(sure.trace) == []
    assert plain_steps(sure.trace, items)[2]["objects"] == [2]


def test_what_is_seen_as_a_record(sight):
    said = json.loads(json.dumps(sight.to_dict()))
    assert list(said) == ["file", "system", "out_of_domain", "unfamiliarity", "objects"]
    assert [o["number"] for o in said["objects"]] == [0, 1, 2]
    assert said["objects"][1] == {
        "number": 1,
        "size": "small",
        "color": "blue",
        "material": "rubber",
        "shape": "cube",
        "position": [0.0, 1.0, 0.35],
        "score": 0.9,
        "box": [23.0, 15.0, 33.0, 25.0],
    }


@pytest.mark.parametrize("kind", ["answer", "scene"])
def test_results_are_kept(sight, tmp_path, kind):
    result = answer_of(sight, "count scene") if kind == "answer" else sight
    written = result.save(tmp_path / "out")
    assert [p.name for p in written] == [f"{kind}.json", f"{kind}.png"]
    assert json.loads(written[0].read_text()) == result.to_dict()
    assert written[1].read_bytes()[:4] == b"\x89PNG"
