"""Where the face is in a picture, upright and at the size that a system was trained with.

`FaceFinder` is what a detector must answer; `YuNet` is one, through OpenCV, where its model file is
present (this package brings none: see `model_file`). A face is brought to the place that faces have
in the portraits by a similarity that puts the eyes where they are there; frames made of it can be
put back into the whole picture. The paper neither finds nor aligns faces.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from jaxtyping import Float32, Float64, UInt8
from torch import Tensor

from sensorium import images

MODEL_VARIABLE = "SENSORIUM_FACE_MODEL"
"""The environment variable that names YuNet's model file."""

MODEL_PAGE = "https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet"

EYES = ((0.37, 0.45), (0.63, 0.45))
"""Where the middles of the eyes are in a portrait: (x, y) of the left and right one, 0..1."""

WIDEST = 1024
"""Pixels of the longer side in which faces are looked for at most."""


@dataclass(frozen=True)
class FoundFace:
    """A face in a picture, in its pixels.

    Attributes:
        box: x0, y0, x1, y1.
        eyes: (x, y) of the eye on the left of the picture and of the one on the right.
        score: how sure the finder is, 0..1.
    """

    box: tuple[float, float, float, float]
    eyes: tuple[tuple[float, float], tuple[float, float]]
    score: float

    @property
    def area(self) -> float:
        """Of the box, in pixels."""
        x0, y0, x1, y1 = self.box
        return max(0.0, x1 - x0) * max(0.0, y1 - y0)


class FaceFinder(Protocol):
    """What finds faces."""

    def find(self, picture: UInt8[Tensor, "3 H W"]) -> list[FoundFace]:
        """All faces, in any order."""


class YuNet:
    """OpenCV's face detector, from its ONNX file.

    Args:
        path: such as ``face_detection_yunet_2023mar.onnx``.
        least: how sure it must be, 0..1.

    Raises:
        ValueError: when the file is not such a model.
    """

    def __init__(self, path: str | Path, least: float = 0.6) -> None:
        if not Path(path).is_file():
            raise ValueError(
                f"{path}: no such face model; get YuNet's .onnx file from {MODEL_PAGE}"
            )
        loud = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self.network = cv2.FaceDetectorYN.create(str(path), "", (320, 320), least)
        except cv2.error as error:
            raise ValueError(
                f"{path}: not a model that OpenCV can load; get YuNet's .onnx from {MODEL_PAGE}"
            ) from error
        finally:
            cv2.utils.logging.setLogLevel(loud)
        self.path = Path(path)

    def find(self, picture: UInt8[Tensor, "3 H W"]) -> list[FoundFace]:
        """All faces, in any order.

        Raises:
            ValueError: when the model gives something else than YuNet does.
        """
        pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy()[..., ::-1])
        shrink = min(1.0, WIDEST / max(pixels.shape[:2]))
        if shrink < 1:
            pixels = cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        try:
            self.network.setInputSize((pixels.shape[1], pixels.shape[0]))
            _, rows = self.network.detect(pixels)
        except cv2.error as error:
            raise ValueError(f"{self.path}: this model does not answer as YuNet does") from error
        return [
            _face(row.astype(float) / shrink, float(row[14]))
            for row in ([] if rows is None else rows)
        ]


def _face(row: Float64[np.ndarray, "15"], score: float) -> FoundFace:
    """One of YuNet's rows: x, y, width, height, the person's right eye, left eye, ..."""
    x, y, width, height = (float(v) for v in row[:4])
    eyes = sorted([(float(row[4]), float(row[5])), (float(row[6]), float(row[7]))])
    return FoundFace((x, y, x + width, y + height), (eyes[0], eyes[1]), min(max(score, 0.0), 1.0))


def model_file(given: str | Path | None = None) -> Path | None:
    """YuNet's file: the one given, else the one that `MODEL_VARIABLE` names, else ``None``."""
    named = given or os.environ.get(MODEL_VARIABLE)
    return Path(named).expanduser() if named else None


def choose(
    faces: Sequence[FoundFace], height: int, width: int, number: int | None = None
) -> FoundFace:
    """One face of several: a large one near the middle, or the asked-for one from the left.

    Args:
        faces: what was found.
        height: of the picture, in pixels.
        width: likewise.
        number: from 1, counted from left to right.

    Raises:
        ValueError: when there is none, or not so many.
    """
    if not faces:
        raise ValueError(
            "no face is found in the picture; give one that shows a face from the front, or take "
            "the whole picture as the face (--face whole)"
        )
    ordered = sorted(faces, key=lambda face: face.box[0])
    if number is not None:
        if not 1 <= number <= len(ordered):
            raise ValueError(f"no face {number}: {len(ordered)} found, counted from the left")
        return ordered[number - 1]
    middle = np.array([width / 2, height / 2])

    def weight(face: FoundFace) -> float:
        x0, y0, x1, y1 = face.box
        away = np.linalg.norm(np.array([(x0 + x1) / 2, (y0 + y1) / 2]) - middle)
        return face.area * (1.0 - 0.5 * float(away) / float(np.linalg.norm(middle)))

    return max(ordered, key=weight)


@dataclass(frozen=True)
class Crop:
    """A face cut out upright.

    Attributes:
        picture: the face.
        matrix: takes a point (x, y, 1) of the whole picture to its place in ``picture``.

    Shape:
        ``picture``: ``uint8 [3, S, S]``; ``matrix``: ``[2, 3]``.
    """

    picture: UInt8[Tensor, "3 S S"]
    matrix: Float64[np.ndarray, "2 3"]


def align(picture: UInt8[Tensor, "3 H W"], face: FoundFace, size: int) -> Crop:
    """The face at the size of a system, eyes level and where portraits have them.

    Beyond the picture its edge is repeated.

    Raises:
        ValueError: when both eyes are at one place.
    """
    (ax, ay), (bx, by) = face.eyes
    (px, py), (qx, qy) = ((size * x, size * y) for x, y in EYES)
    # A similarity is a complex number: from the vector between the eyes to the wanted one.
    here, there = complex(bx - ax, by - ay), complex(qx - px, qy - py)
    if abs(here) < 1e-6:
        raise ValueError("a face has its two eyes at one place; nothing can be aligned by them")
    turn = there / here
    a, b = turn.real, turn.imag
    matrix = np.array([[a, -b, px - a * ax + b * ay], [b, a, py - b * ax - a * ay]])
    pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
    over = max(1, int(1 / abs(turn)))  # what shrinks is first averaged
    if over > 1:
        rows, columns = pixels.shape[:2]
        pixels = cv2.resize(
            pixels, (max(1, columns // over), max(1, rows // over)), interpolation=cv2.INTER_AREA
        )
    scale = np.diag([picture.shape[2] / pixels.shape[1], picture.shape[1] / pixels.shape[0], 1.0])
    cut = cv2.warpAffine(
        pixels,
        (matrix @ scale),
        (size, size),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Crop(torch.from_numpy(np.ascontiguousarray(cut.transpose(2, 0, 1))), matrix)


def middle(picture: UInt8[Tensor, "3 H W"], size: int) -> Crop:
    """The largest square in the middle, as if it were the face; for pictures without a finder."""
    height, width = picture.shape[1:]
    side = min(height, width)
    square = picture[:, (height - side) // 2 :, (width - side) // 2 :][:, :side, :side]
    scale = size / side
    left, top = (width - side) // 2, (height - side) // 2
    matrix = np.array([[scale, 0.0, -scale * left], [0.0, scale, -scale * top]])
    return Crop(images.resize(square, (size, size)), matrix)


def paste(
    picture: UInt8[Tensor, "3 H W"], frames: UInt8[Tensor, "T 3 S S"], crop: Crop
) -> UInt8[Tensor, "T 3 H W"]:
    """The whole picture with the made faces in the place of the old one, softly at the edges."""
    height, width = picture.shape[1:]
    size = frames.shape[2]
    whole = np.ascontiguousarray(picture.permute(1, 2, 0).numpy()).astype(np.float32)
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    inside = np.clip((1 - np.abs(axis)) / 0.25, 0, 1).astype(np.float32)
    matrix = crop.matrix
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    soft = cv2.warpAffine(
        np.outer(inside, inside),
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )[..., None]
    out = torch.empty(len(frames), 3, height, width, dtype=torch.uint8)
    for t, frame in enumerate(frames):
        face = np.ascontiguousarray(frame.permute(1, 2, 0).numpy()).astype(np.float32)
        back = cv2.warpAffine(face, matrix, (width, height), flags=how)
        mixed: Float32[np.ndarray, "H W 3"] = whole + soft * (back - whole)
        out[t] = torch.from_numpy(
            np.clip(np.rint(mixed), 0, 255).astype(np.uint8).transpose(2, 0, 1)
        )
    return out
