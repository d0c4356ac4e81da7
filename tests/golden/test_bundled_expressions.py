"""What the bundled `expressions` make of people who were in no training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib
import pytest
import torch

import sensorium
from sensorium import training
from sensorium.expressions.animating import fitted
from sensorium.expressions.judges import bundled_judges
from sensorium.expressions.metrics import spearman
from sensorium.expressions.pictures import read_picture
from sensorium.worlds.portraits import EXPRESSIONS, Face, draw, identity, split_seed


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    """Fifteen people of the test split, neutral."""
    data = replace(training.recipe("expressions").data, tested=7 * 15)
    examples = data.open("test")
    return torch.stack([examples.example(7 * k, 0)["neutral"] for k in range(15)])


@pytest.fixture(scope="module")
def system():
    return sensorium.load("expressions")


def test_judges_name_what_was_asked_for(system, faces) -> None:
    """Each expression at its peak, of each person."""
    degrees = torch.eye(7).expand(len(faces), 7, 7)
    made = system.generate(faces, degrees).flatten(0, 1)
    named = bundled_judges().judge(made).logits.argmax(1).reshape(len(faces), 7)
    right = (named == torch.arange(7)).float().mean(0)
    assert system.expressions == EXPRESSIONS
    assert float(right.mean()) > 0.9
    assert float(right.min()) > 0.7


def test_what_is_shown_grows_with_the_degree(system, faces) -> None:
    steps = torch.linspace(0, 1, 6)
    for k in range(7):
        degrees = torch.zeros(len(faces), 6, 7)
        degrees[:, :, k] = steps
        judged = bundled_judges().judge(system.generate(faces, degrees).flatten(0, 1))
        shown = judged.degrees[:, k].reshape(len(faces), 6)
        assert float(spearman(steps.expand(len(faces), 6), shown).mean()) > 0.9, EXPRESSIONS[k]


def test_no_degree_gives_the_picture_back(system, faces) -> None:
    still = system.generate(faces, torch.zeros(len(faces), 7))
    error = (still - faces.float() / 255).square().mean((1, 2, 3))
    assert float((-10 * error.log10()).min()) > 45


def test_nothing_is_painted_into_everybodys_picture(system, faces) -> None:
    """A stripe stood beside all heads once: nobody's face, but the same in every picture."""
    given = faces.float() / 255
    degrees = torch.cat([torch.zeros(1, 7), torch.eye(7)]).expand(len(faces), 8, 7)
    added = system.generate(faces, degrees) - given[:, None]
    still = 255 * added[:, 0].mean((0, 1))  # [P, 3, S, S] -> [S, S]
    assert float(still.abs().max()) < 2
    beside = 255 * added[..., 52:].mean((0, 1, 2, 3))  # columns right of all faces
    assert float(beside.abs().max()) < 1


def test_pictures_come_whole(system) -> None:
    """Drawn large and shrunk, as a picture of use: no part is cut away."""
    people = [identity(split_seed("test", k)) for k in range(8)]
    whole = [draw(Face(who, (0.0,) * 7), 256).frame for who in people]
    seen = torch.stack([fitted(picture, 64) for picture in whole])
    made = system.generate(seen, torch.eye(7).expand(len(seen), 7, 7)).flatten(0, 1)
    named = bundled_judges().judge(made).logits.argmax(1).reshape(len(seen), 7)
    assert float((named == torch.arange(7)).float().mean()) > 0.95


def test_people_stay_who_they_are(system, faces) -> None:
    judges = bundled_judges()
    given = judges.judge(faces).identity
    for degrees in torch.eye(7):
        made = judges.judge(system.generate(faces, degrees.expand(len(faces), 7))).identity
        nearest = (made @ given.T).argmax(1)
        assert (nearest == torch.arange(len(faces))).float().mean() > 0.8


def test_portraits_are_familiar_and_a_photograph_is_not(system, faces) -> None:
    degrees = system.degrees("happy", torch.ones(1))
    known = [bool(system.animate(face, degrees).out_of_domain) for face in faces]
    assert sum(known) <= 1
    photo = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    assert system.animate(read_picture(photo), degrees).out_of_domain
    grey = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2GRAY)
    plain = torch.from_numpy(grey)[None].expand(3, -1, -1)
    assert system.animate(plain, degrees).out_of_domain
