"""Features in a folder: shards of a fixed number of episodes, written by several processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float16
from numpy.typing import NDArray

SHARD = 25
"""Episodes of a shard."""


@dataclass
class FeatureShards:
    """Features of a split's episodes.

    Attributes:
        folder: where they are kept; ``None``: nowhere.
        count: episodes.
        make: gives an episode's features.
        steps: vectors of an episode.
    """

    folder: Path | None
    count: int
    make: Callable[[int], Float16[np.ndarray, "T D"]]
    steps: int
    _open: dict[int, NDArray[np.float16]] = field(default_factory=dict, repr=False)

    @property
    def shards(self) -> range:
        """Numbers of all shards."""
        return range(-(-self.count // SHARD))

    def missing(self) -> list[int]:
        """Shards that are not in the folder."""
        return [k for k in self.shards if not self.path(k).exists()]

    def path(self, shard: int) -> Path:
        """File of a shard."""
        assert self.folder is not None
        rows = self.rows(shard)
        return self.folder / f"{rows.start:05d}-{rows.stop:05d}.npy"

    def rows(self, shard: int) -> range:
        """Episodes of a shard."""
        return range(shard * SHARD, min(self.count, (shard + 1) * SHARD))

    def fill(self, processes: int = 0) -> None:
        """Make the shards that are missing."""
        missing = self.missing()
        processes = min(len(missing), processes or _cores())
        if processes < 2:
            for k in missing:
                self.write(k)
            return
        # spawned ones would run the caller's script again where it has no main guard
        how = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
        context = multiprocessing.get_context(how)
        with ProcessPoolExecutor(
            processes, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            for _ in pool.map(self.write, missing):
                pass

    def write(self, shard: int) -> None:
        """Make one shard; its file appears whole."""
        values = np.stack([self.make(i) for i in self.rows(shard)])
        path = self.path(shard)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        with unfinished.open("wb") as file:
            np.save(file, values)
        unfinished.replace(path)

    def __getitem__(self, index: int) -> Float16[np.ndarray, "T D"]:
        shard, row = divmod(index, SHARD)
        if shard not in self._open:
            self._open[shard] = np.load(self.path(shard), mmap_mode="r")
        values: NDArray[np.float16] = self._open[shard][row]
        return values

    def __getstate__(self) -> dict[str, Any]:
        """Open files are not copied to other processes."""
        return {**self.__dict__, "_open": {}}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
