"""Finders of landmarks that others have made, each used where it is installed with its model.

Nothing of them comes with this package, because of their terms:

- dlib's ``shape_predictor_68_face_landmarks.dat`` was trained on iBUG 300-W, whose terms exclude
  commercial use; dlib itself is free (Boost).
- MediaPipe's ``face_landmarker.task``: Apache-2.0, code and model.
- face-alignment's code is BSD-3-Clause; it fetches its models by itself at its first use, and they
  were trained on 300W-LP, which is meant for research.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from sensorium.expressions.landmarks import POINTS, LandmarkFinder

FinderName = Literal["dlib", "mediapipe", "face-alignment"]

_MESH = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)
"""Points of MediaPipe's mesh that lie nearest to the 68, as commonly chosen."""


def finder(name: FinderName, model: Path | None = None) -> LandmarkFinder:
    """A finder by name.

    Args:
        name: whose.
        model: its file (dlib, MediaPipe).

    Raises:
        ValueError: when it is not installed or its model is missing, with what to do.
    """
    if name == "dlib":
        return DlibFinder(_model(model, name, "shape_predictor_68_face_landmarks.dat"))
    if name == "mediapipe":
        return MediaPipeFinder(_model(model, name, "face_landmarker.task"))
    return FaceAlignmentFinder()


class DlibFinder:
    """dlib's detector and 68-point predictor."""

    def __init__(self, model: Path) -> None:
        dlib = _module("dlib", "dlib")
        self.detector = dlib.get_frontal_face_detector()
        try:
            self.predictor = dlib.shape_predictor(str(model))
        except RuntimeError as error:
            raise ValueError(f"{model}: not a model of dlib's ({error})") from None

    def find(self, picture: UInt8[Tensor, "3 H W"]) -> Float32[Tensor, "68 2"] | None:
        """Landmarks of the largest face in pixels, or ``None``."""
        pixels = _pixels(picture)
        boxes = self.detector(pixels, 1)
        if not boxes:
            return None
        shape = self.predictor(pixels, max(boxes, key=lambda box: box.area()))
        return torch.tensor([[p.x, p.y] for p in shape.parts()], dtype=torch.float32)


class MediaPipeFinder:
    """MediaPipe's face landmarker, of whose 478 points 68 are taken."""

    def __init__(self, model: Path) -> None:
        self.package = _module("mediapipe", "mediapipe")
        tasks = _module("mediapipe.tasks.python", "mediapipe")
        options = tasks.vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(model))
        )
        try:
            self.landmarker = tasks.vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            said = (str(error).splitlines() or ["?"])[0]
            raise ValueError(f"{model}: not a model of MediaPipe's ({said})") from None

    def find(self, picture: UInt8[Tensor, "3 H W"]) -> Float32[Tensor, "68 2"] | None:
        """Landmarks of the first face in pixels, or ``None``."""
        image = self.package.Image(
            image_format=self.package.ImageFormat.SRGB, data=_pixels(picture)
        )
        faces = self.landmarker.detect(image).face_landmarks
        if not faces:
            return None
        height, width = picture.shape[1:]
        points = [[faces[0][k].x * width, faces[0][k].y * height] for k in _MESH]
        return torch.tensor(points, dtype=torch.float32)


class FaceAlignmentFinder:
    """The face-alignment package's 68 points in two dimensions."""

    def __init__(self) -> None:
        package = _module("face_alignment", "face-alignment")
        kinds = package.LandmarksType
        flat = kinds.TWO_D if hasattr(kinds, "TWO_D") else kinds._2D  # named so before 1.4
        self.aligner = package.FaceAlignment(flat, device="cpu", flip_input=False)

    def find(self, picture: UInt8[Tensor, "3 H W"]) -> Float32[Tensor, "68 2"] | None:
        """Landmarks of the largest face in pixels, or ``None``."""
        faces = self.aligner.get_landmarks_from_image(_pixels(picture))
        if faces is None or not len(faces):
            return None
        largest: Any = max(faces, key=lambda face: float(np.ptp(face, axis=0).prod()))
        points = torch.from_numpy(np.asarray(largest, np.float32))
        assert points.shape == (POINTS, 2)
        return points


def _pixels(picture: UInt8[Tensor, "3 H W"]) -> UInt8[np.ndarray, "H W 3"]:
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


def _model(path: Path | None, name: str, usual: str) -> Path:
    if path is None or not Path(path).is_file():
        got = "none given" if path is None else f"{path}: no such file"
        raise ValueError(
            f"{name} needs its model file, {got}; get {usual} (see docs/formats.md on its terms) "
            "and set --data.landmark-model to it"
        )
    return Path(path)


def _module(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f"{package} is not installed ({error}); install it (pip install {package}), or choose "
            "other landmarks with --data.landmarks"
        ) from None
