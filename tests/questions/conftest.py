"""A scene made by hand, and a system whose parser knows a handful of questions by heart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sensorium.questions.datasets.blocks_words import blocks_words
from sensorium.questions.parser import ParserConfig
from sensorium.questions.recipes import nsvqa_tiny
from sensorium.questions.results import Sight
from sensorium.questions.scene_parser import SeenScene
from sensorium.questions.systems import NSVQASystem
from sensorium.questions.vocabulary import NULL, PROGRAM_WORDS
from sensorium.worlds.blocks.scenes import Item

LESSONS = {
    "How many cubes are there?": "count filter_shape[cube] scene",
    "What color is the sphere?": "query_color unique filter_shape[sphere] scene",
    "What size is the cube?": "query_size unique filter_shape[cube] scene",
    "Are there any red things?": "exist filter_color[red] scene",
    "What material is the cylinder?": "query_material unique filter_shape[cylinder] scene",
    "Are there more cubes than spheres?": (
        "greater_than count filter_shape[cube] scene count filter_shape[sphere] scene"
    ),
    "How many things are left of the sphere?": (
        "count relate[left] unique filter_shape[sphere] scene"
    ),
}

ITEMS = (
    Item("large", "red", "metal", "cube", (-2.0, 0.0, 0.7)),
    Item("small", "blue", "rubber", "cube", (0.0, 1.0, 0.35)),
    Item("large", "green", "metal", "sphere", (2.0, -1.0, 0.7)),
)


def seen(items: tuple[Item, ...]) -> SeenScene:
    """These items in a row, each a square of ten pixels."""
    masks = np.zeros((len(items), 40, 60), bool)
    boxes = []
    for k in range(len(items)):
        x0 = 5.0 + 18 * k
        masks[k, 15:25, int(x0) : int(x0) + 10] = True
        boxes.append((x0, 15.0, x0 + 10, 25.0))
    return SeenScene(items, (0.9,) * len(items), tuple(boxes), masks, 40, 60)


def sight_of(items: tuple[Item, ...], unfamiliarity: float | None = 0.1) -> Sight:
    """What was seen of a grey picture with these items."""
    picture = torch.full((3, 40, 60), 120, dtype=torch.uint8)
    picture[0, 15:25] = 200
    return Sight("hand.png", "by-hand", seen(items), picture, unfamiliarity)


@pytest.fixture
def sight() -> Sight:
    """Two cubes and a sphere."""
    return sight_of(ITEMS)


@pytest.fixture
def empty() -> Sight:
    """Nothing."""
    return sight_of(())


@pytest.fixture(scope="session")
def taught() -> NSVQASystem:
    """A system that parses the `LESSONS`; its eyes are untrained."""
    config = replace(
        nsvqa_tiny().system,
        parser=ParserConfig(words=blocks_words().words, hidden=24, embedding=24),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = NSVQASystem(config)
        parser = system.parser
        rows = [torch.tensor(PROGRAM_WORDS.encode(p.split())) for p in LESSONS.values()]
        batch = {
            "question": parser.pack([q.removesuffix("?").split() for q in LESSONS]),
            "program": torch.nn.utils.rnn.pad_sequence(rows, True, NULL),
        }
        optimiser = torch.optim.Adam(parser.parameters(), 0.01)
        for _ in range(80):
            optimiser.zero_grad()
            system.losses(batch)["loss"].backward()
            optimiser.step()
    system.weights = "by-heart"
    return system.eval()
