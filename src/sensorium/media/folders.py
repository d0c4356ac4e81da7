"""A folder of numbered frames (``00001.jpg``, ``img_00001.jpg`` ...) as a `Video`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from math import floor
from pathlib import Path

import av
import torch
from av.video.frame import VideoFrame
from jaxtyping import UInt8
from torch import Tensor

from sensorium.media.errors import MediaError, Problems
from sensorium.media.opening import MAX_PIXELS, reason
from sensorium.media.pixels import turn_of, write_picture
from sensorium.media.video import Rows, frames_at
from sensorium.types import Span, Video

DEFAULT_FPS = 25.0
CODECS = {
    ".jpg": "mjpeg",
    ".jpeg": "mjpeg",
    ".png": "png",
    ".bmp": "bmp",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
}
_PICTURES = (
    "",
    "img",
    "image",
    "frame",
    "rgb",
)  # preferred names where a folder holds several sequences
_NUMBERED = re.compile(r"(?P<name>.*?)(?P<number>\d+)")


class FolderVideo(Video):
    """Numbered pictures, sorted by number and shown at a steady rate; each is read when asked for.

    Numbers may begin anywhere; holes between them are closed. A picture that cannot be decoded is
    replaced by the nearest good one before it (after it, at the start), and reported in `problems`.
    """

    def __init__(self, path: str, files: Sequence[str], fps: float) -> None:
        if not (fps > 0 and fps != float("inf")):
            raise ValueError(f"fps must be above 0 Hz, got {fps!r}")
        self.path, self.files, self.fps = path, list(files), float(fps)
        self.span = Span(0.0, len(self.files) / self.fps)
        self._problems = Problems()
        first = next((frame for i in range(len(files)) if (frame := self._decode(i))), None)
        if first is None:
            raise MediaError(f"{path}: none of its {len(files)} pictures can be decoded")
        turn = turn_of(first)
        size = (first.height, first.width)
        self.height, self.width = size[::-1] if turn.transpose else size

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each kind of damage met so far."""
        return self._problems.lines()

    def frames(self, times: Sequence[float]) -> UInt8[Tensor, "T 3 H W"]:
        """The picture on display at each time.

        Raises:
            ValueError: for times that are not finite.
            MediaError: when none can be decoded any more.
        """
        return frames_at(times, self._index, (self.height, self.width), self._fill)

    def _index(self, seconds: float) -> int:
        return min(max(floor(seconds * self.fps + 1e-6), 0), len(self.files) - 1)

    def _fill(self, indices: Sequence[int], out: UInt8[Tensor, "T 3 H W"], rows: Rows) -> None:
        for index in indices:
            picture = self._picture(index)
            for row in rows[index]:
                out[row] = picture

    def _picture(self, index: int) -> UInt8[Tensor, "3 H W"]:
        around = [*range(index, -1, -1), *range(index + 1, len(self.files))]
        for candidate in around:
            frame = self._decode(candidate)
            if frame is None:
                continue
            turn = turn_of(frame)
            size = (frame.width, frame.height) if turn.transpose else (frame.height, frame.width)
            if size != (self.height, self.width):
                self._problems.add(
                    f"the picture size changes, scaled to {self.width}x{self.height}"
                )
            out = torch.empty(3, self.height, self.width, dtype=torch.uint8)
            write_picture(frame, out, turn)
            return out
        raise MediaError(f"{self.path}: none of its pictures can be decoded any more")

    def _decode(self, index: int) -> VideoFrame | None:
        name = self.files[index]
        try:
            data = Path(self.path, name).read_bytes()
            codec = av.CodecContext.create(CODECS[Path(name).suffix.lower()], "r")
            codec.options = {"max_pixels": str(MAX_PIXELS)}
            codec.thread_count = 1
            frames = codec.decode(av.Packet(data)) or codec.decode(None)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._problems.add(f"{name} cannot be decoded ({reason(error)})")
            return None
        if not frames or not isinstance(frames[0], VideoFrame):
            self._problems.add(f"{name} cannot be decoded (no picture in it)")
            return None
        if frames[0].is_corrupt:
            self._problems.add(f"{name} is damaged")
        return frames[0]

    def __repr__(self) -> str:
        return f"FolderVideo({self.path!r}, {len(self.files)} pictures, fps={self.fps:g})"


def read_folder(path: str, fps: float) -> FolderVideo:
    """A folder of numbered frames.

    Where it holds several sequences (``img_00001.jpg`` beside ``flow_x_00001.jpg``), the one that
    is named like pictures is taken.

    Raises:
        MediaError: when there is no sequence, or no telling which is meant.
    """
    sequences: dict[str, list[tuple[int, str]]] = {}
    try:
        entries = [entry.name for entry in os.scandir(path) if entry.is_file()]
    except OSError as error:
        raise MediaError(f"{path}: the folder cannot be read ({reason(error)})") from error
    for name in entries:
        stem, suffix = os.path.splitext(name)
        numbered = _NUMBERED.fullmatch(stem)
        if suffix.lower() in CODECS and numbered:
            key = numbered["name"].rstrip("_-. ").lower()
            sequences.setdefault(key, []).append((int(numbered["number"]), name))
    if not sequences:
        raise MediaError(
            f"{path}: a folder without numbered pictures; expected names like img_00001.jpg"
        )
    if len(sequences) > 1:
        preferred = [key for key in _PICTURES if key in sequences]
        if len(preferred) != 1:
            names = ", ".join(sorted(repr(key) for key in sequences))
            raise MediaError(
                f"{path}: the folder holds several sequences ({names}); "
                "keep one, or name it img_00001.jpg and so on"
            )
        sequences = {preferred[0]: sequences[preferred[0]]}
    (files,) = sequences.values()
    return FolderVideo(path, [name for _, name in sorted(files)], fps)
