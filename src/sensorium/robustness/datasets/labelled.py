"""Labelled pictures in memory, as training examples and as data to attack.

Each data set is a frozen dataclass that says how to read its `Pictures`; `LabelledSet` makes the
rest of them: examples with the usual augmentation (a mirror image, and a shift by a few pixels over
a mirrored border, as Wide ResNets are trained with), and all pictures of a split at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from sensorium.recipe import Split
from sensorium.robustness.classifier import LabelledData
from sensorium.seeds import generator

SEED = 0
"""Of the pictures that are held out for validation: the same for every run."""


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures.

    Attributes:
        images: ``uint8`` 0..255 or ``float32`` 0..1.
        labels: index of each one's class.
        classes: names in the order of the labels.

    Shape:
        ``images``: ``[N, C, H, W]``; ``labels``: ``int64 [N]``.
    """

    images: Tensor
    labels: Int64[Tensor, "N"]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def taken(self, which: Sequence[int] | Int64[Tensor, "M"]) -> Pictures:
        """Some of them."""
        index = torch.as_tensor(which, dtype=torch.int64)
        return Pictures(self.images[index], self.labels[index], self.classes)

    def labelled(self) -> LabelledData:
        """As `float32` 0..1, to attack."""
        full = 255.0 if self.images.dtype == torch.uint8 else 1.0
        return LabelledData(self.images.float() / full, self.labels, self.classes)


class PictureExamples:
    """Pictures as examples: ``image`` ``[C, H, W]`` (as the data have it), ``label`` ``int64 []``.

    Args:
        pictures: all of the split.
        flip: chance of a mirror image.
        shift: largest shift in pixels, up, down, left and right.
    """

    def __init__(self, pictures: Pictures, flip: float = 0.0, shift: int = 0) -> None:
        self.pictures, self.flip, self.shift = pictures, flip, shift

    def __len__(self) -> int:
        return len(self.pictures)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Example ``index``; ``seed`` drives the mirror and the shift."""
        image = self.pictures.images[index]
        rng = generator(seed, "view", index)
        if self.flip and rng.random() < self.flip:
            image = image.flip(-1)
        if self.shift:
            down, right = (int(n) for n in rng.integers(-self.shift, self.shift + 1, 2))
            image = shifted(image, down, right)
        return {"image": image.clone(), "label": self.pictures.labels[index].clone()}


class LabelledSet(ABC):
    """What every data set here can do, from its pictures.

    Subclasses are frozen dataclasses with the fields ``flip`` (chance of a mirror image in
    training) and ``shift`` (largest shift in training, in pixels).
    """

    flip: float
    shift: int

    @abstractmethod
    def pictures(self, split: Split) -> Pictures:
        """The pictures of one split, unchanged.

        Raises:
            ValueError: when the data are missing or malformed, with what to do.
        """

    def open(self, split: Split) -> PictureExamples:
        """The examples of one split; those of ``train`` are augmented.

        Raises:
            ValueError: when the data are missing or malformed, with what to do.
        """
        pictures = self.pictures(split)
        if split != "train":
            return PictureExamples(pictures)
        side = min(pictures.images.shape[-2:])
        if self.shift >= side:
            raise ValueError(
                f"data: a shift by {self.shift} pixels leaves nothing of pictures of {side}; "
                "set --data.shift lower"
            )
        return PictureExamples(pictures, self.flip, self.shift)

    def all(self, split: Split) -> LabelledData:
        """Every picture of one split as ``float32`` 0..1, to attack.

        Raises:
            ValueError: when the data are missing or malformed, with what to do.
        """
        return self.pictures(split).labelled()

    def adapt(self, config: Any) -> Any:
        """The system's config with these classes, and this number of channels and pixels."""
        pictures = self.pictures("test")
        channels, side = pictures.images.shape[1], pictures.images.shape[-1]
        return fitted(config, classes=pictures.classes, in_channels=channels, size=side)


def fitted(config: Any, **known: Any) -> Any:
    """``config`` with those of the given fields that it has."""
    assert is_dataclass(config)
    assert not isinstance(config, type)
    names = {field.name for field in fields(config)}
    return replace(config, **{k: v for k, v in known.items() if k in names})


def shifted(image: Tensor, down: int, right: int) -> Tensor:
    """Moved by whole pixels; what comes in is the picture mirrored at its border.

    Shape:
        ``[..., H, W] -> [..., H, W]``, ``|down| < H`` and ``|right| < W``.
    """
    rows = _mirrored(torch.arange(image.shape[-2]) - down, image.shape[-2])
    columns = _mirrored(torch.arange(image.shape[-1]) - right, image.shape[-1])
    return image[..., rows, :][..., columns]


def _mirrored(index: Int64[Tensor, "N"], count: int) -> Int64[Tensor, "N"]:
    return (count - 1) - ((count - 1) - index.abs()).abs()


def held_apart(pictures: Pictures, split: Split, held_out: int, name: str) -> Pictures:
    """The part of published training pictures that is ``train`` or ``val`` here.

    Which pictures are held out depends on nothing but how many there are.

    Args:
        pictures: the published training pictures.
        split: ``train`` or ``val``.
        held_out: how many to validate on; 0: none, and ``val`` is ``train``.
        name: of the data set, for the error.

    Raises:
        ValueError: when nothing would be left to train on.
    """
    count = len(pictures)
    if not 0 <= held_out < count:
        raise ValueError(
            f"{name}: {count} training pictures, of which {held_out} are to be held out; set "
            "--data.held-out lower"
        )
    if not held_out:
        return pictures
    order = generator(SEED, "held out", count).permutation(count)
    chosen = order[:held_out] if split == "val" else order[held_out:]
    return pictures.taken(torch.from_numpy(chosen).sort().values)


def checked(
    images: Tensor, labels: Int64[Tensor, "N"], classes: tuple[str, ...], where: Path | str
) -> Pictures:
    """Pictures whose labels fit their number and their classes.

    Raises:
        ValueError: when they do not, or there are none.
    """
    if len(images) == 0 or len(images) != len(labels):
        raise ValueError(
            f"{where}: {len(images)} pictures and {len(labels)} labels; is the file whole?"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= len(classes):
        raise ValueError(
            f"{where}: labels from {low} to {high}, expected 0 to {len(classes) - 1} "
            f"({len(classes)} classes)"
        )
    return Pictures(images, labels, classes)


def check_fields(flip: float, shift: int, held_out: int) -> None:
    """The fields that these data sets share.

    Raises:
        ValueError: when one is out of its range.
    """
    if not 0 <= flip <= 1:
        raise ValueError(f"data: flip is a chance from 0 to 1, got {flip!r}")
    for name, value in (("shift", shift), ("held_out", held_out)):
        if value < 0:
            raise ValueError(f"data: {name} must be 0 or more, got {value!r}")
