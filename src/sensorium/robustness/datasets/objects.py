"""The procedural objects (`sensorium.worlds.objects`) as labelled pictures, drawn when opened."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sensorium.recipe import Split
from sensorium.robustness.datasets.labelled import LabelledSet, Pictures, check_fields
from sensorium.worlds.objects import Cue, Objects, classes, draw, split_seeds


@dataclass(frozen=True)
class ObjectsData(LabelledSet):
    """Objects: ``image`` ``uint8 [3, size, size]``, ``label`` ``int64 []``.

    Attributes:
        cue: what tells the class: shape (the texture is drawn independently), texture, both
            (they agree) or conflict (the shape, and the texture is another class's).
        size: height and width in pixels.
        length: training pictures.
        held_out: pictures of the validation split, and of the test split.
        flip: chance of a mirror image in training.
        shift: largest shift in training, in pixels.
    """

    cue: Cue = "shape"
    size: int = 32
    length: int = 16_000
    held_out: int = 1000
    flip: float = 0.5
    shift: int = 0

    def __post_init__(self) -> None:
        classes(self.cue)
        check_fields(self.flip, self.shift, self.held_out)
        if self.length < 1 or self.held_out < 1:
            raise ValueError(
                f"objects: length and held_out must be 1 or more, got {self.length} and "
                f"{self.held_out}"
            )

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        return f"procedural objects, {self.size} x {self.size} pixels, {self.length:,} of them"

    def objects(self, split: Split) -> Objects:
        """The pictures of one split with their masks and concepts."""
        count = self.length if split == "train" else self.held_out
        return draw(split_seeds(split, count), self.cue, self.size)

    def pictures(self, split: Split) -> Pictures:
        """The pictures of one split."""
        drawn = self.objects(split)
        labels = torch.from_numpy(drawn.label)
        return Pictures(torch.from_numpy(drawn.pixels), labels, classes(self.cue))
