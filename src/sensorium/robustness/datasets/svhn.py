"""SVHN (Netzer et al. 2011), cropped digits: ``{train,test,extra}_32x32.mat``.

MATLAB files of version 5 with ``X`` ``uint8 [32, 32, 3, N]`` and ``y`` ``[N, 1]``, in which the
digit 0 has label 10. The 531,131 easier pictures of ``extra`` are left alone unless asked for, as
in arXiv:1904.08444.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sensorium.recipe import Split
from sensorium.robustness.datasets.labelled import (
    LabelledSet,
    Pictures,
    check_fields,
    checked,
    held_apart,
)
from sensorium.robustness.datasets.matlab5 import read_matrices

CLASSES = tuple("0123456789")


@dataclass(frozen=True)
class Svhn(LabelledSet):
    """House numbers: ``image`` ``uint8 [3, 32, 32]``, ``label`` ``int64 []``.

    Attributes:
        root: folder of the ``.mat`` files.
        extra: whether to train on ``extra_32x32.mat`` too.
        held_out: training pictures to validate on.
        flip: chance of a mirror image in training; digits are not symmetric.
        shift: largest shift in training, in pixels.
    """

    root: Path | None = None
    extra: bool = False
    held_out: int = 6000
    flip: float = 0.0
    shift: int = 0

    def __post_init__(self) -> None:
        check_fields(self.flip, self.shift, self.held_out)

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        return f"SVHN{' with its extra pictures' if self.extra else ''}, 32 x 32 pixels"

    def pictures(self, split: Split) -> Pictures:
        """The pictures of one split.

        Raises:
            ValueError: when files are missing or malformed, in one line.
        """
        if self.root is None:
            raise ValueError(
                "svhn: no data folder; set --data.root (attack: --root) to that of the .mat files"
            )
        root = Path(self.root)
        if split == "test":
            return read_svhn(root / "test_32x32.mat")
        whole = read_svhn(root / "train_32x32.mat")
        if self.extra:
            more = read_svhn(root / "extra_32x32.mat")
            images = torch.cat([whole.images, more.images])
            whole = Pictures(images, torch.cat([whole.labels, more.labels]), CLASSES)
        return held_apart(whole, split, self.held_out, "svhn")


def read_svhn(path: str | Path) -> Pictures:
    """One file of cropped digits.

    Raises:
        ValueError: when it is missing, cut off, or not such a file, in one line.
    """
    path = Path(path)
    found = read_matrices(path, ("X", "y"))
    pixels, numbers = found.get("X"), found.get("y")
    is_bytes = isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8
    if not (isinstance(pixels, np.ndarray) and is_bytes and pixels.shape[:3] == (32, 32, 3)):
        raise ValueError(f"{path}: X is {_said(pixels)}, expected uint8 32 x 32 x 3 x N")
    if not isinstance(numbers, np.ndarray) or numbers.dtype.kind not in "iuf":
        raise ValueError(f"{path}: y is {_said(numbers)}, expected N labels from 1 to 10")
    if not ((numbers >= 0) & (numbers <= 10)).all():
        raise ValueError(f"{path}: labels outside of 1 to 10; is it a file of SVHN's digits?")
    labels = torch.from_numpy(numbers.astype(np.int64).reshape(-1))  # [N, 1] -> [N]
    labels[labels == 10] = 0
    pixels = pixels.reshape(32, 32, 3, -1)  # a single picture comes without its last axis
    # [32, 32, 3, N] -> [N, 3, 32, 32]
    images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)))
    return checked(images, labels, CLASSES, path)


def _said(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return "missing" if value is None else type(value).__name__
    return f"{value.dtype} {' x '.join(map(str, value.shape))}"
