"""The released preprocessing's files, written here by its rules."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from sensorium.questions.compiled import Compiled
from sensorium.questions.datasets.preprocessed import read_parsed_scenes, read_preprocessed
from sensorium.questions.packed import PackedScenes, execute_tokens
from sensorium.seeds import split_seed
from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.programs import Step
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.scenes import Scene
from sensorium.worlds.blocks.vocabulary import ANSWERS, FUNCTIONS

SPECIALS = ["<NULL>", "<START>", "<END>", "<UNK>"]
Row = list[str]


def prefix(program: tuple[Step, ...]) -> Row:
    """From the output to the inputs, by recursion."""

    def branch(number: int) -> Row:
        step = program[number]
        return [step.token, *(token for k in step.inputs for token in branch(k))]

    return branch(len(program) - 1)


def encoded(rows: list[Row], table: dict[str, int]) -> np.ndarray:
    out = np.zeros((len(rows), max(map(len, rows)) + 2), np.int32)
    for line, row in zip(out, rows, strict=True):
        numbers = [1, *(table[word] for word in row), 2]
        line[: len(numbers)] = numbers
    return out


class Files:
    """An HDF5 file and a vocabulary of the world's questions."""

    def __init__(self, folder: Path) -> None:
        engine = Engine(5)
        self.scenes: list[Scene] = [place(split_seed("test", k)) for k in range(12)]
        self.asked: list[tuple[int, Question]] = [
            (k, q) for k, scene in enumerate(self.scenes) for q in engine.ask(scene, 8)
        ]
        texts = [re.sub(r"([;,])", r" \1", q.text).rstrip("?.").split() for _, q in self.asked]
        every = [
            Step(name, value).token for name, f in FUNCTIONS.items() for value in f.values or ("",)
        ]
        words = {
            "question_token_to_idx": sorted({word for row in texts for word in row}),
            "program_token_to_idx": sorted(every),
            "answer_token_to_idx": sorted(ANSWERS),
        }
        tables = {n: {w: k for k, w in enumerate(SPECIALS + t)} for n, t in words.items()}
        self.vocabulary = folder / "vocab.json"
        self.vocabulary.write_text(json.dumps(tables))
        self.content = {
            "questions": encoded(texts, tables["question_token_to_idx"]),
            "programs": encoded(
                [prefix(q.program) for _, q in self.asked], tables["program_token_to_idx"]
            ),
            "answers": np.array([tables["answer_token_to_idx"][q.answer] for _, q in self.asked]),
            "image_idxs": np.array([k for k, _ in self.asked]),
            "orig_idxs": np.arange(len(self.asked)),
            "question_families": np.array([q.family for _, q in self.asked]),
        }
        self.texts = [" ".join(row) for row in texts]
        self.path = folder / "questions.h5"
        self.write()

    def write(self, **changes: Any) -> Path:
        """With other content; ``None`` leaves an array out."""
        with h5py.File(self.path, "w") as file:
            for name, array in {**self.content, **changes}.items():
                if array is not None:
                    file.create_dataset(name, data=array)
        return self.path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_everything_comes_back(files: Files) -> None:
    read = read_preprocessed(files.path, files.vocabulary)
    assert len(read) == len(list(read)) == 96
    for number, (image, question) in enumerate(files.asked):
        found = read[number]
        assert found.text == files.texts[number]
        assert (found.answer, found.family, found.image) == (
            question.answer,
            question.family,
            image,
        )
        assert prefix(found.program) == prefix(question.program)
    assert read.origins.tolist() == list(range(96))


def test_programs_can_be_carried_out_without_being_read(files: Files) -> None:
    read = read_preprocessed(files.path, files.vocabulary)
    packed = PackedScenes.pack([scene.items for scene in files.scenes])
    where = torch.from_numpy(read.images)
    expected = [ANSWERS.index(question.answer) for _, question in files.asked]
    assert execute_tokens(read.tokens(), packed.take(where)).tolist() == expected
    assert Compiled.from_tokens(read.tokens()).run(packed, where).tolist() == expected


def test_only_questions_and_pictures_are_needed(files: Files) -> None:
    """The test split has no programs and answers, CLEVR-Humans no families."""
    none = dict.fromkeys(("programs", "answers", "question_families", "orig_idxs"))
    read = read_preprocessed(files.write(**none), files.vocabulary)
    assert (read[3].program, read[3].answer, read[3].family) == ((), "", -1)
    with pytest.raises(ValueError, match="these questions have no programs"):
        read.tokens()


def test_what_is_wrong_is_told_in_a_line(files: Files, tmp_path: Path) -> None:
    def told(path: Path) -> str:
        with pytest.raises(ValueError, match=".") as error:
            read_preprocessed(path, files.vocabulary)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "no such file; give the HDF5 file" in told(tmp_path / "nothing.h5")
    assert "has no 'image_idxs' (it has answers, orig_idxs" in told(files.write(image_idxs=None))
    assert "has no 'questions'" in told(files.write(questions=None))
    short = files.content["answers"][:-1]
    assert "answers has 95 rows and questions 96" in told(files.write(answers=short))
    odd = files.content["questions"].astype(np.float32)
    assert "questions is float32 [96, " in told(files.write(questions=odd))
    flat = files.content["programs"][:, 0]
    assert "expected whole numbers in 2 dimensions" in told(files.write(programs=flat))
    beyond = files.content["programs"] + 40
    assert "programs has numbers 40 to 83, but" in told(files.write(programs=beyond))
    whole = files.write().read_bytes()
    files.path.write_bytes(whole[: len(whole) // 2])
    assert "cannot be read as HDF5" in told(files.path)
    files.path.write_bytes(b"<html>")
    assert "cannot be read as HDF5" in told(files.path)
    files.write()
    files.vocabulary.write_text("{}")
    assert "found neither 'question_token_to_idx' nor 'questions'" in told(files.path)


def test_scenes_that_the_released_parser_wrote(tmp_path: Path) -> None:
    item = {"size": "large", "color": "red", "material": "metal", "shape": "cube"}
    scene = {"image_index": 4, "objects": [{**item, "position": [1, -0.5, 0.7]}]}
    path = tmp_path / "scenes.json"
    path.write_text(json.dumps({"info": "x", "scenes": [scene]}))
    found = read_parsed_scenes(path)
    assert [i.position for i in found[4]] == [(1.0, -0.5, 0.7)]
    assert found[4][0].value("color") == "red"
    for change, said in (
        ({"color": "pink"}, "scene 0, object 0: color must be one of gray, .* got 'pink'"),
        ({"position": [1, 2]}, "position must be three numbers, got"),
    ):
        scene["objects"] = [{**item, "position": [0, 0, 0], **change}]
        path.write_text(json.dumps({"scenes": [scene]}))
        with pytest.raises(ValueError, match=said):
            read_parsed_scenes(path)
    path.write_text("{}")
    with pytest.raises(ValueError, match="has no list 'scenes'"):
        read_parsed_scenes(path)
