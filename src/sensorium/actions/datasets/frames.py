"""A folder of extracted frames as a `Video`: by the published file names, and strict.

`sensorium.media` also reads folders of frames, any of them, and lets the nearest good picture
stand in for a broken one, which is right for looking at a file and wrong for training: here a frame
that is missing, broken or of another size is an error that names it. OpenCV decodes the pictures,
which for JPEG is faster than FFmpeg.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium.actions.datasets.shelf import PICTURE_SUFFIXES
from sensorium.types import Span, Video

_PLACE = re.compile(r"\{:0?(\d*)d\}")


def frame_files(folder: Path, template: str = "", count: int = 0) -> list[Path]:
    """The frames of a folder in order.

    Args:
        folder: of pictures.
        template: such as ``img_{:05d}.jpg``; "" takes every picture, in the order of the last
            number in its name.
        count: with a template, take frames 1 to ``count`` without looking into the folder.

    Raises:
        MediaError: when there are none.
    """
    from sensorium.media import MediaError

    if template and count:
        return [folder / template.format(k + 1) for k in range(count)]
    names = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
    if template:
        start, end = _PLACE.split(template)[0], _PLACE.split(template)[-1]
        pattern = re.compile(re.escape(start) + r"(\d+)" + re.escape(end))
        fitting = [n for n in names if pattern.fullmatch(n)]
    else:
        pattern, fitting = re.compile(r".*?(\d+)\D*"), names
    if not fitting:
        seen = f"found {names[0]}" if names else "found no pictures at all"
        wanted = f"frames named {template}" if template else "numbered pictures"
        raise MediaError(f"{folder}: expected {wanted}, {seen}; set --data.template")
    matches = [(pattern.fullmatch(n), n) for n in fitting]
    return [folder / n for _, n in sorted((int(m[1]) if m else 0, n) for m, n in matches)]


class FrameFolder(Video):
    """Frames that lie as pictures in a folder.

    Args:
        files: the pictures in order.
        fps: the rate at which they were taken, in hertz.

    Raises:
        MediaError: when the first picture cannot be read.
    """

    def __init__(self, files: Sequence[Path], fps: float) -> None:
        self.files = files
        self.fps = float(fps)
        self.span = Span(0.0, len(files) / fps)
        self._first = _read(files[0])
        self.height, self.width = self._first.shape[:2]

    @property
    def problems(self) -> tuple[str, ...]:
        """The pictures that are not there."""
        return tuple(f"{file.name} is missing" for file in self.files if not file.exists())

    def frames(self, times: Sequence[float]) -> UInt8[Tensor, "T 3 H W"]:
        """The frame on display at each time.

        Raises:
            MediaError: naming a picture that is missing, unreadable or of another size.
        """
        last = len(self.files) - 1
        index = [min(max(int(t * self.fps + 1e-6), 0), last) for t in times]
        wanted = sorted(set(index))
        pictures = {k: self._first if k == 0 else _read(self.files[k]) for k in wanted}
        for k, picture in pictures.items():
            if picture.shape != self._first.shape:
                from sensorium.media import MediaError

                raise MediaError(
                    f"{self.files[k]}: {picture.shape[1]} x {picture.shape[0]} pixels among "
                    f"frames of {self.width} x {self.height}"
                )
        stacked = np.stack([pictures[k] for k in index])
        return torch.from_numpy(stacked).permute(0, 3, 1, 2)  # [T, H, W, 3] -> [T, 3, H, W]


def _read(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """RGB, ``[H, W, 3]``."""
    import cv2

    from sensorium.media import MediaError

    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror}") from None
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if len(data) else None
    if picture is None:
        raise MediaError(f"{path}: not a picture that can be read")
    return np.asarray(picture, dtype=np.uint8)
