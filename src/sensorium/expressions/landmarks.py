"""Where the 68 landmarks of each frame come from, and masks made of them.

A `LandmarkProvider` knows the landmarks of a `Recording`: from files that came with the set, from a
folder that was filled earlier, or from a `LandmarkFinder` that looks at one picture after another.
This package brings no finder's weights: see `finders` for those of others, each with its terms.

The masks are filled convex hulls, of the outer lips for the mouth (arXiv:1808.02992, section 3.2).
Landmarks are ``float32 [T, 68, 2]``, x and y in pixels of the stored frame, in the usual order: jaw
0-16, brows 17-26, nose 27-35, eyes 36-47, outer lips 48-59, inner lips 60-67.
"""

from __future__ import annotations

import itertools
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from sensorium.expressions.datasets.recordings import Recording, in_order

POINTS = 68
LONGEST_GAP = 3
"""Frames in a row without landmarks that are bridged; a longer gap spoils the clip."""

OUTER_LIPS, BROWS, CHIN = slice(48, 60), slice(17, 27), 8
DILATE = 0.25
"""How much larger than the lips the mouth's mask is."""


@dataclass(frozen=True)
class Tracked:
    """Landmarks of a clip.

    Attributes:
        points: where they are, in pixels of the stored frame.
        found: in which frames.

    Shape:
        ``points``: ``float32 [T, 68, 2]``; ``found``: ``bool [T]``.
    """

    points: Float32[Tensor, "T 68 2"]
    found: Bool[Tensor, "T"]


class LandmarkProvider(Protocol):
    """What knows the landmarks of a recording."""

    def of(self, recording: Recording) -> Tracked:
        """Those of every frame.

        Raises:
            ValueError: when there are none, with what to do.
        """


class LandmarkFinder(Protocol):
    """What finds the landmarks of the largest face in a picture."""

    def find(self, picture: UInt8[Tensor, "3 H W"]) -> Float32[Tensor, "68 2"] | None:
        """Landmarks in pixels; ``None`` where no face is found."""


class FileLandmarks:
    """Those that came with the set.

    CK+'s text files, a line ``x y`` for each point, or the exact ones of the procedural world, in
    the ``truth.json`` that ``sensorium portray`` writes.
    """

    def of(self, recording: Recording) -> Tracked:
        """Those of every frame.

        Raises:
            ValueError: when the recording has no such files, or one is malformed.
        """
        if not recording.marks:
            raise ValueError(
                f"{recording.where}: no landmark files; unpack Landmarks.zip beside the pictures, "
                "or choose another --data.landmarks"
            )
        if recording.marks[0].suffix == ".json":
            points = read_truth(recording.marks[0])
        else:
            points = torch.stack([read_points(path) for path in recording.marks])
        if len(points) != recording.count():
            raise ValueError(
                f"{recording.where}: landmarks of {len(points)} frames, it has {recording.count()}"
            )
        return Tracked(points, torch.ones(len(points), dtype=torch.bool))


class CachedLandmarks:
    """A folder with ``<clip>.npz``: ``points`` ``[T, 68, 2]`` and, if you like, ``found`` ``[T]``.

    Args:
        folder: of the files.
        source: asked where a file is missing, which is then written; without one that is an error.
    """

    def __init__(self, folder: Path, source: LandmarkProvider | None = None) -> None:
        self.folder, self.source = Path(folder), source

    def path(self, recording: Recording) -> Path:
        """Where a clip's file is: by its name, such as ``S005/001.npz``."""
        return self.folder / f"{recording.clip}.npz"

    def of(self, recording: Recording) -> Tracked:
        """Those of every frame.

        Raises:
            ValueError: when the file is missing or malformed.
        """
        path = self.path(recording)
        if path.is_file():
            return _read_tracked(path, recording.count())
        if self.source is None:
            raise ValueError(
                f"{recording.where}: no landmarks at {path}; expected points [T, 68, 2] and found "
                "[T] in it"
            )
        tracked = self.source.of(recording)
        write_tracked(path, tracked)
        return tracked


class FoundLandmarks:
    """Those that a finder finds, frame by frame."""

    def __init__(self, finder: LandmarkFinder) -> None:
        self.finder = finder

    def of(self, recording: Recording) -> Tracked:
        """Those of every frame.

        Raises:
            ValueError: when a frame cannot be read, or no frame shows a face.
        """
        points, found = [], []
        for picture in in_order(recording):
            one = self.finder.find(picture)
            found.append(one is not None)
            points.append(torch.zeros(POINTS, 2) if one is None else one)
        if not any(found):
            raise ValueError(f"{recording.where}: no face is found in any of {len(found)} frames")
        return Tracked(torch.stack(points), torch.tensor(found))


def bridged(tracked: Tracked, where: str) -> Float32[Tensor, "T 68 2"]:
    """Landmarks of all frames: short gaps are bridged by straight lines, then lightly smoothed.

    Smoothing is over three frames, a quarter, a half and a quarter; the first and the last frame
    stay as they are.

    Raises:
        ValueError: when more than three frames in a row, the first or the last have none.
    """
    found = tracked.found.tolist()
    known = [t for t, there in enumerate(found) if there]
    if not known or known[0] > 0 or known[-1] < len(found) - 1:
        raise ValueError(f"{where}: no face is found in its first or last frame; leave it out")
    gap = max((b - a - 1 for a, b in itertools.pairwise(known)), default=0)
    if gap > LONGEST_GAP:
        raise ValueError(
            f"{where}: no face is found in {gap} frames in a row, at most {LONGEST_GAP} are "
            "bridged; leave it out"
        )
    flat = tracked.points.double().reshape(len(found), -1).numpy()  # [T, 68, 2] -> [T, 136]
    times = np.arange(len(found))
    whole = np.stack([np.interp(times, known, flat[known, k]) for k in range(flat.shape[1])], 1)
    smooth = whole.copy()
    smooth[1:-1] = 0.25 * whole[:-2] + 0.5 * whole[1:-1] + 0.25 * whole[2:]
    return torch.from_numpy(smooth).float().reshape(-1, POINTS, 2)  # [T, 136] -> [T, 68, 2]


def read_points(path: Path) -> Float32[Tensor, "68 2"]:
    """A text file with 68 lines ``x y``.

    Raises:
        ValueError: when it is missing or something else.
    """
    try:
        rows = [line.split() for line in path.read_text(errors="replace").splitlines()]
        points = torch.tensor([[float(word) for word in row] for row in rows if row])
    except OSError:
        raise ValueError(f"{path}: no such landmark file") from None
    except ValueError:
        points = torch.zeros(0)
    if points.shape != (POINTS, 2) or not bool(torch.isfinite(points).all()):
        raise ValueError(f"{path}: not {POINTS} lines with x and y; is the file whole?")
    return points


def read_truth(path: Path) -> Float32[Tensor, "T 68 2"]:
    """The landmarks in a drawn portrait's ``truth.json``.

    Raises:
        ValueError: when it is missing or something else.
    """
    try:
        frames = json.loads(path.read_text(encoding="utf-8"))["frames"]
        points = torch.tensor([frame["landmarks"] for frame in frames], dtype=torch.float32)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: not the truth of a portrait ({type(error).__name__}: {error}); make it "
            "again with sensorium portray"
        ) from None
    if (
        points.ndim != 3
        or points.shape[1:] != (POINTS, 2)
        or not bool(torch.isfinite(points).all())
    ):
        raise ValueError(f"{path}: landmarks {list(points.shape)}, expected [T, {POINTS}, 2]")
    return points


def write_tracked(path: Path, tracked: Tracked) -> None:
    """A clip's landmarks for `CachedLandmarks`; the file appears whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    with unfinished.open("wb") as file:
        np.savez(file, points=tracked.points.numpy(), found=tracked.found.numpy())
    unfinished.replace(path)


def _read_tracked(path: Path, count: int) -> Tracked:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            points = np.asarray(data["points"], np.float32)
            found = np.asarray(data["found"] if "found" in data else np.ones(len(points)), bool)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path}: not a file of landmarks ({said}); delete it") from None
    if points.shape != (count, POINTS, 2) or found.shape != (count,):
        raise ValueError(
            f"{path}: landmarks {list(points.shape)} and found {list(found.shape)}, expected "
            f"[{count}, {POINTS}, 2] and [{count}]; are they of this clip?"
        )
    if not np.isfinite(points[found]).all():
        raise ValueError(f"{path}: landmarks that are not finite (NaN or infinity)")
    return Tracked(torch.from_numpy(points), torch.from_numpy(found))


# --- masks ----------------------------------------------------------------------------------------


def mouth_mask(
    landmarks: Float32[Tensor, "68 2"], height: int, width: int, dilate: float = DILATE
) -> Bool[Tensor, "H W"]:
    """The hull of the outer lips, enlarged by a share about its middle."""
    return hull_mask(landmarks[OUTER_LIPS], height, width, dilate)


def face_mask(landmarks: Float32[Tensor, "68 2"], height: int, width: int) -> Bool[Tensor, "H W"]:
    """The hull of all landmarks and of a forehead.

    The forehead's points are the brows, moved away from the chin by 0.4 of the distance between
    chin and brows.
    """
    brows = landmarks[BROWS]
    up = brows.mean(0) - landmarks[CHIN]
    return hull_mask(torch.cat([landmarks, brows + 0.4 * up]), height, width, 0.0)


def hull_mask(
    points: Float32[Tensor, "N 2"], height: int, width: int, dilate: float
) -> Bool[Tensor, "H W"]:
    """A filled convex hull, enlarged by a share about the middle of its box.

    Pixel ``i`` reaches from ``i`` to ``i + 1``. What lies outside of the picture is cut off.

    Raises:
        ValueError: for a share below 0, or points that are not finite.
    """
    if not dilate >= 0:
        raise ValueError(f"dilate must be 0 or more, got {dilate!r}")
    if not bool(torch.isfinite(points).all()):
        raise ValueError("a hull needs finite points, got NaN or infinity")
    middle = 0.5 * (points.amin(0) + points.amax(0))
    larger = (middle + (points - middle) * (1 + dilate)).numpy()
    hull = cv2.convexHull(np.ascontiguousarray(larger, np.float32))
    mask: UInt8[np.ndarray, "H W"] = np.zeros((height, width), np.uint8)
    # sixteenths of pixels, whose centres lie at halves
    fixed = np.rint((np.clip(hull, -1e6, 1e6) - 0.5) * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, fixed, 1, cv2.LINE_8, 4)
    return torch.from_numpy(mask).bool()
