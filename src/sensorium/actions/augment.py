"""Training augmentation of clips: multi-scale crops, label-aware flips, and what cameras do.

Paper: TSM (arXiv:1811.08383) trains as TSN does (arXiv:1608.00859): a crop of one of several
sizes at one of 13 fixed anchors, brought to the network's size, and a horizontal flip. StNet
(arXiv:1811.01549) squashes every picture to 4:3 and crops at random. All frames of a clip are
treated alike.

How ours differs: flips go by class name (`mirror`), so that they are safe for every data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from sensorium import images
from sensorium.actions.degrade import degrade, jitter_colour

Fit = Literal["crop", "squash", "four-thirds"]
_SNAP = 2  # pixels: a crop this near to the network's size takes that size


@dataclass(frozen=True)
class Augmentation:
    """What happens to a training clip.

    Attributes:
        crop: ``multiscale`` (TSN, TSM), ``random`` (StNet: a place of the fitted picture) or
            ``centre``.
        scales: of the multi-scale crop, as parts of the picture's shorter side.
        flip: probability of a horizontal flip, where the class has a name in the mirror.
        colour: strength of brightness, contrast and saturation jitter (the papers use none).
        degrade: probability of each of lost resolution, blur, noise and JPEG (the papers use
            none).
    """

    crop: Literal["multiscale", "random", "centre"] = "multiscale"
    scales: tuple[float, ...] = (1.0, 0.875, 0.75, 0.66)
    flip: float = 0.5
    colour: float = 0.0
    degrade: float = 0.0

    def __post_init__(self) -> None:
        for name in ("flip", "colour", "degrade"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in 0..1, got {getattr(self, name)!r}")
        if not self.scales or not all(0 < s <= 1 for s in self.scales):
            raise ValueError(f"crop scales must lie in 0..1 and not be empty, got {self.scales}")


def fitted_size(height: int, width: int, size: int, fit: Fit) -> tuple[int, int]:
    """The size to which a whole picture is brought before ``size`` x ``size`` are cut from it.

    ``crop``: shorter side ``size * 8/7`` (256 for 224), aspect ratio kept. ``squash``: just
    ``size`` x ``size``. ``four-thirds``: shorter side ``size * 8/7``, the other 4/3 of it
    (StNet).
    """
    if fit == "squash":
        return size, size
    short = size * 8 // 7
    if fit == "crop":
        return images.short_side_size(height, width, short)
    long = int(short * 4 / 3)
    return (long, short) if width <= height else (short, long)


def fit_frames(
    frames: UInt8[Tensor, "T 3 H W"], size: int, fit: Fit = "crop"
) -> UInt8[Tensor, "T 3 S S"]:
    """The view without augmentation: fitted, and the centre cut out."""
    height, width = frames.shape[-2:]
    return images.centre_crop(images.resize(frames, fitted_size(height, width, size, fit)), size)


def crop_sizes(
    height: int, width: int, size: int, scales: Sequence[float], max_distort: int = 1
) -> list[tuple[int, int]]:
    """The (height, width) pairs of the multi-scale crop.

    Each side is a scale of the shorter side, snapped to ``size`` when within 2 pixels; the two
    scales lie at most ``max_distort`` places apart.
    """
    base = min(height, width)
    sides = [int(base * s) for s in scales]
    sides = [size if abs(s - size) <= _SNAP and size <= base else max(1, s) for s in sides]
    return [
        (h, w)
        for i, h in enumerate(sides)
        for j, w in enumerate(sides)
        if abs(i - j) <= max_distort
    ]


def crop_anchors(height: int, width: int, crop: tuple[int, int]) -> list[tuple[int, int]]:
    """The 13 (top, left) places of a crop: corners, centre, middles of edges, quarter points."""
    y, x = (height - crop[0]) // 4, (width - crop[1]) // 4
    corners = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]
    edges = [(2, 0), (2, 4), (4, 2), (0, 2)]
    quarters = [(1, 1), (1, 3), (3, 1), (3, 3)]
    return [(i * y, j * x) for i, j in corners + edges + quarters]


def multiscale_crop(
    frames: UInt8[Tensor, "T 3 H W"],
    size: int,
    scales: Sequence[float],
    rng: np.random.Generator,
    fit: Fit = "crop",
) -> UInt8[Tensor, "T 3 S S"]:
    """One crop of the multi-scale scheme for all frames, resized to ``size`` x ``size``.

    With ``fit="squash"`` the scales are parts of each side, so that the whole picture is one of
    the crops and the aspect ratio is given up in the same way as when testing.
    """
    height, width = frames.shape[-2:]
    base = min(height, width)
    sizes = crop_sizes(height, width, size, scales)
    h, w = sizes[rng.integers(len(sizes))]
    if fit == "squash":
        h, w = round(h * height / base), round(w * width / base)
    anchors = crop_anchors(height, width, (h, w))
    top, left = anchors[rng.integers(len(anchors))]
    return images.resize(images.crop(frames, top, left, h, w), (size, size))


def random_crop(
    frames: UInt8[Tensor, "T 3 H W"], size: int, rng: np.random.Generator, fit: Fit = "crop"
) -> UInt8[Tensor, "T 3 S S"]:
    """Fitted, then ``size`` x ``size`` from a random place."""
    height, width = fitted_size(frames.shape[-2], frames.shape[-1], size, fit)
    top, left = (int(rng.integers(side - size + 1)) for side in (height, width))
    return images.crop(images.resize(frames, (height, width)), top, left, size, size)


@dataclass(frozen=True)
class Augmenter:
    """An `Augmentation` made ready for a list of classes.

    Attributes:
        settings: what to do.
        size: side of the network's input in pixels.
        fit: how whole pictures become square.
        mirror: label of each class in the mirror, ``None``: never flip
            (``mirror.mirror_labels``).
    """

    settings: Augmentation
    size: int
    fit: Fit
    mirror: tuple[int | None, ...]

    def __call__(
        self, frames: UInt8[Tensor, "T 3 H W"], label: int, rng: np.random.Generator
    ) -> tuple[UInt8[Tensor, "T 3 S S"], int]:
        """The augmented frames and their label, which a flip may change."""
        s = self.settings
        if s.crop == "multiscale" and self.fit != "four-thirds":
            frames = multiscale_crop(frames, self.size, s.scales, rng, self.fit)
        elif s.crop == "multiscale":
            height, width = frames.shape[-2:]
            frames = images.resize(frames, fitted_size(height, width, self.size, self.fit))
            frames = multiscale_crop(frames, self.size, s.scales, rng)
        elif s.crop == "random":
            frames = random_crop(frames, self.size, rng, self.fit)
        else:
            frames = fit_frames(frames, self.size, self.fit)
        partner = self.mirror[label]
        if rng.random() < s.flip and partner is not None:
            frames, label = images.flip(frames), partner
        if s.colour:
            frames = jitter_colour(frames, s.colour, rng)
        if s.degrade:
            frames = degrade(frames, s.degrade, rng)
        return frames.contiguous(), label
