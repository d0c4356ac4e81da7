"""Recordings as squares of pixels with landmarks and masks, read when asked for or kept.

`Takes` answers what `sittings.Sittings` does for drawn portraits, so that the same examples are
made of both.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32
from numpy.typing import NDArray
from torch import Tensor

from sensorium.expressions.datasets.framing import (
    Look,
    eyes_of,
    face_in,
    moved,
    strongest,
)
from sensorium.expressions.datasets.recordings import Recording
from sensorium.expressions.datasets.sittings import FACE, MOUTH, Drawn
from sensorium.expressions.faces import FoundFace, YuNet, model_file
from sensorium.expressions.landmarks import (
    POINTS,
    LandmarkProvider,
    bridged,
    face_mask,
    mouth_mask,
)

_PARTS = ("labels", "landmarks", "masks", "pixels")  # the last is written last
_WHITE = 127


@dataclass(frozen=True)
class Plan:
    """What is looked at in a clip.

    Attributes:
        times: numbers of its frames.
        labels: the degree of each.
        points: landmarks of each in pixels of the stored frame, or ``None``.
        face: by which the window is placed, or ``None`` for the middle.
    """

    times: NDArray[np.int64]
    labels: Float32[np.ndarray, "F"]
    points: Float32[Tensor, "F 68 2"] | None
    face: FoundFace | None


class Takes:
    """The clips of one split.

    Args:
        recordings: each of one of ``expressions``.
        expressions: in the order of the degrees.
        look: how frames are seen.
        frames: of a clip, evenly spaced from the neutral one to the peak.
        degrees: ``time`` or ``path``, see `recorded.RecordedExpressions`.
        landmarks: where they come from, if from anywhere.
        cache: folder for what is seen; none: read when asked for.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        expressions: tuple[str, ...],
        look: Look,
        frames: int,
        degrees: Literal["time", "path"],
        landmarks: LandmarkProvider | None,
        cache: Path | None = None,
    ) -> None:
        self.recordings, self.expressions, self.look = tuple(recordings), expressions, look
        self.frames, self.degrees, self.landmarks = frames, degrees, landmarks
        self.cache = cache
        self._plans: dict[int, Plan] = {}

    def __len__(self) -> int:
        return len(self.recordings)

    @property
    def side(self) -> int:
        """Pixels a side of what is kept."""
        return self.look.side

    def expression(self, index: int) -> int:
        """The number of the expression that clip ``index`` shows."""
        return self.expressions.index(self.recordings[index].expression)

    def known(self, index: int) -> set[str]:
        """Which of ``landmarks``, ``mouth`` and ``face`` are known of clip ``index``."""
        if self.landmarks is not None:
            return {"landmarks", "mouth", "face"}
        return {"mouth"} if self.recordings[index].mouths else set()

    def drawn(self, index: int, steps: Sequence[int]) -> Drawn:
        """Some of the kept frames of clip ``index``, by their number; unknown landmarks are NaN.

        Raises:
            ValueError: when a file cannot be read, or no peak or face is found.
        """
        if self.cache is None:
            return self._seen(index, steps)
        paths = [self._path(index, part) for part in _PARTS]
        if not paths[-1].exists():
            self._write(index)
        rows = [np.load(path, mmap_mode="r")[list(steps)] for path in paths]
        labels, landmarks, masks, pixels = rows
        return Drawn(pixels, masks, landmarks, labels)

    def plan(self, index: int) -> Plan:
        """What is looked at in clip ``index``."""
        if index not in self._plans:
            self._plans[index] = self._made(self.recordings[index])
        return self._plans[index]

    def _made(self, recording: Recording) -> Plan:
        points = None
        count = recording.count()
        if self.landmarks is not None:
            points = bridged(self.landmarks.of(recording), recording.where)
        first, last = recording.neutral, recording.apex
        if last is None:
            last = strongest(recording, self.look, points, count)
        if not first < last < count:
            raise ValueError(
                f"{recording.where}: neutral in frame {first}, the peak in {last}, of {count}"
            )
        times = np.linspace(first, last, self.frames).round().astype(np.int64)
        labels = (times - first) / (last - first)
        if self.degrees == "path":
            assert points is not None
            labels = _along(points[first : last + 1], recording.where)[times - first]
        shown = None if points is None else points[torch.from_numpy(times)]
        return Plan(times, labels.astype(np.float32), shown, self._face(recording, points))

    def _face(
        self, recording: Recording, points: Float32[Tensor, "T 68 2"] | None
    ) -> FoundFace | None:
        if self.look.framing == "middle":
            return None
        if self.look.framing == "eyes":
            assert points is not None
            return eyes_of(points[recording.neutral], recording.where)
        path = model_file()
        assert path is not None
        frame = recording.pictures([recording.neutral])[0]
        return face_in(frame, YuNet(path), recording.where)

    def _seen(self, index: int, steps: Sequence[int]) -> Drawn:
        """Frames of a clip, read now."""
        recording, plan, side = self.recordings[index], self.plan(index), self.side
        numbers = [int(plan.times[step]) for step in steps]
        pixels = np.empty((len(numbers), side, side, 3), np.uint8)
        masks = np.zeros((len(numbers), side, side), np.uint8)
        landmarks = np.full((len(numbers), POINTS, 2), np.nan, np.float32)
        for row, (step, frame) in enumerate(zip(steps, recording.pictures(numbers), strict=True)):
            crop = self.look.crop(self.look.picture(frame), plan.face)
            pixels[row] = crop.picture.permute(1, 2, 0).numpy()  # [3, D, D] -> [D, D, 3]
            if plan.points is not None:
                points = moved(plan.points[step], crop.matrix, side)
                landmarks[row] = points.numpy()
                masks[row] |= MOUTH * mouth_mask(points * side, side, side).numpy().astype(np.uint8)
                masks[row] |= FACE * face_mask(points * side, side, side).numpy().astype(np.uint8)
            elif recording.mouths and recording.mouths[numbers[row]].is_file():
                masks[row] |= MOUTH * self._mouth(recording, numbers[row], plan)
        labels = np.stack([plan.labels[list(steps)]] * 2, 1)
        return Drawn(pixels, masks, landmarks, labels)

    def _mouth(self, recording: Recording, number: int, plan: Plan) -> NDArray[np.uint8]:
        path = recording.mouths[number]
        patch = Recording("", "", "", "", (path,)).pictures([0])[0]
        shape = recording.pictures([number])[0].shape
        if patch.shape != shape:
            raise ValueError(
                f"{path}: a mask of {patch.shape[1]} x {patch.shape[2]} pixels, its frame has "
                f"{shape[1]} x {shape[2]}"
            )
        white: Tensor = self.look.crop(patch, plan.face).picture[0] > _WHITE
        return white.numpy().astype(np.uint8)

    def _path(self, index: int, part: str) -> Path:
        assert self.cache is not None
        recording = self.recordings[index]
        ends = [path.stat() for path in (recording.frames[0], recording.frames[-1])]
        told = [recording.clip, len(recording.frames)]
        told += [(end.st_size, end.st_mtime_ns) for end in ends]  # another clip at the same place
        mark = hashlib.sha256(repr(told).encode()).hexdigest()[:16]
        return self.cache / f"{mark}.{part}.npy"

    def _write(self, index: int) -> None:
        """Keep what is seen of a clip; each file appears whole."""
        assert self.cache is not None
        self.cache.mkdir(parents=True, exist_ok=True)
        whole = self._seen(index, range(self.frames))
        for part in _PARTS:
            path = self._path(index, part)
            unfinished = path.with_suffix(f".{os.getpid()}.part")
            with unfinished.open("wb") as file:
                np.save(file, getattr(whole, part))
            unfinished.replace(path)

    def __getstate__(self) -> dict[str, Any]:
        """Plans are made again in other processes."""
        return {**self.__dict__, "_plans": {}}


def _along(points: Float32[Tensor, "T 68 2"], where: str) -> NDArray[np.float64]:
    """How much of their way the landmarks have gone in each frame, 0..1.

    Their common shift does not count.

    Raises:
        ValueError: when they do not move.
    """
    still = (points - points.mean(1, keepdim=True)).double()
    steps = (still[1:] - still[:-1]).norm(dim=-1).mean(-1).numpy()  # [T - 1, 68, 2] -> [T - 1]
    gone: NDArray[np.float64] = np.concatenate([[0.0], np.cumsum(steps)])
    if not gone[-1] > 0:
        raise ValueError(f"{where}: its landmarks do not move; set --data.degrees time")
    return np.asarray(gone / gone[-1], np.float64)
