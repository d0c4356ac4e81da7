"""Sittings of the portrait world, drawn when asked for or all at once into a folder.

Sitting ``index`` of a split is of person ``index // E`` showing expression ``index % E``; the
people of one split occur in no other. Frames are evenly spaced from the neutral face to the peak.

Contempt is lopsided, and nothing in a neutral face tells to which side. Where a person smirks to
the left the sitting is mirrored, else a network could only learn the mean of both sides.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray

from sensorium.recipe import Split
from sensorium.seeds import derive
from sensorium.worlds.portraits import MIRROR, Sitting, draw, sit, split_seed

LOOK = 1
"""Goes up when the world draws the same sitting differently; old folders are then left alone."""

MOUTH, FACE = 1, 2
"""Bits of `Drawn.masks`."""

LOPSIDED = "contemptuous"
_SHARD = 25  # sittings
_PARTS = ("labels", "landmarks", "masks", "pixels")  # the last is written last


@dataclass(frozen=True)
class Drawn:
    """Some frames of a sitting.

    Shape:
        ``pixels``: ``uint8 [F, D, D, 3]`` RGB. ``masks``: ``uint8 [F, D, D]``, bits `MOUTH` and
        `FACE`. ``landmarks``: ``float32 [F, 68, 2]``, x and y in 0..1. ``labels``: ``float32 [F,
        2]``, the degree by time (0 at the first frame, 1 at the last) and the true one.
    """

    pixels: UInt8[np.ndarray, "F D D 3"]
    masks: UInt8[np.ndarray, "F D D"]
    landmarks: Float32[np.ndarray, "F 68 2"]
    labels: Float32[np.ndarray, "F 2"]


@dataclass
class Sittings:
    """The sittings of one split.

    Attributes:
        split: whose people.
        count: sittings.
        expressions: shown, one after another.
        frames: kept of each sitting.
        side: of the square pictures, in pixels.
        cache: folder for what is drawn; none: drawn when asked for.
        processes: that draw into the folder; 0: as many as there are cores.
        still: whether heads are held as in the first frame, and no eye blinks.
    """

    split: Split
    count: int
    expressions: tuple[str, ...]
    frames: int
    side: int
    cache: Path | None = None
    processes: int = 0
    still: bool = False
    _open: dict[int, list[NDArray[Any]]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.cache is not None:
            self._fill()

    def __len__(self) -> int:
        return self.count

    def __getstate__(self) -> dict[str, object]:
        """Opened files are not copied to other processes."""
        return {**self.__dict__, "_open": {}}

    def expression(self, index: int) -> int:
        """The number of the expression that sitting ``index`` shows."""
        return index % len(self.expressions)

    def person(self, index: int) -> int:
        """The world's seed of the person in sitting ``index``."""
        return split_seed(self.split, index // len(self.expressions))

    def drawn(self, index: int, steps: Sequence[int]) -> Drawn:
        """Some of the kept frames of sitting ``index``, by their number.

        Raises:
            IndexError: for a sitting beyond the last.
        """
        if not 0 <= index < self.count:
            raise IndexError(f"sitting {index} of {self.count}")
        if self.cache is None:
            return self._draw(index, steps)
        shard, row = divmod(index, _SHARD)
        if shard not in self._open:
            paths = [self._path(shard, part) for part in _PARTS]
            self._open[shard] = [np.load(path, mmap_mode="r") for path in paths]
        chosen = list(steps)
        labels, landmarks, masks, pixels = (array[row][chosen] for array in self._open[shard])
        return Drawn(pixels, masks, landmarks, labels)

    def sitting(self, index: int) -> Sitting:
        """Who sits, and what the face does."""
        name = self.expressions[self.expression(index)]
        person = self.person(index)
        return sit(derive(person, "sitting", name), name, identity_seed=person)

    def _draw(self, index: int, steps: Sequence[int]) -> Drawn:
        """Frames of a sitting, drawn now."""
        sitting = self.sitting(index)
        times = np.linspace(0, len(sitting.label) - 1, self.frames).round().astype(int)
        mirrored = sitting.expression == LOPSIDED and sitting.identity.smirk_left
        if self.still:
            count = len(sitting)
            sitting = replace(sitting, poses=sitting.poses[:1] * count, blinks=(0.0,) * count)
        rows = [_portrait(sitting, int(times[k]), self.side, mirrored) for k in steps]
        pixels, masks, landmarks = (np.stack(part) for part in zip(*rows, strict=True))
        shown = times[list(steps)]
        labels = np.stack([sitting.label.numpy()[shown], sitting.degrees.numpy()[shown]], 1)
        return Drawn(pixels, masks, landmarks, labels.astype(np.float32))

    # --- the folder -------------------------------------------------------------------------------

    @property
    def folder(self) -> Path:
        """Where this split's sittings are kept."""
        assert self.cache is not None
        names = "all" if len(self.expressions) > 6 else "-".join(self.expressions)
        held = "-still" if self.still else ""
        name = f"portraits-{self.side}px-{self.frames}f-{names}{held}-look{LOOK}"
        return Path(self.cache) / name / self.split

    def _path(self, shard: int, part: str) -> Path:
        return self.folder / f"{shard:04d}.{part}.npy"

    def _fill(self) -> None:
        """Draw the shards that are missing."""
        shards = range(-(-self.count // _SHARD))
        missing = [k for k in shards if not self._path(k, _PARTS[-1]).exists()]
        if not missing:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        work = partial(_write, self)
        processes = min(len(missing), self.processes or os.cpu_count() or 1)
        if processes == 1:
            for k in missing:
                work(k)
            return
        # spawned ones would run the caller's script again where it has no main guard
        how = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
        context = multiprocessing.get_context(how)
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            for _ in pool.map(work, missing):
                pass


def _portrait(
    sitting: Sitting, time: int, side: int, mirrored: bool
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """One frame: pixels ``[D, D, 3]``, masks ``[D, D]``, landmarks ``[68, 2]`` in 0..1."""
    portrait = draw(sitting.face(time), side)
    pixels = portrait.frame.numpy().transpose(1, 2, 0)  # [3, D, D] -> [D, D, 3]
    masks = MOUTH * portrait.mouth_mask().numpy().astype(np.uint8)
    masks |= FACE * portrait.face_mask().numpy().astype(np.uint8)
    points = (portrait.landmarks.numpy() / side).astype(np.float32)
    if mirrored:
        pixels, masks, points = pixels[:, ::-1], masks[:, ::-1], mirror_landmarks(points)
    return np.ascontiguousarray(pixels), np.ascontiguousarray(masks), points


def _write(sittings: Sittings, shard: int) -> None:
    """Draw one shard; each file appears whole."""
    first = shard * _SHARD
    rows = [sittings._draw(k, range(sittings.frames)) for k in range(first, first + _SHARD)]
    for part in _PARTS:
        path = sittings._path(shard, part)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        with unfinished.open("wb") as file:
            np.save(file, np.stack([getattr(row, part) for row in rows]))
        unfinished.replace(path)


def mirror_landmarks(points: Float32[np.ndarray, "68 2"]) -> Float32[np.ndarray, "68 2"]:
    """Landmarks (in 0..1) of the mirrored face: places and numbers change sides."""
    out = points[list(MIRROR)].copy()
    out[:, 0] = 1 - out[:, 0]
    return out
