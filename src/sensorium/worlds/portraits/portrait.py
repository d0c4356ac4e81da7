"""`draw`: a person, an expression and a pose as a picture, with landmarks and masks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from numpy.typing import NDArray
from torch import Tensor

from sensorium.worlds.portraits import features, hair
from sensorium.worlds.portraits.actions import EXPRESSIONS, actions
from sensorium.worlds.portraits.canvas import Canvas, Pixels, Place, shaded, smooth
from sensorium.worlds.portraits.people import Identity
from sensorium.worlds.portraits.shape import REST, Points, Pose, Shape, shape
from sensorium.worlds.portraits.skin import skin
from sensorium.worlds.portraits.surroundings import NECK, backdrop, shirt

SMALLEST, LARGEST = 16, 1024


@dataclass(frozen=True)
class Face:
    """What to draw.

    Attributes:
        identity: who.
        degrees: 0..1 of each of `EXPRESSIONS`.
        blink: 0 (eyes as the expression has them) to 1 (shut).
        pose: how the head is held.

    Raises:
        ValueError: for degrees that are not seven numbers of 0..1, or a blink outside 0..1.
    """

    identity: Identity
    degrees: tuple[float, ...]
    blink: float = 0.0
    pose: Pose = REST

    def __post_init__(self) -> None:
        if len(self.degrees) != len(EXPRESSIONS):
            raise ValueError(
                f"a face needs {len(EXPRESSIONS)} degrees ({', '.join(EXPRESSIONS)}), "
                f"got {len(self.degrees)}"
            )
        if not all(0.0 <= d <= 1.0 for d in self.degrees):
            raise ValueError(f"each degree must be 0 to 1, got {list(self.degrees)}")
        if not 0.0 <= self.blink <= 1.0:
            raise ValueError(f"blink must be 0 to 1, got {self.blink!r}")


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture of a face and what is where in it.

    Attributes:
        frame: ``uint8 [3, S, S]``.
        landmarks: ``float32 [68, 2]``, x and y in pixels; pixel ``i`` reaches from ``i`` to
            ``i + 1``, so that landmarks divided by ``S`` do not depend on the size.
    """

    frame: UInt8[Tensor, "3 S S"]
    landmarks: Float32[Tensor, "68 2"]
    _lines: Shape
    _place: Place

    @property
    def size(self) -> int:
        """Width and height in pixels."""
        return int(self.frame.shape[-1])

    def mouth_mask(self, dilate: float = 0.25) -> Bool[Tensor, "S S"]:
        """The hull of the outer lips, enlarged by a share about its middle."""
        return self._hull(self._lines.landmarks[48:60], dilate)

    def eyes_mask(self, dilate: float = 0.25) -> Bool[Tensor, "S S"]:
        """The hulls of both eyes, each enlarged about its middle."""
        eyes = (self._lines.landmarks[36:42], self._lines.landmarks[42:48])
        return self._hull(eyes[0], dilate) | self._hull(eyes[1], dilate)

    def face_mask(self) -> Bool[Tensor, "S S"]:
        """The face with the forehead, as far as the skull goes."""
        return self._filled(self._lines.outline)

    def _hull(self, points: Points, dilate: float) -> Bool[Tensor, "S S"]:
        if not dilate >= 0.0:
            raise ValueError(f"dilate must be 0 or more, got {dilate!r}")
        middle = 0.5 * (points.min(0) + points.max(0))
        hull = cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
        return self._filled(middle + (hull - middle) * (1.0 + dilate))

    def _filled(self, points: Points) -> Bool[Tensor, "S S"]:
        canvas = Canvas(np.zeros((self.size, self.size), np.uint8), self._place)
        cv2.fillPoly(canvas.pixels, [canvas.fixed(points)], 1, cv2.LINE_8, 4)
        return torch.from_numpy(canvas.pixels).bool()


def draw(face: Face, size: int = 128) -> Portrait:
    """Draws a face.

    Args:
        face: who, with which expression, how held.
        size: width and height in pixels; 64 to 256 is what the strokes are made for.

    Raises:
        ValueError: for a size that is not 16 to 1024.
    """
    if not SMALLEST <= size <= LARGEST:
        raise ValueError(f"size must be {SMALLEST} to {LARGEST} pixels, got {size!r}")
    who, place = face.identity, Place.of(face.pose)
    does = actions(face.degrees, who.style, who.gain, who.smirk_left)
    lines = shape(who, does, face.blink)
    canvas = Canvas(backdrop(who, 2 * size).copy(), place)
    hair.behind(canvas, who)
    _head(canvas, who, skin(who, does, lines, place, canvas.size), lines)
    at = lines.landmarks
    hair.beard(canvas, who, lines)
    features.nose(canvas, who, does, at)
    features.mouth(canvas, who, does, lines.lips)
    features.eyes(canvas, who, does, at, face.blink)
    features.brows(canvas, who, at)
    hair.above(canvas, who)
    hair.glasses(canvas, who)
    shirt(canvas, who)
    small = cv2.resize(canvas.pixels, (size, size), interpolation=cv2.INTER_AREA)
    small = cv2.LUT(small, _exposure(who.setting.gain, who.setting.warmth))
    frame = torch.from_numpy(np.ascontiguousarray(small.transpose(2, 0, 1)))  # [H,W,3] -> [3,H,W]
    landmarks = torch.from_numpy(np.round(place(at, size), 3).astype(np.float32))
    return Portrait(frame, landmarks, lines, place)


def _head(canvas: Canvas, who: Identity, flesh: Pixels, lines: Shape) -> None:
    """Neck, ears and face in shaded skin."""
    mask: NDArray[np.uint8] = np.zeros((canvas.size, canvas.size), np.uint8)
    stencil = Canvas(mask, canvas.place)
    ears = [(side * who.proportions.width * 1.01, 0.005) for side in (-1, 1)]
    for x, y in ears:
        stencil.oval(x, y, 0.036, 0.072, 255)  # type: ignore[arg-type]
    stencil.fill(NECK, 255)  # type: ignore[arg-type]
    stencil.fill(lines.outline, 255)  # type: ignore[arg-type]
    cv2.copyTo(flesh, mask, canvas.pixels)
    dark = shaded(who.skin, 0.55)
    for x, y in ears:
        side = 1.0 if x > 0 else -1.0
        fold = np.array([(0.018, -0.05), (0.03, -0.02), (0.022, 0.03), (0.008, 0.05)])
        canvas.stroke(smooth(fold * (side, 1.0) + (x, y), 3), 0.008, dark)


@lru_cache(maxsize=256)
def _exposure(gain: float, warmth: float) -> Pixels:
    tone = np.arange(256)[:, None] * np.array([1 + 0.05 * warmth, 1.0, 1 - 0.07 * warmth]) * gain
    table: Pixels = np.clip(np.rint(tone), 0, 255).astype(np.uint8)[None]
    return table
