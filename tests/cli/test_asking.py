import io
import json
from dataclasses import replace

import cv2
import pytest
import torch

from sensorium import media, store
from sensorium.questions.datasets.blocks_words import blocks_words
from sensorium.questions.parser import ParserConfig
from sensorium.questions.recipes import nsvqa_tiny
from sensorium.questions.systems import NSVQASystem
from sensorium.questions.vocabulary import NULL, PROGRAM_WORDS
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.rendering import render

LESSONS = {
    "How many things are there?": "count scene",
    "How many cubes are there?": "count filter_shape[cube] scene",
    "What color is the thing?": "query_color unique scene",
    "What color is the tiny cyan metal cylinder?": (
        "query_color unique filter_size[small] filter_color[cyan] filter_material[metal] "
        "filter_shape[cylinder] filter_color[red] scene"
    ),
}


@pytest.fixture(scope="module")
def knower(tmp_path_factory):
    """A system that knows the `LESSONS`, and whose untrained eyes take much for blocks."""
    config = nsvqa_tiny().system
    parser = ParserConfig(words=blocks_words().words, hidden=24, embedding=24)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = NSVQASystem(replace(config, parser=parser))
        rows = [torch.tensor(PROGRAM_WORDS.encode(p.split())) for p in LESSONS.values()]
        batch = {
            "question": system.parser.pack([q.removesuffix("?").split() for q in LESSONS]),
            "program": torch.nn.utils.rnn.pad_sequence(rows, True, NULL),
        }
        optimiser = torch.optim.Adam(system.parser.parameters(), 0.01)
        for _ in range(60):
            optimiser.zero_grad()
            system.losses(batch)["loss"].backward()
            optimiser.step()
        with torch.no_grad():
            system.scenes.finder.heat.bias.fill_(2.0)
            system.scenes.finder.inside.bias.fill_(3.0)
    folder = tmp_path_factory.mktemp("systems") / "knower"
    system.weights = folder.name
    return store.save(system.eval(), folder, store.Card(trained_on="a few questions"))


@pytest.fixture(scope="module")
def blind(knower, tmp_path_factory):
    """The same, seeing nothing."""
    system = store.load(knower)
    with torch.no_grad():
        system.scenes.finder.heat.bias.fill_(-9.0)
    system.weights = "blind"
    return store.save(system, tmp_path_factory.mktemp("systems") / "blind", store.Card())


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "blocks.png"
    assert cv2.imwrite(str(path), render(place(7), 80, 120).pixels[..., ::-1])
    return path


def test_an_answer_with_its_steps(run, image, knower):
    ran = run("ask", image, "How many things are there?", "--system", knower)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == f"{image}  (knower)"
    assert "How many things are there?" in lines
    (answer,) = [line for line in lines if line.startswith("→ ")]
    count = int(answer.split()[1])
    assert count > 0
    assert "(confidence 0." in answer
    steps = [line.split() for line in lines if line[:1].isspace() or line[:1].isdigit()]
    assert ["1", "count", "0", str(count)] in steps
    assert any(row[:3] == ["0", "scene", str(count)] for row in steps)


def test_records(run, image, knower):
    questions = ["How many things are there?", "How many cubes are there?"]
    ran = run("ask", image, *questions, "--system", knower, "--json")
    assert (ran.code, ran.err) == (0, "")
    first, second = ran.records
    assert [r["question"] for r in ran.records] == questions
    assert set(first) == {
        "file", "system", "out_of_domain", "unfamiliarity", "question", "answer", "score",
        "program", "trace",
    }  # fmt: skip
    assert (first["file"], first["system"]) == (str(image), "knower")
    assert first["program"] == ["count", "scene"]
    assert first["answer"] == str(len(first["trace"][0]["objects"]))
    assert second["trace"][1]["function"] == "filter_shape"
    assert 0 <= first["score"] <= 1


def test_the_scene_alone_and_with_a_question(run, image, knower):
    (alone,) = run("ask", image, "--scene", "--json", "--system", knower).records
    assert alone["objects"]
    assert "question" not in alone
    ask = ("ask", image, "How many things are there?", "--scene", "--system", knower)
    (asked,) = run(*ask, "--json").records
    assert asked["objects"] == alone["objects"]
    assert asked["answer"] == str(len(alone["objects"]))
    table = run(*ask).out.splitlines()
    head = next(line for line in table if line.split()[:1] == ["object"])
    assert head.split() == ["object", "size", "color", "material", "shape", "right", "front",
                            "score"]  # fmt: skip
    one = alone["objects"][0]
    row = next(line.split() for line in table if line.split()[:1] == ["0"])
    assert row[1:5] == [one["size"], one["color"], one["material"], one["shape"]]


def test_questions_from_a_file_and_from_stdin(run, image, knower, tmp_path, monkeypatch):
    text = "How many things are there?\n\n  How many cubes are there?  \n"
    (tmp_path / "questions.txt").write_text(text)
    ask = ("ask", image, "--system", knower, "--json")
    from_file = run(*ask, "--questions", tmp_path / "questions.txt")
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    from_stdin = run(*ask, "--questions", "-")
    assert from_file.code == from_stdin.code == 0
    assert from_file.records == from_stdin.records
    assert [r["question"] for r in from_file.records] == list(LESSONS)[:2]
    (tmp_path / "clevr.json").write_text(json.dumps({"questions": []}))
    ran = run(*ask, "--questions", tmp_path / "clevr.json")
    assert ran.code == 1
    assert "got JSON, expected one question per line" in ran.complaint
    ran = run(*ask, "--questions", tmp_path / "missing.txt")
    assert ran.code == 1
    assert "no such file" in ran.complaint


def test_figures(run, image, knower, tmp_path):
    one = tmp_path / "new" / "steps.png"
    ran = run("ask", image, "How many things are there?", "--figure", one, "--system", knower)
    assert ran.code == 0, ran.err
    assert cv2.imread(str(one)).shape[1] > 400
    many = tmp_path / "steps.svg"
    questions = list(LESSONS)[:2]
    ran = run("ask", image, *questions, "--figure", many, "--system", knower, "--no-steps")
    assert ran.code == 0, ran.err
    assert "count" not in ran.out
    assert sorted(p.name for p in tmp_path.glob("*.svg")) == ["steps-1.svg", "steps-2.svg"]
    ran = run("ask", image, questions[0], "--figure", tmp_path / "steps.xyz", "--system", knower)
    assert ran.code == 2
    assert ".png, .pdf or .svg" in ran.complaint


def test_a_choice_is_told_and_can_be_refused(run, image, knower):
    ask = ("ask", image, "What color is the thing?", "--system", knower)
    ran = run(*ask)
    assert ran.code == 0
    assert "step 1 (unique): " in ran.complaint
    assert "things fit, the surest is taken; --strict refuses" in ran.complaint
    ran = run(*ask, "--strict", "--json")
    assert ran.code == 1
    assert "expected exactly one" in ran.complaint
    (record,) = ran.records
    assert record["answer"] is None
    assert record["error"] in ran.complaint


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("", "the question is empty"),
        ("How many pyramids are there?", "unknown word 'pyramids'"),
        ("What collor is the thing?", "did you mean 'color'?"),
        ("how many cubes " * 100, "300 words"),
        (list(LESSONS)[3], "(unique): found no object, expected one"),
    ],
)
def test_what_cannot_be_answered_is_one_line(run, image, knower, question, why):
    ran = run("ask", image, question, "--system", knower, "--json")
    assert ran.code == 1
    assert why in ran.complaint
    assert ran.complaint.startswith(f"error: {image}: ")
    (record,) = ran.records
    assert record["answer"] is None
    assert why in record["error"]
    assert record["question"] == question


def test_the_others_are_answered_and_failures_counted(run, image, knower):
    ran = run("ask", image, "Quoi?", "How many things are there?", "", "--system", knower)
    assert ran.code == 1
    assert "→ " in ran.out
    assert ran.err.splitlines()[-1] == "2 of 3 questions have no answer"


def test_unknown_words_may_be_guessed(run, image, knower):
    ask = ("ask", image, "How many funny things are there?", "--system", knower)
    assert run(*ask).code == 1
    ran = run(*ask, "--guess", "--json")
    assert ran.records[0]["program"]


def test_a_picture_without_blocks(run, image, blind):
    ran = run("ask", image, "How many things are there?", "--scene", "--system", blind)
    assert ran.code == 1
    assert "sees no objects" in ran.complaint
    assert "sees no objects in the picture" in ran.out


def test_a_moment_of_a_video(run, knower, tmp_path):
    frames = torch.zeros(8, 3, 32, 48, dtype=torch.uint8)
    film = media.write(tmp_path / "film.mp4", frames, 4.0)
    assert run("ask", film, "--scene", "--at", "1", "--system", knower).code == 0
    ran = run("ask", film, "--scene", "--at", "5", "--system", knower, "--json")
    assert ran.code == 1
    assert "lasts 2.00 s" in ran.complaint
    assert ran.records == [{"file": str(film), "error": ran.complaint.removeprefix("error: ")}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "got no picture"),
        (("blocks.png",), "got no question"),
        (("blocks.png", "Why?", "--beam", "0"), "--beam must be 1 or more, got 0"),
        (("blocks.png", "Why?", "--at", "now"), "now"),
        (("blocks.png", "Why?", "--system", "nsvka"), "neither bundled weights nor a folder"),
    ],
)
def test_wrong_usage(run, arguments, message):
    ran = run("ask", *arguments)
    assert ran.code == 2
    assert message in ran.complaint


def test_another_kind_of_system(run, image, system):
    ran = run("ask", image, "Why?", "--system", system)
    assert ran.code == 2
    assert "expected a system that answers questions" in ran.complaint


def test_pictures_that_cannot_be_read(run, knower, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    for file in (tmp_path / "text.png", tmp_path / "missing.png", tmp_path):
        ran = run("ask", file, "How many things are there?", "--system", knower, "--json")
        assert ran.code == 1
        assert str(file) in ran.complaint
        assert list(ran.records[0]) == ["file", "error"]


def test_it_is_measured_on_the_blocks_world(run, knower):
    """Weights whose card names no recipe, too; CLEVR's files that are not there are one line."""
    small = ("--data.tested", "2", "--data.questions", "3", "--workers", "0")
    ran = run("evaluate", knower, *small, "--json")
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert record["system"] == "nsvqa"
    assert record["data"]["tested"] == 2
    assert {"accuracy", "program_match", "scene_exact", "recall"} <= set(record["metrics"])
    ran = run("evaluate", knower, "--data.root", "/nowhere/CLEVR_v1.0", "--split", "val")
    assert ran.code == 1
    assert "/nowhere/CLEVR_v1.0" in ran.complaint
