"""Published features in an HDF5 file: ``<video>/c3d_features``, ``[n, 500]``.

ActivityNet's are C3D's fc7 over 16 frames, one every 8 frames, reduced to 500 numbers by PCA;
arXiv:1812.03849 takes every second. The file does not say how many there are in a second, and
videos differ in frames per second, so a video's annotated duration says it better than any rate:
examples count time as fractions of the video. `RATE` is for videos of 30 frames per second.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sensorium.events.features import Features
from sensorium.suggest import did_you_mean
from sensorium.types import Span

KEY = "c3d_features"
RATE = 30 / 8
"""Vectors per second in the file, in hertz."""


class FeatureFile:
    """Feature vectors by video; the file is opened when first read, in every process on its own.

    Args:
        path: the HDF5 file.
        rate: vectors per second in the file, in hertz.
        stride: every how many vectors one is taken.
        key: name of the table in each video's group; a table without a group is read as well.

    Raises:
        ValueError: when the file is missing or is no HDF5 file, or for a rate or stride that cannot
            be.
    """

    def __init__(
        self, path: str | Path, rate: float = RATE, stride: int = 2, key: str = KEY
    ) -> None:
        if not (0 < rate < float("inf")) or stride < 1:
            raise ValueError(
                f"features: rate (Hz) must be above 0 and stride at least 1, got {rate!r} and "
                f"{stride!r}"
            )
        self.path, self.stride, self.key = Path(path), stride, key
        self.rate = rate / stride
        if not self.path.is_file():
            what = "is a folder" if self.path.is_dir() else "no such file"
            raise ValueError(f"{self.path}: {what}; give the HDF5 file of the features")
        self._file: Any = None

    @cached_property
    def videos(self) -> tuple[str, ...]:
        """Names of all videos, sorted."""
        return tuple(sorted(self._opened()))

    @cached_property
    def dim(self) -> int:
        """Numbers of a vector, by the first video that has vectors."""
        if not self.videos:
            raise ValueError(f"{self.path}: holds no video")
        file = self._opened()
        first = next((v for v in self.videos if self._has(file[v])), self.videos[0])
        return int(self._table(first).shape[1])

    def _has(self, entry: Any) -> bool:
        return not hasattr(entry, "keys") or self.key in entry

    def __contains__(self, video: str) -> bool:
        return video in self._opened()

    def of(self, video: str, span: Span | None = None) -> Features:
        """Vectors of a span of a video in seconds, or of all of it.

        Raises:
            ValueError: when there is none, or of another length than the others'.
        """
        table = self._table(video)
        if table.shape[1] != self.dim:
            raise ValueError(
                f"{self.path}: {video}: got vectors of {table.shape[1]} numbers, expected "
                f"{self.dim} as of others"
            )
        values = torch.from_numpy(np.asarray(table[:: self.stride], np.float32))
        features = Features(values, self.rate)
        return features if span is None else features.between(span.start, span.end)

    def _table(self, video: str) -> Any:
        """The table of a video, ``[n, D]``."""
        file = self._opened()
        if video not in file:
            raise ValueError(
                f"{self.path}: has no video {video!r}{did_you_mean(video, self.videos[:50])}"
            )
        entry = file[video]
        if hasattr(entry, "keys"):
            if self.key not in entry:
                names = ", ".join(entry) or "nothing"
                raise ValueError(
                    f"{self.path}: {video}: has {names}, expected {self.key!r}; name it by key"
                )
            entry = entry[self.key]
        if len(entry.shape) != 2 or not entry.shape[0] or not entry.shape[1]:
            raise ValueError(
                f"{self.path}: {video}: got a table {list(entry.shape)}, expected [n, dim] with at "
                "least one vector"
            )
        return entry

    def _opened(self) -> Any:
        if self._file is None:
            import h5py

            try:
                self._file = h5py.File(self.path, "r")
            except OSError:
                raise ValueError(f"{self.path}: not an HDF5 file, or not whole") from None
        return self._file

    def __getstate__(self) -> dict[str, Any]:
        """Open files are not copied to other processes."""
        return {**self.__dict__, "_file": None}
