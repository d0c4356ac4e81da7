"""CLEVR-Humans: what people asked, as JSON and as a table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from sensorium.questions.datasets.humans import extended, read_humans
from sensorium.questions.vocabulary import SPECIALS, UNK, Words
from sensorium.worlds.blocks.building import Plan, build

ROWS = [
    {
        "question": "Is there a blue shiny thing hiding?",
        "answer": "yes",
        "image_index": 1,
        "image_filename": "CLEVR_val_000001.png",
        "split": "val",
    },
    {"question": "How many things look alike? ", "answer": 3, "image_index": 0},
    {"question": "What is hiding?", "answer": "Cube", "image_filename": "CLEVR_val_000002.png"},
    {"question": "Which one?", "image_index": 2},
]


def written(folder: Path, rows: object = ROWS, name: str = "CLEVR-Humans-val.json") -> Path:
    path = folder / name
    path.write_text(json.dumps({"questions": rows}))
    return path


def test_questions_come_with_clevrs_pictures_and_scenes(tmp_path: Path) -> None:
    clevr = tmp_path / "CLEVR_v1.0"
    build(Plan(1, 3, "val", 60, 90, questions=1), clevr)
    path = written(tmp_path)
    for given in (path, tmp_path):
        split = read_humans(given, "val", clevr)
        assert [a.question.answer for a in split] == ["yes", "3", "cube", ""]
        assert [a.question.image for a in split] == [1, 0, 2, 2]
        assert all(a.picture.is_file() and a.scene.index == a.question.image for a in split)
        assert all(a.question.program == () and a.question.kind is None for a in split)
    assert split[1].question.text == "How many things look alike?"


def test_a_table_is_read_too(tmp_path: Path) -> None:
    expected = read_humans(written(tmp_path), "val")
    path = tmp_path / "CLEVR-Humans-train.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted({k for row in ROWS for k in row}))
        writer.writeheader()
        writer.writerows(ROWS)
    found = read_humans(tmp_path, "train")
    assert found.questions == expected.questions
    assert found[3].scene is None
    assert found[3].picture == tmp_path / "images" / "train" / "CLEVR_train_000002.png"


def test_words_seen_ten_times_are_added() -> None:
    words = Words((*SPECIALS, "Is", "the", "thing"))
    texts = ["Is the sphere hiding, thing?"] * 10 + ["Is the cube hiding?"] * 9 + ["a b"] * 9
    more = extended(words, texts)
    assert more.words == (*words.words, ",", "hiding", "sphere")
    assert more.encode(["cube"])[1] == UNK
    assert extended(words, texts, 9).words[-5:] == ("a", "b", "cube", "hiding", "sphere")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({}, "has no list 'questions'"),
        ([1], "question 0: expected an object, got 1"),
        ([*ROWS[:1], {"answer": "yes"}], "question 1: has no text"),
        ([{"question": "Is it?", "answer": "maybe", "image_index": 1}], "'maybe' is none of CLEVR"),
        ([{"question": "Is it?", "answer": "yes"}], "question 0: found no picture's number"),
        ([{"question": "Is it?", "image_index": -3}], "question 0: found no picture's number"),
    ],
)
def test_malformed_questions_are_told(tmp_path: Path, rows: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_humans(written(tmp_path, rows), "val")


def test_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"found neither CLEVR-Humans-val.json nor CLEVR-Humans-va"
    ):
        read_humans(tmp_path, "val")
    with pytest.raises(ValueError, match="no such file or folder; give the folder of CLEVR-Humans"):
        read_humans(tmp_path / "nowhere", "val")
    path = tmp_path / "CLEVR-Humans-val.json"
    path.write_text("{")
    with pytest.raises(ValueError, match="is no JSON"):
        read_humans(tmp_path, "val")
    table = tmp_path / "humans.csv"
    table.write_text("text;answer\nIs it?;yes\n")
    with pytest.raises(
        ValueError, match="found the columns text;answer, expected question, answer"
    ):
        read_humans(table, "val")
    table.write_bytes(b"question,answer\n\xff\xfe,yes\n")
    with pytest.raises(ValueError, match="is no CSV in UTF-8"):
        read_humans(table, "val")
