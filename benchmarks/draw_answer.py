"""Draws the example picture of blocks, and what the bundled NS-VQA makes of it.

``python benchmarks/draw_answer.py [WEIGHTS]`` writes ``examples/blocks.png`` and
``docs/figures/answer.png``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import torch

import sensorium
from sensorium.questions.pictures import read_picture
from sensorium.questions.systems import NSVQASystem
from sensorium.seeds import split_seed
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.rendering import render

ROOT = Path(__file__).parent.parent
PICTURE, FIGURE = ROOT / "examples" / "blocks.png", ROOT / "docs" / "figures" / "answer.png"
SEED = split_seed("test", 2371)
"""Beyond the pictures on which the weights are measured."""

QUESTION = "How many cubes are left of the large sphere?"


def main(weights: str) -> None:
    """The picture, then the figure."""
    cv2.imwrite(str(PICTURE), render(place(SEED)).pixels[..., ::-1])
    system = sensorium.load(weights)
    assert isinstance(system, NSVQASystem)
    (answer,) = system.ask(system.look(read_picture(PICTURE), PICTURE.name), [QUESTION])
    answer.figure().savefig(FIGURE, dpi=75)
    print(answer.question, answer.answer or answer.error, f"({answer.confidence:.2f})")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1] if len(sys.argv) > 1 else "nsvqa")
