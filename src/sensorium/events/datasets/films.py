"""Feature vectors of films on disk, made once by `StageFeatures` and kept in a folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float16

from sensorium.events.features import Features, StageFeatures, StageFeaturesConfig
from sensorium.media import read
from sensorium.plain import to_plain
from sensorium.types import Span

_HELD = 8  # films in memory where there is no folder


class FilmVectors:
    """Vectors of films by their paths.

    Args:
        config: how they are made.
        cache: folder where they are kept; ``None``: the last few stay in memory.
    """

    def __init__(self, config: StageFeaturesConfig, cache: Path | None) -> None:
        self.config = config
        self.cache = None if cache is None else Path(cache)
        self._held: OrderedDict[str, Float16[np.ndarray, "N D"]] = OrderedDict()

    @cached_property
    def source(self) -> StageFeatures:
        """The networks, loaded where vectors are made."""
        return StageFeatures(self.config).start_from_bundled()

    @cached_property
    def dim(self) -> int:
        """Numbers of a vector."""
        return StageFeatures(self.config).dim

    @property
    def rate(self) -> float:
        """Vectors per second, in hertz."""
        return self.config.rate

    def of(self, video: str, span: Span | None = None) -> Features:
        """Vectors of a span of a film, from its start on, or of all of it.

        Raises:
            ValueError: when the film cannot be read.
        """
        rows = self._rows(video)
        first, last = 0, len(rows)
        if span is not None:
            first, last = (min(max(0, round(t * self.rate)), last) for t in (span.start, span.end))
        values = torch.from_numpy(np.array(rows[first:last]))
        return Features(values, self.rate, first / self.rate)

    def _rows(self, video: str) -> Float16[np.ndarray, "N D"]:
        if video not in self._held:
            path = None if self.cache is None else self.path(video)
            if path is None or not path.exists():
                values = self.source.of(read(video)).values.half().numpy()
                if path is not None:
                    _write(path, values)
            self._held[video] = values if path is None else np.load(path, mmap_mode="r")
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        return self._held[video]

    def path(self, video: str) -> Path:
        """Where a film's vectors are kept; another one for another film at the same place."""
        assert self.cache is not None
        film = Path(video).resolve()
        about = film.stat()
        told_by = [str(film), about.st_size, about.st_mtime_ns, to_plain(self.config)]
        name = hashlib.sha256(json.dumps(told_by).encode()).hexdigest()[:16]
        return self.cache / f"{film.stem[:40]}-{name}.npy"

    def __getstate__(self) -> dict[str, Any]:
        """Neither networks nor open files are copied to other processes."""
        return {"config": self.config, "cache": self.cache, "_held": OrderedDict()}


def _write(path: Path, values: Float16[np.ndarray, "N D"]) -> None:
    """The file appears whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    with unfinished.open("wb") as file:
        np.save(file, values)
    unfinished.replace(path)
