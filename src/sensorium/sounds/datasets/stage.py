"""Solos of the stage world: what is seen and heard of one performer alone.

Solo ``index`` of a split has the world seed ``seeds.split_seed(split, index)`` and the kind
``index modulo kinds``, so that kinds are balanced and no player, room, tuning or score of one
split occurs in another. Where ``twins`` is set, solo ``2 n k + i`` and solo ``2 n k + n + i`` (of
``n`` kinds) have the same kind and the same look.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float16, Float32, UInt8
from numpy.typing import NDArray
from torch import Tensor

from sensorium.optical_flow import FlowGrid
from sensorium.recipe import Split
from sensorium.seeds import generator, split_seed
from sensorium.worlds.stage.script import INSTRUMENTS, Episode, Instrument

_HELD = 512  # solos in memory
_MAPPED = 8192  # solos of the folder: their files are mapped, so that they cost no memory
_FIRST_EMPTY = 2_000_000  # far from the indices of the split's solos


@dataclass(frozen=True)
class Solo:
    """One rendered solo.

    Attributes:
        label: index of its class; -1 for an empty stage.
        pictures: ``uint8 [T, H, W, 3]``.
        sound: ``int16 [N]``, mono.
        fps: of the pictures, in hertz.
        rate: of the sound, in hertz.
        fields: optical flow from each picture to the next, ``float16 [T-1, 2, h, w]`` in pixels.
    """

    label: int
    pictures: NDArray[np.uint8]
    sound: NDArray[np.int16]
    fps: float
    rate: int
    fields: NDArray[np.float16] | None = None

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.sound) / self.rate

    def samples(self, start: float, count: int) -> Float32[Tensor, " N"]:
        """``count`` samples from ``start`` seconds, silence outside."""
        first = round(start * self.rate)
        out = torch.zeros(count)
        begin, end = max(first, 0), min(first + count, len(self.sound))
        if end > begin:
            piece = torch.from_numpy(self.sound[begin:end].astype(np.float32))
            out[begin - first : end - first] = piece / 32768
        return out

    def frames(self, times: list[float]) -> UInt8[Tensor, "T 3 H W"]:
        """The picture on display at each time."""
        shown = self.pictures[self._shown(times)]
        return torch.from_numpy(shown).permute(0, 3, 1, 2)  # [T, H, W, 3] -> [T, 3, H, W]

    def flow(self, times: list[float]) -> Float16[Tensor, "T-1 2 h w"] | None:
        """The fields from the picture at each time to the next one's; sums of what lies between."""
        if self.fields is None:
            return None
        shown = self._shown(times)
        if (np.diff(shown) == 1).all():
            return torch.from_numpy(self.fields[shown[:-1]])
        steps = [self.fields[a:b].sum(0) for a, b in pairwise(shown)]
        return torch.from_numpy(np.stack(steps))

    def _shown(self, times: list[float]) -> NDArray[np.int64]:
        """Numbers of the pictures on display."""
        numbers = (np.asarray(times) * self.fps + 1e-6).astype(np.int64)
        return np.clip(numbers, 0, len(self.pictures) - 1)


@dataclass
class StageSolos:
    """A split's solos, rendered when asked for and kept in memory, or in a folder.

    Attributes:
        split: of the world's seeds.
        count: solos.
        seconds: length of each.
        size: height and width of the pictures.
        fps: of the pictures.
        rate: of the sound.
        kinds: of instruments.
        twins: whether solos come in pairs of the same look.
        moves: share of the solos in which the performer moves about.
        flow: which optical flow the solos have; ``None`` for none.
        cache: folder for rendered solos.
    """

    split: Split
    count: int
    seconds: float = 12.0
    size: int = 64
    fps: float = 8.0
    rate: int = 11_025
    kinds: tuple[Instrument, ...] = INSTRUMENTS
    twins: bool = False
    moves: float = 0.5
    flow: FlowGrid | None = None
    cache: Path | None = None
    _held: OrderedDict[int, Solo] = field(default_factory=OrderedDict, repr=False)

    def __len__(self) -> int:
        return self.count

    def label(self, index: int) -> int:
        """Class of a solo: its place in ``kinds``."""
        return index % len(self.kinds)

    def twin(self, index: int) -> int:
        """The solo with the same look."""
        return _twin(index, len(self.kinds)) if self.twins else index

    def episode(self, index: int) -> Episode:
        """What happens in a solo; negative indices are empty stages."""
        from sensorium.worlds.stage.solos import compose_solo, empty_stage

        if index < 0:
            return empty_stage(split_seed(self.split, _FIRST_EMPTY - index), self.seconds)
        seed, kind = split_seed(self.split, index), self.kinds[self.label(index)]
        look = split_seed(self.split, min(index, self.twin(index)))
        moves = bool(generator(seed, "moves").uniform() < self.moves)
        return compose_solo(seed, kind, self.seconds, look=look, moves=moves)

    def __getitem__(self, index: int) -> Solo:
        """One solo; negative indices are empty stages."""
        if index in self._held:
            self._held.move_to_end(index)
            return self._held[index]
        solo = self._load(index) or self._kept(index, self._render(index))
        self._held[index] = solo
        if len(self._held) > (_HELD if self.cache is None else _MAPPED):
            self._held.popitem(last=False)
        return solo

    def __getstate__(self) -> dict[str, object]:
        """Rendered solos are not copied to other processes."""
        return {**self.__dict__, "_held": OrderedDict()}

    def _render(self, index: int) -> Solo:
        from sensorium.worlds import stage

        episode = self.episode(index)
        times = [(k + 0.5) / self.fps for k in range(round(self.seconds * self.fps))]
        pictures = stage.frames(episode, times, self.size, self.size)
        sound = stage.mix(episode, self.rate).mean(0)  # [2, N] -> [N]
        pcm = np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)
        label = -1 if index < 0 else self.label(index)
        fields = None
        if self.flow is not None:
            planes = torch.from_numpy(pictures).permute(0, 3, 1, 2)  # [T,H,W,3] -> [T,3,H,W]
            fields = self.flow(planes).numpy()
        return Solo(label, pictures, pcm, self.fps, self.rate, fields)

    def _path(self, index: int) -> Path | None:
        if self.cache is None:
            return None
        name = f"solos-{self.split}-{self.seconds:g}s-{self.fps:g}fps-{self.size}px-{self.rate}hz"
        kinds = "" if self.kinds == INSTRUMENTS else "-" + "-".join(self.kinds)
        twins = "-twins" if self.twins else ""
        return (
            Path(self.cache)
            / f"{name}{kinds}{twins}-moves{self.moves:g}{self._flowing()}"
            / f"{index}"
        )

    def _flowing(self) -> str:
        if self.flow is None:
            return ""
        how = self.flow.method
        return f"-flow{self.flow.stride}-{how.preset}-{how.least}-{how.finest_scale}"

    def _parts(self) -> tuple[str, ...]:
        """Endings of a solo's files; the last is written last."""
        return (".pictures.npy", *((".flow.npy",) if self.flow else ()), ".sound.npy")

    def _kept(self, index: int, solo: Solo) -> Solo:
        """The solo as it lies in the folder, if there is one."""
        path = self._path(index)
        if path is None:
            return solo
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [solo.pictures, *((solo.fields,) if self.flow else ()), solo.sound]
        for suffix, data in zip(self._parts(), parts, strict=True):
            part = path.with_name(f"{path.name}.{os.getpid()}.part")
            with part.open("wb") as file:
                np.save(file, data)
            part.replace(path.with_name(path.name + suffix))
        return self._load(index) or solo

    def _load(self, index: int) -> Solo | None:
        """From the folder; the sound is written last, so where it is, all is."""
        path = self._path(index)
        if path is None or not path.with_name(path.name + ".sound.npy").exists():
            return None
        pictures, *fields, sound = (
            np.asarray(np.load(path.with_name(path.name + suffix), mmap_mode="r"))
            for suffix in self._parts()
        )
        label = -1 if index < 0 else self.label(index)
        return Solo(label, pictures, sound, self.fps, self.rate, fields[0] if fields else None)


def _twin(index: int, kinds: int) -> int:
    block, place = divmod(index, 2 * kinds)
    return 2 * kinds * block + (place + kinds) % (2 * kinds)
