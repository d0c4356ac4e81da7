"""CLEVR's template files: a small one of the same form, and malformed ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.published_templates import read_templates

PARAMS = [
    {"type": kind, "name": f"<{letter}{number}>"}
    for number in ("", "2")
    for kind, letter in (("Size", "Z"), ("Color", "C"), ("Material", "M"), ("Shape", "S"))
] + [{"type": "Relation", "name": "<R>"}]
ONE = ["<Z>", "<C>", "<M>", "<S>"]
TWO = ["<Z2>", "<C2>", "<M2>", "<S2>"]


def template(**changes: Any) -> dict[str, Any]:
    """What shape has the one thing in a relation to another?"""
    return {
        "params": PARAMS,
        "text": ["What form has the <Z2> <C2> <M2> <S2> [that is] <R> the <Z> <C> <M> <S>?"],
        "nodes": [
            {"type": "scene", "inputs": []},
            {"type": "filter_unique", "inputs": [0], "side_inputs": ONE},
            {"type": "relate_filter_unique", "inputs": [1], "side_inputs": ["<R>", *TWO]},
            {"type": "query_shape", "inputs": [2]},
        ],
        "constraints": [
            {"type": "NULL", "params": ["<S2>"]},
            {"type": "OUT_NEQ", "params": [1, 2]},
        ],
        "query": "what else stands there is left alone",
        **changes,
    }


COUNT = {
    "params": PARAMS[:4],
    "text": ["<Z> <C> <M> <S>s: how many?"],
    "nodes": [
        {"type": "scene"},
        {"type": "filter_count", "inputs": [0], "side_inputs": ONE},
    ],
}


def written(folder: Path, name: str, content: Any) -> Path:
    """A file with that content."""
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def test_a_folder_in_order_and_its_questions(tmp_path: Path) -> None:
    written(tmp_path, "zero_hop.json", [COUNT])
    written(tmp_path, "one_hop.json", [COUNT, template()])
    written(tmp_path, "mine.json", [COUNT, COUNT])
    families = read_templates(tmp_path)
    assert [(f.file, f.number, f.index) for f in families] == [
        ("mine.json", 0, 0),
        ("mine.json", 1, 1),
        ("one_hop.json", 0, 25),
        ("one_hop.json", 1, 26),
        ("zero_hop.json", 0, 84),
    ]
    engine = Engine(1, families)
    asked = [question for seed in range(40) for question in engine.ask(place(seed), 5)]
    shapes = [q for q in asked if q.family == 26]
    assert len(shapes) >= 35
    assert {q.answer for q in shapes} == {"cube", "sphere", "cylinder"}
    assert any("that is" in q.text for q in shapes)
    assert any("that is" not in q.text for q in shapes)
    for question in shapes:
        assert question.text.startswith("What form has the ")
        functions = [step.function for step in question.program]
        assert functions[-1] == "query_shape"
        after = functions[functions.index("relate") :]
        assert "filter_shape" not in after
    counts = [q for q in asked if q.template == "mine.json"]
    assert all(q.text.endswith(": how many?") for q in counts)


def test_one_file_alone(tmp_path: Path) -> None:
    families = read_templates(written(tmp_path, "one_hop.json", [template()]))
    assert len(families) == 1
    assert families[0].empty == {"<S2>"}
    assert families[0].different == ((1, 2),)
    assert families[0].kinds["<R>"] == "relation"


def _nodes(number: int, **changes: Any) -> dict[str, Any]:
    """The template with some keys of one node replaced."""
    nodes = template()["nodes"]
    return template(nodes=[{**n, **changes} if i == number else n for i, n in enumerate(nodes)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_nodes(1, type="filter_uniq"), "no node type 'filter_uniq'; did you mean 'filter_unique'"),
        (_nodes(1, inputs=[3]), "must come before it"),
        (_nodes(1, inputs=["0"]), "must be numbers of nodes"),
        (_nodes(3, inputs=[0]), r"query_shape takes \(object\), got \(set\)"),
        (_nodes(1, side_inputs=ONE[:3]), "filter_unique takes 4 values, got 3"),
        (_nodes(1, side_inputs=["<C>", "<Z>", "<M>", "<S>"]), "wants a size here, <C> is a color"),
        (_nodes(1, side_inputs=["<Z9>", *ONE[1:]]), "<Z9> is no parameter"),
        (_nodes(2, side_inputs=["<R>", *ONE]), "<Z> is filled in by two nodes"),
        (template(text=["Which <Z3>?"]), "no node fills in <Z3>"),
        (template(text=[]), "at least one node and one text"),
        (template(text="What?"), "list 'text'"),
        (template(nodes=template()["nodes"][:3]), "is no answer"),
        (template(params=[{"type": "Weight", "name": "<W>"}]), "no parameter type 'Weight'"),
        (template(constraints=[{"type": "NEQ", "params": [1, 2]}]), "is not known"),
        (template(constraints=[{"type": "NULL", "params": ["<R>"]}]), "<R> cannot be NULL"),
        (template(constraints=[{"type": "OUT_NEQ", "params": [1, 9]}]), "there are no such"),
        (template(constraints=["NULL"]), "expected an object with a word 'type'"),
        (7, "expected an object, got 7"),
    ],
)
def test_a_malformed_template_is_named(content: Any, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, "one_hop.json", [template(), content])
    with pytest.raises(ValueError, match=f"one_hop.json, template 1.*{message}") as caught:
        read_templates(path)
    assert "\n" not in str(caught.value)


def test_files_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no \*.json"):
        read_templates(tmp_path)
    with pytest.raises(ValueError, match="expected a list of templates"):
        read_templates(written(tmp_path, "a.json", {}))
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        read_templates(tmp_path / "b.json")
    with pytest.raises(ValueError, match="cannot be read"):
        read_templates(tmp_path / "c.json")
