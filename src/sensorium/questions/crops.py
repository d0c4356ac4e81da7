"""What the attribute network is shown of a block: picture and mask around it, and where that is.

The published network sees the whole picture on a canvas of 224 x 224 (`CropView.whole`); ours a
square around the block from the full picture. Training data and `SceneParser` cut in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy.typing import NDArray

PLACE = 8
"""How many numbers say where a block is: middle x, y; box x0, y0, x1, y1; crop's side; tallness."""


@dataclass(frozen=True)
class CropView:
    """How a block is cut out.

    Attributes:
        height: of what the network sees, in pixels.
        width: the same.
        zoom: side of the square, in longer sides of the block's box.
        soft: how far the mask of a square is blurred (standard deviation, in shares of side), so
            that the outline is seen in the picture and not in what a finder made of it.
        whole: the whole picture instead of a square around the block (as published, 149 x 224).
    """

    height: int = 64
    width: int = 64
    zoom: float = 1.4
    soft: float = 0.06
    whole: bool = False


@dataclass(frozen=True)
class Outline:
    """A block in a picture.

    Attributes:
        centre: x and y of its middle, in pixels of the picture.
        box: x0, y0, x1, y1 of what is visible of it.
        mask: of what is visible of it.
    """

    centre: tuple[float, float]
    box: tuple[float, float, float, float]
    mask: Bool[np.ndarray, "H W"]


@dataclass(frozen=True)
class Crop:
    """What the attribute network is shown.

    Shape:
        ``pixels``: ``uint8 [h, w, 3]`` RGB. ``mask``: ``uint8 [h, w]``, 255 where the block is.
        ``place``: ``float32 [8]``, see `PLACE`; -1..1 across the picture's width.
    """

    pixels: UInt8[np.ndarray, "h w 3"]
    mask: UInt8[np.ndarray, "h w"]
    place: Float32[np.ndarray, "8"]


def cut(picture: UInt8[np.ndarray, "H W 3"], outline: Outline, view: CropView) -> Crop:
    """The block of ``outline`` as the network sees it; outside the picture the edge goes on."""
    height, width = picture.shape[:2]
    place = _place(outline, height, width, view)
    mask = outline.mask.astype(np.uint8) * np.uint8(255)
    if view.whole:
        size = (view.width, view.height)
        pixels = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
        return Crop(pixels, cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), place)
    x0, y0, x1, y1 = outline.box
    side = max(8, round(view.zoom * max(x1 - x0, y1 - y0)))
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    pixels = _resized(_window(picture, left, top, side, cv2.BORDER_REPLICATE), view)
    mask = _resized(_window(mask, left, top, side, cv2.BORDER_CONSTANT), view)
    if view.soft > 0:
        mask = cv2.GaussianBlur(mask, (0, 0), view.soft * view.width)
    return Crop(pixels, mask, place)


def stacked(
    crops: Sequence[Crop],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """``[N, 3, h, w]``, ``[N, h, w]`` and ``[N, 8]`` of at least one crop."""
    pixels = np.stack([c.pixels for c in crops]).transpose(0, 3, 1, 2)  # [N,h,w,3] -> [N,3,h,w]
    masks, places = np.stack([c.mask for c in crops]), np.stack([c.place for c in crops])
    return np.ascontiguousarray(pixels), masks, places


def _place(outline: Outline, height: int, width: int, view: CropView) -> NDArray[np.float32]:
    """Where the block is, in a picture of 3:2 around this one, so that any aspect is the same."""
    unit = max(width, 1.5 * height) / 2
    middle = np.array([width / 2, height / 2])
    points = np.array([outline.centre, outline.box[:2], outline.box[2:]], np.float64)
    spots = ((points - middle) / unit).ravel()
    sides = (spots[4:] - spots[2:4]).clip(1e-3)
    extra = [sides.max() * view.zoom, np.log(sides[1] / sides[0]).clip(-2, 2)]
    return np.concatenate([spots, extra]).astype(np.float32)


def _window(
    plane: NDArray[np.uint8], left: int, top: int, side: int, border: int
) -> NDArray[np.uint8]:
    """A square that may reach beyond the plane."""
    height, width = plane.shape[:2]
    x0, y0 = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    x1, y1 = max(min(left + side, width), x0 + 1), max(min(top + side, height), y0 + 1)
    inner = plane[y0:y1, x0:x1]
    missing = (
        max(0, y0 - top),
        max(0, top + side - y1),
        max(0, x0 - left),
        max(0, left + side - x1),
    )
    if not any(missing):
        return inner
    out: NDArray[np.uint8] = cv2.copyMakeBorder(inner, *missing, border)
    return out


def _resized(plane: NDArray[np.uint8], view: CropView) -> NDArray[np.uint8]:
    """In the network's size, averaged when it shrinks."""
    how = cv2.INTER_AREA if plane.shape[0] > view.height else cv2.INTER_LINEAR
    out: NDArray[np.uint8] = cv2.resize(plane, (view.width, view.height), interpolation=how)
    return out
