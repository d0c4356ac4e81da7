"""Rendered clips kept on disk, so that many runs render them only once.

A folder of chunks, each a ``.npy`` file of `CHUNK` clips, read through a memory map. A chunk is
written to a file of its own name beside it and then renamed, so that it is there whole or not at
all: filling can be killed and taken up again, and several processes may fill the same folder,
each in its own order.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CHUNK = 32  # clips per file

Render = Callable[[int], NDArray[np.uint8]]


@dataclass
class FrameCache:
    """``count`` arrays of ``shape`` by their numbers.

    Args:
        folder: made if missing; one folder per kind of clip.
        count: clips.
        shape: of one clip.
    """

    folder: Path
    count: int
    shape: tuple[int, ...]
    _maps: dict[int, NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """A read-only view into the file.

        Raises:
            ValueError: when the chunk is missing or of another shape.
        """
        chunk, place = divmod(index, CHUNK)
        if chunk not in self._maps:
            path = self._path(chunk)
            try:
                held: NDArray[np.uint8] = np.load(path, mmap_mode="r")
            except (OSError, ValueError) as error:
                raise ValueError(f"{path}: {error}; remove {self.folder} to render again") from None
            if held.shape[1:] != self.shape or held.dtype != np.uint8:
                raise ValueError(
                    f"{path}: holds {held.dtype} {held.shape[1:]}, expected uint8 {self.shape}; "
                    f"remove {self.folder} to render again"
                )
            self._maps[chunk] = held
        clip: NDArray[np.uint8] = self._maps[chunk][place]
        return clip

    def __getstate__(self) -> dict[str, object]:
        """Maps are opened anew in each process instead of being copied."""
        return {**self.__dict__, "_maps": {}}

    def check(self, render: Render) -> None:
        """Make sure that clips that are already there are what ``render`` gives now.

        Raises:
            ValueError: when the folder was filled by another version of the world.
        """
        if self._path(0).exists() and not np.array_equal(self[0], render(0)):
            raise ValueError(
                f"{self.folder} holds clips of another version of the world; "
                "remove it or name another cache"
            )

    def fill(self, render: Render) -> int:
        """Render what is missing; returns how many chunks that were."""
        self.folder.mkdir(parents=True, exist_ok=True)
        chunks = range(-(-self.count // CHUNK))
        missing = [c for c in chunks if not self._whole(c)]
        own_order = np.random.default_rng(os.getpid()).permutation(missing).tolist()
        written = 0
        for chunk in own_order:
            if not self._whole(chunk):  # another process may have been faster
                self._write(chunk, render)
                written += 1
        return written

    def _whole(self, chunk: int) -> bool:
        """Chunks always hold `CHUNK` clips, so that a greater ``count`` can build on them."""
        return self._path(chunk).exists()

    def _write(self, chunk: int, render: Render) -> None:
        clips = np.stack([render(chunk * CHUNK + i) for i in range(CHUNK)])
        part = self._path(chunk).with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.save(file, clips)
        part.replace(self._path(chunk))

    def _path(self, chunk: int) -> Path:
        return self.folder / f"{chunk:06d}.npy"
