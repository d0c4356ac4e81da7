"""scikit-learn's digits: 1,797 grey pictures of 8 x 8 pixels, without a download.

A sample of the UCI set of handwritten digits; pixels are counts 0..16, here divided by 16. 500
pictures, drawn once by a seed, are the test split; the other 1,297 are for training, of which
`held_out` are kept for validation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sensorium.recipe import Split
from sensorium.robustness.datasets.labelled import (
    SEED,
    LabelledSet,
    Pictures,
    check_fields,
    checked,
    held_apart,
)
from sensorium.seeds import generator

TESTED = 500
CLASSES = tuple("0123456789")


@dataclass(frozen=True)
class Digits(LabelledSet):
    """Handwritten digits: ``image`` ``float32 [1, 8, 8]`` in 0..1, ``label`` ``int64 []``.

    Attributes:
        held_out: of the 1,297 training pictures, how many to validate on; 0: none, and validation
            is on what was trained on.
        flip: chance of a mirror image in training; digits are not symmetric.
        shift: largest shift in training, in pixels.
    """

    held_out: int = 97
    flip: float = 0.0
    shift: int = 0

    def __post_init__(self) -> None:
        check_fields(self.flip, self.shift, self.held_out)

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        return "scikit-learn's digits, 8 x 8 pixels, 1,297 of them"

    def pictures(self, split: Split) -> Pictures:
        """The digits of one split."""
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images = torch.from_numpy(bunch.images).float()[:, None] / 16.0  # [N, 8, 8] -> [N, 1, 8, 8]
        labels = torch.from_numpy(bunch.target).long()
        whole = checked(images, labels, CLASSES, "digits")
        order = torch.from_numpy(generator(SEED, "digits").permutation(len(whole)))
        if split == "test":
            return whole.taken(order[:TESTED].sort().values)
        training = whole.taken(order[TESTED:].sort().values)
        return held_apart(training, split, self.held_out, "digits")
