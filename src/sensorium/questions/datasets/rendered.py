"""Rendered scenes of the blocks world: drawn once, in parallel, and kept in a folder.

Scene ``index`` of a split has the world seed ``seeds.split_seed(split, index)``, so that no scene
of one split occurs in another.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import OrderedDict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, Int8, UInt8
from numpy.typing import NDArray

from sensorium.recipe import Split
from sensorium.seeds import split_seed
from sensorium.worlds.blocks.placing import COGENT_A, COGENT_B, place
from sensorium.worlds.blocks.scenes import Scene
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, MOST, VALUES

LOOK = 1
"""Goes up when the renderer draws the same scene differently; old folders are then left alone."""

Condition = Literal["any", "a", "b"]
"""Which colours cubes and cylinders may have: all, or those of CLEVR-CoGenT's condition A or B."""

_COLORS = {"any": None, "a": COGENT_A, "b": COGENT_B}
_SHARD = 125  # scenes
_HELD = 256  # scenes in memory, where there is no folder
_PARTS = (".ids.npy", ".truth.npy", ".pixels.npy")  # the last is written last
_TRUTH = np.dtype(
    [
        ("centres", np.float32, (MOST, 2)),
        ("boxes", np.float32, (MOST, 4)),
        ("values", np.int8, (MOST, 4)),
        ("positions", np.float32, (MOST, 3)),
        ("count", np.int64),
    ]
)


@dataclass(frozen=True)
class Rendered:
    """One scene, drawn, with its truth; K is ten, and what is beyond ``count`` is 0 (values: -1).

    Shape:
        ``pixels``: ``uint8 [H, W, 3]`` RGB. ``ids``: ``uint8 [H, W]``, number of the visible block
        + 1, 0 for the ground. ``centres``: ``float32 [K, 2]``, x and y of the blocks' projected
        middles, and ``boxes``: ``float32 [K, 4]``, x0, y0, x1, y1 of what is visible of them, in
        pixels. ``values``: ``int8 [K, 4]``, indices into `VALUES` in the order of `ATTRIBUTES`.
        ``positions``: ``float32 [K, 3]``, see `Item.position`.
    """

    pixels: UInt8[np.ndarray, "H W 3"]
    ids: UInt8[np.ndarray, "H W"]
    centres: Float32[np.ndarray, "K 2"]
    boxes: Float32[np.ndarray, "K 4"]
    values: Int8[np.ndarray, "K 4"]
    positions: Float32[np.ndarray, "K 3"]
    count: int


@dataclass
class RenderedScenes:
    """A split's scenes, drawn when asked for, or all at once into a folder.

    Attributes:
        split: of the world's seeds.
        count: scenes.
        height: of the pictures, in pixels.
        width: the same.
        condition: which colours cubes and cylinders may have.
        cache: folder for rendered scenes.
        processes: that draw into the folder; 0: as many as there are cores.
    """

    split: Split
    count: int
    height: int = 320
    width: int = 480
    condition: Condition = "any"
    cache: Path | None = None
    processes: int = 0
    _held: OrderedDict[int, Any] = field(default_factory=OrderedDict, repr=False)

    def __post_init__(self) -> None:
        if self.cache is not None:
            self._fill()

    def __len__(self) -> int:
        return self.count

    def __getstate__(self) -> dict[str, object]:
        """Pictures are not copied to other processes."""
        return {**self.__dict__, "_held": OrderedDict()}

    def scene(self, index: int) -> Scene:
        """What stands where in scene ``index``."""
        return scene_of(self.split, index, self.height, self.width, self.condition)

    def __getitem__(self, index: int) -> Rendered:
        """Scene ``index``, drawn."""
        if not 0 <= index < self.count:
            raise IndexError(f"scene {index} of {self.count}")
        if self.cache is not None:
            shard, row = divmod(index, _SHARD)
            ids, truth, pixels = (array[row] for array in self._opened(shard))
            return Rendered(
                pixels,
                ids,
                truth["centres"],
                truth["boxes"],
                truth["values"],
                truth["positions"],
                int(truth["count"]),
            )
        if index not in self._held:
            self._held[index] = drawn(self.scene(index), self.height, self.width)
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        out: Rendered = self._held[index]
        return out

    @property
    def folder(self) -> Path:
        """Where this split's pictures are kept."""
        assert self.cache is not None
        colors = "" if self.condition == "any" else f"-{self.condition}"
        name = f"blocks-{self.height}x{self.width}{colors}-look{LOOK}"
        return Path(self.cache) / name / self.split

    def _fill(self) -> None:
        """Draw the shards that are missing."""
        shards = range(-(-self.count // _SHARD))
        missing = [k for k in shards if not _path(self.folder, k, _PARTS[-1]).exists()]
        if not missing:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        work = partial(_write, self.folder, self.split, (self.height, self.width), self.condition)
        processes = min(len(missing), self.processes or _cores())
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

    def _opened(self, shard: int) -> list[NDArray[Any]]:
        if shard not in self._held:
            self._held[shard] = [
                np.load(_path(self.folder, shard, part), mmap_mode="r") for part in _PARTS
            ]
        out: list[NDArray[Any]] = self._held[shard]
        return out


def scene_of(
    split: Split, index: int, height: int = 320, width: int = 480, condition: Condition = "any"
) -> Scene:
    """Scene ``index`` of a split."""
    seed = split_seed(split, index)
    return place(seed, colors=_COLORS[condition], height=height, width=width)


def drawn(scene: Scene, height: int, width: int) -> Rendered:
    """A scene with its picture and its truth."""
    from sensorium.worlds.blocks.rendering import render

    picture = render(scene, height, width)
    count = len(scene.blocks)
    out = Rendered(
        picture.pixels,
        picture.ids.astype(np.uint8),
        np.zeros((MOST, 2), np.float32),
        np.zeros((MOST, 4), np.float32),
        np.full((MOST, 4), -1, np.int8),
        np.zeros((MOST, 3), np.float32),
        count,
    )
    for k, (block, item) in enumerate(zip(scene.blocks, scene.items, strict=True)):
        out.centres[k] = block.pixel[:2]
        out.values[k] = [VALUES[a].index(item.value(a)) for a in ATTRIBUTES]
        out.positions[k] = item.position
        rows, columns = np.nonzero(picture.ids == k + 1)
        if len(rows):
            out.boxes[k] = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return out


def _write(
    folder: Path, split: Split, size: tuple[int, int], condition: Condition, shard: int
) -> None:
    """Draw one shard; each file appears whole."""
    first = shard * _SHARD
    rows = [
        drawn(scene_of(split, k, *size, condition), *size) for k in range(first, first + _SHARD)
    ]
    arrays = {
        ".ids.npy": np.stack([r.ids for r in rows]),
        ".truth.npy": np.array(
            [tuple(getattr(r, n) for n in _TRUTH.names or ()) for r in rows], _TRUTH
        ),
        ".pixels.npy": np.stack([r.pixels for r in rows]),
    }
    for part in _PARTS:
        unfinished = _path(folder, shard, f"{part}.{os.getpid()}.part")
        with unfinished.open("wb") as file:
            np.save(file, arrays[part])
        unfinished.replace(_path(folder, shard, part))


def _path(folder: Path, shard: int, part: str) -> Path:
    return folder / f"{shard:04d}{part}"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
