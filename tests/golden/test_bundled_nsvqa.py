"""What the bundled NS-VQA says, on the committed picture and on held-out ones."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import sensorium
from sensorium import training
from sensorium.cli import main
from sensorium.questions.datasets.answers import AnswersData
from sensorium.questions.metrics import scene_scores
from sensorium.questions.pictures import read_picture
from sensorium.seeds import split_seed
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.rendering import render

EXAMPLE = Path(__file__).parents[2] / "examples" / "blocks.png"
SCENE = place(split_seed("test", 2371))


@pytest.fixture(scope="module")
def system():
    return sensorium.load("nsvqa")


@pytest.fixture(scope="module")
def sight(system):
    return system.look(read_picture(EXAMPLE))


def test_the_example_is_what_the_world_makes():
    """But for the renderer's rounding, should it ever change."""
    drawn = render(SCENE).pixels.astype(int)
    there = read_picture(EXAMPLE).permute(1, 2, 0).numpy().astype(int)
    assert np.abs(drawn - there).mean() < 1.0


def test_the_blocks_of_the_example_are_seen(sight):
    said = scene_scores(sight.scene.items, SCENE.items)
    assert said["recall"] == said["precision"] == [1.0] * len(SCENE.blocks)
    right = sum(sum(said[name]) for name in ("size", "color", "material", "shape"))
    assert right >= 4 * len(SCENE.blocks) - 1
    assert max(said["position_error"]) < 0.5
    assert sight.out_of_domain is False


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What color is the large sphere?", "yellow"),
        ("How many small cubes are there?", "3"),
        ("What shape is the small cyan thing?", "sphere"),
        ("Are there any red things?", "no"),
        ("How many cubes are left of the large sphere?", "3"),
    ],
)
def test_questions_about_the_example(system, sight, question, answer):
    (said,) = system.ask(sight, [question])
    assert (said.answer, said.error) == (answer, "")


def test_held_out_pictures(system):
    """Pictures beyond those of the card."""
    data = AnswersData(tested=30)
    said = training.evaluate(system, data)
    assert said["accuracy"] > 0.85
    assert said["recall"] > 0.97
    assert said["accuracy"] == pytest.approx(system.card.metrics["accuracy"], abs=0.08)


def test_a_photograph_is_out_of_domain(system):
    """A real picture: matplotlib brings one."""
    import matplotlib

    photo = read_picture(f"{matplotlib.get_data_path()}/sample_data/grace_hopper.jpg")
    assert system.look(photo).out_of_domain is True
    assert system.look(torch.full((3, 320, 480), 128, dtype=torch.uint8)).out_of_domain is True


def test_other_sizes_and_aspects(system):
    """Rendered at other sizes, the scene stays what it is."""
    for height, width in ((160, 240), (400, 600), (320, 400)):
        pixels = render(SCENE, height, width).pixels
        seen = system.look(torch.from_numpy(pixels.transpose(2, 0, 1).copy())).scene
        said = scene_scores(seen.items, SCENE.items)
        assert sum(said["recall"]) >= len(SCENE.blocks) - 1, (height, width)
        assert sum(said["color"]) >= len(SCENE.blocks) - 2, (height, width)


def test_the_command_line_answers(capsys, tmp_path):
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((200, 300, 3), 120, np.uint8))
    question = "What color is the large sphere?"
    assert main(["ask", str(EXAMPLE), question, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["answer"], record["out_of_domain"]) == ("yellow", False)
    assert main(["ask", str(tmp_path / "empty.png"), question, "--json"]) == 1
    assert "sees no objects" in json.loads(capsys.readouterr().out)["error"]
