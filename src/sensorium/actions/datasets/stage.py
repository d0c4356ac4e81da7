"""Labelled clips of the stage world: moves whose meaning lies in their order, and rest.

Clip ``index`` of a split has the world seed ``seeds.split_seed(split, index)`` and the class
``index modulo classes``, so that classes are balanced and splits share no clip. The test split is
closed under time reversal: clip ``2k + 1`` is clip ``2k`` backwards, with the partner's label. A
network that averages over frames scores both alike and is therefore right on at most one of the
two, except for ``rest``, which backwards is ``rest``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from sensorium.actions.augment import Augmenter, fit_frames
from sensorium.actions.datasets.frame_cache import FrameCache
from sensorium.actions.datasets.video_examples import Look
from sensorium.actions.mirror import mirror_labels
from sensorium.actions.sampling import frame_count, index_times
from sensorium.recipe import Split
from sensorium.seeds import generator, split_seed
from sensorium.types import Clip, FrameVideo, Span, Video
from sensorium.worlds.stage.moves import LABELS, partner

Frames = NDArray[np.uint8]  # [F, H, W, 3]


_ASPECTS = (1.0, 4 / 3, 16 / 9)
"""Shapes in which episodes are filmed before they are squashed to a square."""


def _squashed(frame: Frames, size: int) -> Frames:
    import cv2

    return np.asarray(cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def stage_classes() -> tuple[str, ...]:
    """The stage's classes in the order of the labels."""
    return LABELS


_FILM_SIZES = ((112, 112), (120, 160), (240, 320), (180, 320))
_FIRST_FILM = 1_000_000  # far from the indices of the split's clips


def stage_films(split: Split, count: int) -> Iterator[Clip]:
    """Whole episodes of a split, of 10 s, in several sizes."""
    from sensorium.worlds import stage

    for k in range(count):
        episode = stage.compose(split_seed(split, _FIRST_FILM + k), 10.0)
        height, width = _FILM_SIZES[k % len(_FILM_SIZES)]
        yield stage.clip(episode, height, width, fps=24.0)


@dataclass(frozen=True)
class StageClips:
    """Square clips of the stage, rendered when asked for or kept in a folder.

    Attributes:
        split: of the world's seeds.
        count: clips.
        seconds: length of each.
        fps: frame rate in hertz.
        size: height and width in pixels.
        cache: folder for rendered clips; ``None`` renders only the frames asked for, each time.
        episodes: share of the clips that are cut out of whole episodes (see ``stage.moment``); the
            others show a single move.
    """

    split: Split
    count: int
    seconds: float = 2.0
    fps: float = 8.0
    size: int = 128
    cache: Path | None = None
    episodes: float = 0.0

    @property
    def length(self) -> int:
        """Frames per clip."""
        return frame_count(Span(0.0, self.seconds), self.fps)

    def label(self, index: int) -> int:
        """Class of a clip."""
        return index % len(LABELS)

    def render(self, index: int, wanted: Sequence[int] | None = None) -> Frames:
        """Frames of one clip by their numbers (default: all).

        Shape:
            ``uint8 [len(wanted), size, size, 3]``.
        """
        from sensorium.worlds import stage

        seed, label = split_seed(self.split, index), LABELS[self.label(index)]
        times = index_times(range(self.length) if wanted is None else wanted, self.fps)
        rng = generator(seed, "shot")
        if rng.uniform() >= self.episodes:
            episode = stage.compose_clip(seed, label=label, seconds=self.seconds)
            return stage.frames(episode, times, self.size, self.size)
        moment = stage.moment(seed, label, self.seconds)
        width = round(self.size * float(rng.choice(_ASPECTS)))
        times = [moment.start + t for t in times]
        wide = stage.frames(moment.episode, times, self.size, width)
        return np.stack([_squashed(frame, self.size) for frame in wide])

    def store(self) -> FrameCache | None:
        """The folder of rendered clips, filled where it lacks some; ``None`` without ``cache``."""
        if self.cache is None:
            return None
        name = f"stage-{self.split}-{self.seconds:g}s-{self.fps:g}fps-{self.size}px"
        if self.episodes:
            name += f"-{self.episodes:g}episodes"
        shape = (self.length, self.size, self.size, 3)
        store = FrameCache(Path(self.cache) / name, self.count, shape)
        store.check(self.render)
        store.fill(self.render)
        return store


class StageExamples:
    """One split of the stage's clips.

    An example is ``frames``: ``uint8 [F, 3, S, S]`` and ``label``: ``int64 []``.

    Args:
        clips: where the frames come from.
        split: ``train`` draws frames, crops and flips from the seed; ``test`` has each clip
            twice, forwards and backwards.
        look: how a clip becomes an example.
    """

    def __init__(self, clips: StageClips, split: Split, look: Look) -> None:
        self.clips = clips
        self.classes = LABELS
        self.split: Split = split
        self.look = look
        self._store = clips.store()
        self._augment = Augmenter(look.augmentation, look.size, look.fit, mirror_labels(LABELS))

    def __len__(self) -> int:
        """Examples in the split."""
        return self.clips.count * (2 if self.split == "test" else 1)

    def video(self, index: int) -> tuple[Video, int]:
        """All frames of a clip and its label: what test protocols need."""
        wanted = list(range(self.clips.length))
        frames, label = self._clip(index, wanted)
        return FrameVideo(frames.contiguous(), self.clips.fps), label

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """The frames and the label of one clip."""
        rng = generator(seed, "clip", index) if self.split == "train" else None
        wanted = self.look.sampling.indices(self.clips.length, self.split, rng)
        frames, label = self._clip(index, wanted)
        if rng is None:
            frames = fit_frames(frames, self.look.size, self.look.fit).contiguous()
        else:
            frames, label = self._augment(frames, label, rng)
        return {"frames": frames, "label": torch.tensor(label)}

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Indices of each test clip and its reverse, where the two differ in their label."""
        assert self.split == "test"
        for k in range(self.clips.count):
            name = LABELS[self.clips.label(k)]
            if partner(name) != name:
                yield 2 * k, 2 * k + 1

    def _clip(self, index: int, wanted: Sequence[int]) -> tuple[UInt8[Tensor, "F 3 H W"], int]:
        """Chosen frames in the order of time as this example runs, and its label."""
        if not 0 <= index < len(self):
            raise IndexError(f"example {index} of {len(self)}")
        number, backwards = divmod(index, 2) if self.split == "test" else (index, 0)
        if self._store is None:
            pictures = self.clips.render(number, wanted)
        else:
            pictures = self._store[number][list(wanted)]
        frames = torch.from_numpy(pictures).permute(0, 3, 1, 2)  # [F, H, W, 3] -> [F, 3, H, W]
        label = self.clips.label(number)
        if backwards:
            frames, label = frames.flip(0), LABELS.index(partner(LABELS[label]))
        return frames, label
