"""Blocks: CLEVR's world. Scenes of spheres, cubes and cylinders, their pictures, and questions.

CLEVR: Johnson et al., CVPR 2017, arXiv:1612.06890. The renderer and the question engine are ours;
the files are CLEVR's own JSON. `place` makes a scene from a seed and `render` draws it; `Engine`
asks; `building.build` writes a whole data set.
"""

from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.placing import COGENT_A, COGENT_B, place
from sensorium.worlds.blocks.programs import Program, ProgramError, Step
from sensorium.worlds.blocks.published_templates import read_templates
from sensorium.worlds.blocks.question_json import read_questions, write_questions
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.rendering import Picture, render
from sensorium.worlds.blocks.scene_json import read_masks, read_scenes, write_scenes
from sensorium.worlds.blocks.scenes import Block, Item, Scene

__all__ = [
    "COGENT_A",
    "COGENT_B",
    "Block",
    "Engine",
    "Item",
    "Picture",
    "Program",
    "ProgramError",
    "Question",
    "Scene",
    "Step",
    "place",
    "read_masks",
    "read_questions",
    "read_scenes",
    "read_templates",
    "render",
    "write_questions",
    "write_scenes",
]
