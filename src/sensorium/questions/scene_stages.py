"""The stages in which NS-VQA learns to see: the finder, then the attribute network.

The paper trains Mask R-CNN for 30,000 iterations and a ResNet-34 on what it found in 4,000 scenes
(arXiv:1810.02338, section 4.1). Networks and steps are ours, made for one core. In the finder's
votes every block counts alike, however little is visible of it. The attribute network learns from
true outlines that are roughened, then (`drawn_stage`) from outlines that the finder drew
(`datasets.outlines.draw_outlines`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sensorium.questions.datasets.scenes import SceneData
from sensorium.recipe import Optimiser, Schedule, Stage

FINDER, ATTRIBUTES, PARSER = "scenes.finder.", "scenes.attributes.", "parser."
"""How the names of each network's parameters start in `NSVQASystem`."""

DRAWN = 2500
"""Scenes whose outlines the finder draws."""

_ADAM = Optimiser("adamw", lr=2e-3, weight_decay=1e-2, clip_norm=5.0)
_ONE_CYCLE = Schedule("cosine", warmup=0.1)
_EACH = (
    ("heat", 1.0),
    ("where", 1.0),
    ("inside", 1.0),
    ("inside_each", 0.04),
    ("votes_each", 1.0),
)


def scene_stages(
    data: SceneData, find: int = 2500, look: int = 3000, others: tuple[str, ...] = (PARSER,)
) -> tuple[Stage, Stage]:
    """The finder on whole pictures, then the attribute network on blocks.

    Args:
        data: the scenes; its ``kind`` does not matter.
        find: steps of the finder.
        look: steps of the attribute network.
        others: starts of the names of what the system has besides the two.
    """
    return find_stage(data, find, others), look_stage(data, look, others)


def find_stage(data: SceneData, steps: int, others: tuple[str, ...] = (PARSER,)) -> Stage:
    """The finder on whole pictures at its working size, half of them mirrored."""
    pictures = replace(data, kind="pictures")
    frozen = (ATTRIBUTES, *others)
    return Stage("find", steps, _ADAM, _ONE_CYCLE, _EACH, frozen, data=pictures)


def look_stage(data: SceneData, steps: int, others: tuple[str, ...] = (PARSER,)) -> Stage:
    """The attribute network on blocks whose outlines are about as rough as the finder's."""
    blocks = replace(data, kind="blocks")
    return Stage("attributes", steps, _ADAM, _ONE_CYCLE, freeze=(FINDER, *others), data=blocks)


def drawn_stage(data: SceneData, drawn: Path, steps: int = 4300) -> Stage:
    """The attribute network on outlines that a finder drew in the first 2,500 scenes."""
    blocks = replace(data, drawn=drawn, length=min(DRAWN, data.length))
    slower = replace(_ADAM, lr=1.5e-3)
    return replace(look_stage(blocks, steps), name="drawn", optimiser=slower)
