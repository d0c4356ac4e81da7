"""CLEVR-CoGenT v1.0 (arXiv:1612.06890, section 4.7) by its published layout, that of CLEVR.

Cubes are gray, blue, brown or yellow in condition A and red, green, purple or cyan in condition B;
cylinders the other way round; spheres have any colour. Trained is on ``trainA``, tested on both.
"""

from __future__ import annotations

from pathlib import Path

from sensorium.questions.datasets.clevr import ClevrSplit, read_clevr
from sensorium.suggest import did_you_mean
from sensorium.worlds.blocks.placing import COGENT_A, COGENT_B
from sensorium.worlds.blocks.scenes import Block, Scene

ARCHIVE = "CLEVR_CoGenT_v1.0"
SPLITS = ("trainA", "valA", "valB", "testA", "testB")


def read_cogent(folder: str | Path, split: str, *, count: int | None = None) -> ClevrSplit:
    """A split of CLEVR-CoGenT.

    Args:
        folder: ``CLEVR_CoGenT_v1.0``, or the folder that holds it.
        split: one of `SPLITS`.
        count: of questions, the first of the file; default: all.

    Raises:
        ValueError: when a folder, a file or a scene is missing or malformed, or a scene is not of
            the split's condition, in one line.
    """
    if split not in SPLITS:
        raise ValueError(f"CLEVR-CoGenT has no split {split!r}{did_you_mean(split, SPLITS)}")
    folder = Path(folder)
    inside = folder / ARCHIVE
    read = read_clevr(inside if inside.is_dir() else folder, split, count=count)
    for scene in read.scenes.values():
        odd = stranger(scene, split[-1])
        if odd is not None:
            raise ValueError(
                f"{folder}: scene {scene.index} of {split} has a {odd.color} {odd.shape}, which "
                f"condition {split[-1]} does not; is it CLEVR-CoGenT?"
            )
    return read


def stranger(scene: Scene, condition: str) -> Block | None:
    """The first block that a condition (``A`` or ``B``) does not have; ``None`` without one."""
    allowed = {"A": COGENT_A, "B": COGENT_B}[condition]
    return next((b for b in scene.blocks if b.color not in allowed.get(b.shape, (b.color,))), None)
