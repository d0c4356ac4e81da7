"""How a recorded face is seen: where its peak is, which part of the frames, in which colours.

The camera of these sets stands still, and what moves is to be learnt: so one window, chosen by the
neutral frame, serves for all frames of a clip. By default it puts the eyes where drawn portraits
have them, as `faces.align` does with a picture that is to be animated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float32, Float64, UInt8
from torch import Tensor

from sensorium import images
from sensorium.expressions.datasets.recordings import Recording, in_order
from sensorium.expressions.faces import Crop, FaceFinder, FoundFace, align, choose

Framing = Literal["eyes", "found", "middle"]
Box = tuple[float, float, float, float]

BLANKS: dict[str, Box] = {"ck-plus": (0.0, 0.88, 0.4, 1.0)}
"""What is painted over by default: left, top, right and bottom as shares of the frame.

CK+'s frames have a running time code at the lower left, which a network would learn to animate.
"""

_PAINT = 128
_LEFT_EYE, _RIGHT_EYE = slice(36, 42), slice(42, 48)
_SMALL = 64


@dataclass(frozen=True)
class Look:
    """How frames are seen.

    Attributes:
        side: of the square that is kept, in pixels.
        framing: ``eyes``: by the landmarks of the eyes; ``found``: by those that a face finder
            gives; ``middle``: the middle square.
        grey: whether colours are taken away.
        blank: what is painted over in every frame, as shares; ``None``: nothing.
    """

    side: int
    framing: Framing = "eyes"
    grey: bool = False
    blank: Box | None = None

    def picture(self, frame: UInt8[Tensor, "3 H W"]) -> UInt8[Tensor, "3 H W"]:
        """A stored frame, painted over and without colours where asked for."""
        out = frame.clone()
        if self.blank is not None:
            height, width = frame.shape[1:]
            left, top, right, bottom = self.blank
            rows = slice(int(top * height), round(bottom * height))
            out[:, rows, int(left * width) : round(right * width)] = _PAINT
        if self.grey:
            weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
            luma = (out.float() * weights).sum(0).round_().to(torch.uint8)
            out = luma.expand(3, -1, -1).contiguous()
        return out

    def crop(self, frame: UInt8[Tensor, "3 H W"], face: FoundFace | None) -> Crop:
        """The square of a frame (see `picture`) around a face; without one the middle."""
        if face is not None:
            return align(frame, face, self.side)
        height, width = frame.shape[1:]
        short = min(height, width)
        top, left = (height - short) // 2, (width - short) // 2
        square = images.crop(frame, top, left, short, short)
        scale = self.side / short
        matrix = np.array([[scale, 0.0, -left * scale], [0.0, scale, -top * scale]])
        return Crop(images.resize(square, (self.side, self.side)), matrix)


def eyes_of(landmarks: Float32[Tensor, "68 2"], where: str) -> FoundFace:
    """A face by its landmarks.

    Raises:
        ValueError: when both eyes are at one place.
    """
    left, right = (landmarks[part].mean(0).tolist() for part in (_LEFT_EYE, _RIGHT_EYE))
    if abs(right[0] - left[0]) + abs(right[1] - left[1]) < 1:
        raise ValueError(f"{where}: both eyes are at one place; are its landmarks good?")
    (x0, y0), (x1, y1) = landmarks.amin(0).tolist(), landmarks.amax(0).tolist()
    eyes = sorted([(left[0], left[1]), (right[0], right[1])])
    return FoundFace((x0, y0, x1, y1), (eyes[0], eyes[1]), 1.0)


def face_in(frame: UInt8[Tensor, "3 H W"], finder: FaceFinder, where: str) -> FoundFace:
    """The face of a frame.

    Raises:
        ValueError: when none is found.
    """
    faces = finder.find(frame)
    if not faces:
        raise ValueError(f"{where}: no face is found in its neutral frame; leave it out")
    return choose(faces, frame.shape[1], frame.shape[2])


def moved(points: Float32[Tensor, "68 2"], matrix: Float64[np.ndarray, "2 3"], side: int) -> Tensor:
    """Landmarks of a stored frame in its square.

    Shape:
        ``[68, 2]`` in pixels to ``[68, 2]`` in 0..1.
    """
    turned = points.double().numpy() @ matrix[:, :2].T + matrix[:, 2]
    return torch.from_numpy(turned / side).float()


def strongest(
    recording: Recording, look: Look, points: Float32[Tensor, "T 68 2"] | None, count: int
) -> int:
    """The frame in which the face is farthest from its neutral frame.

    By landmarks, whose common shift does not count, where there are some; else by the mean
    difference of small grey pictures. Single frames do not decide: distances are averaged over
    three.

    Raises:
        ValueError: when nothing changes, or there is no frame after the neutral one.
    """
    first = recording.neutral
    if count - first < 2:
        raise ValueError(f"{recording.where}: {count} frames, of which {first} is neutral")
    if points is not None:
        still = points - points.mean(1, keepdim=True)
        away = (still - still[first]).norm(dim=-1).mean(-1).numpy()  # [T, 68, 2] -> [T]
    else:
        seen = [_small(frame, look) for frame in in_order(recording)]
        away = np.array([float((one - seen[first]).abs().mean()) for one in seen])
    padded = np.concatenate([away[:1], away, away[-1:]])
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    best = first + 1 + int(smooth[first + 1 :].argmax())
    if not smooth[best] > 0:
        raise ValueError(f"{recording.where}: nothing changes in its {count} frames")
    return best


def _small(frame: UInt8[Tensor, "3 H W"], look: Look) -> Float32[Tensor, "S S"]:
    square = look.crop(look.picture(frame), None).picture
    return images.resize(square, (_SMALL, _SMALL)).float().mean(0)
