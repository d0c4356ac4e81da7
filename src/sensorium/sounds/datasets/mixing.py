"""Mix-and-Separate: mixtures of solos whose parts are therefore known (arXiv:1804.03160, 3.2).

Which solos are mixed is a policy. The released code draws from everything; ours never mixes a
recording with the same stretch of itself, for which no mask is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from jaxtyping import Float16, Float32, UInt8
from numpy.typing import NDArray
from torch import Tensor

from sensorium import images, signals
from sensorium.optical_flow import FlowGrid
from sensorium.recipe import Split
from sensorium.seeds import generator
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.view import SoundView
from sensorium.types import Span

Policy = Literal["any", "different", "same-class", "same-video"]
_TRIES = 12  # for a stretch that is not silent
_GAIN = (0.5, 1.5)


class Recording(Protocol):
    """What is seen and heard of one source alone."""

    @property
    def label(self) -> int:
        """Class, or -1."""

    @property
    def seconds(self) -> float:
        """Length."""

    def samples(self, start: float, count: int) -> Float32[Tensor, " N"]:
        """Mono samples from ``start`` seconds, silence outside."""

    def frames(self, times: list[float]) -> UInt8[Tensor, "T 3 H W"]:
        """The picture on display at each time."""


@runtime_checkable
class Moving(Protocol):
    """A recording that knows how its pictures move."""

    def flow(self, times: list[float]) -> Float16[Tensor, "T-1 2 h w"] | None:
        """The fields between the pictures at these times, in their pixels; ``None``: not known."""


class Recordings(Protocol):
    """A split's recordings; negative indices are silent ones without performers."""

    def __len__(self) -> int:
        """How many."""

    def __getitem__(self, index: int) -> Recording:
        """One of them."""

    def label(self, index: int) -> int:
        """Class of one, without reading it; -1 where unknown."""

    def twin(self, index: int) -> int:
        """One that looks the same; ``index`` itself where there is none."""


@dataclass(frozen=True)
class Mixing:
    """How solos become mixtures.

    Attributes:
        sources: in a mixture, 2 to 4.
        policy: ``any`` two recordings, of ``different`` classes, of the ``same-class`` (twins
            where there are such), or two stretches of the ``same-video``.
        silent: share of draws (after the first) that are silent and show no performer, so that
            backgrounds learn silence; training only.
        augment: crops, mirror images and gains in training.
    """

    sources: int = 2
    policy: Policy = "any"
    silent: float = 0.0
    augment: bool = True


@dataclass(frozen=True)
class Sights:
    """What is seen of stretches.

    Attributes:
        view: which pictures.
        flow: which motion; ``None`` for none.
        seconds: of a stretch.
        augment: whether pictures are cropped and mirrored.
    """

    view: SoundView
    flow: FlowGrid | None
    seconds: float
    augment: bool = False

    def of(self, recording: Recording, start: float, rng: np.random.Generator) -> dict[str, Tensor]:
        """What is seen of a stretch, cropped and mirrored alike in training.

        Fields that a recording holds already are of its whole pictures, which are then not cropped.
        """
        times = self.view.times(Span(start, start + self.seconds))
        times = [min(max(t, 0.0), recording.seconds) for t in times]
        frames = recording.frames(times)
        flow = None
        if self.flow is not None and isinstance(recording, Moving):
            flow = recording.flow(times)
        mirrored = False
        if self.augment:
            if flow is None:
                frames = _cropped(frames, rng)
            mirrored = bool(rng.uniform() < 0.5)
        size = (self.view.size, self.view.size)
        sight = {"frames": _planes(images.resize(frames, size), mirrored)}
        if self.flow is not None and flow is None:
            sight["flow"] = self.flow(sight["frames"])
        elif flow is not None:
            sight["flow"] = _mirrored(flow) if mirrored else flow
        return sight


class Mixtures:
    """Examples of one split.

    An example is ``waves``: ``float32 [S, N]``, ``frames``: ``uint8 [S, T, 3, H, W]`` and
    ``label``: ``int64 [S]``; where motion is wanted also ``flow``: ``float16 [S, T-1, 2, h, w]`` in
    pixels. In training the first source is solo ``index`` and all else is drawn
    from the seed; in validation and test everything is drawn from the index.

    Args:
        recordings: of the split.
        count: examples in the split.
        split: ``train`` augments.
        mixing: how.
        spectra: length and rate of the sound.
        view: which pictures.
        flow: which motion; ``None`` for none.
    """

    def __init__(
        self,
        recordings: Recordings,
        count: int,
        split: Split,
        mixing: Mixing,
        spectra: SpectraConfig,
        view: SoundView,
        flow: FlowGrid | None = None,
    ) -> None:
        if not 2 <= mixing.sources <= 4:
            raise ValueError(f"mixtures are of 2 to 4 sources, got {mixing.sources}")
        self.recordings, self.count, self.split = recordings, count, split
        self.mixing, self.spectra, self.view, self.flow = mixing, spectra, view, flow
        augment = mixing.augment and split == "train"
        self._sights = Sights(view, flow, spectra.seconds, augment)
        self._labels = np.array([recordings.label(i) for i in range(len(recordings))])

    def __len__(self) -> int:
        """Examples in an epoch."""
        return self.count

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """One mixture's parts."""
        if not 0 <= index < self.count:
            raise IndexError(f"example {index} of {self.count}")
        training = self.split == "train"
        rng = generator(seed, "mixture") if training else generator(index, "mixture", self.split)
        chosen = self.choose(index % len(self.recordings), rng)
        starts: list[tuple[int, float]] = []
        waves, sights, labels = [], [], []
        for number in chosen:
            recording = self.recordings[number]
            start, sound = self._stretch(number, recording, rng, starts)
            starts.append((number, start))
            waves.append(sound)
            sights.append(self._sights.of(recording, start, rng))
            labels.append(recording.label)
        gains = rng.uniform(*_GAIN, len(waves)) if training else np.ones(len(waves))
        mixed = signals.mix(torch.stack(waves), torch.from_numpy(gains).float())
        seen = {key: torch.stack([sight[key] for sight in sights]) for key in sights[0]}
        return {"waves": mixed, **seen, "label": torch.tensor(labels)}

    def choose(self, first: int, rng: np.random.Generator) -> list[int]:
        """Which recordings are mixed.

        Raises:
            ValueError: when the policy cannot be met.
        """
        chosen = [first]
        for _ in range(self.mixing.sources - 1):
            if self.split == "train" and rng.uniform() < self.mixing.silent:
                chosen.append(-1 - int(rng.integers(64)))
                continue
            free = self._candidates(first, chosen)
            if not len(free):
                raise ValueError(
                    f"no {len(chosen) + 1} recordings can be mixed by the policy "
                    f"{self.mixing.policy!r}; take another or give more recordings"
                )
            chosen.append(int(free[int(rng.integers(len(free)))]))
        return chosen

    def _candidates(self, first: int, chosen: Sequence[int]) -> NDArray[np.int64]:
        """What may be added to the chosen ones."""
        policy, labels = self.mixing.policy, self._labels
        twin = self.recordings.twin(first)
        if policy == "same-video":
            return np.array([first])
        if policy == "same-class" and twin not in chosen and twin < len(labels):
            return np.array([twin])
        taken = [c for c in chosen if c >= 0]
        fits = np.ones(len(labels), bool)
        fits[taken] = False
        if policy == "different":
            for label in labels[taken]:
                fits &= labels != label
        if policy == "same-class":
            fits &= labels == labels[first]
        return np.flatnonzero(fits)

    def _stretch(
        self,
        number: int,
        recording: Recording,
        rng: np.random.Generator,
        taken: Sequence[tuple[int, float]],
    ) -> tuple[float, Float32[Tensor, " N"]]:
        """Where a stretch begins and its sound; not silent, and not one that is taken already."""
        length, count = self.spectra.seconds, self.spectra.samples
        latest = max(0.0, recording.seconds - length)
        others = [start for other, start in taken if other == number]
        best: tuple[float, float, Tensor] | None = None
        for _ in range(_TRIES):
            start = float(rng.uniform(0.0, latest)) if latest else 0.0
            sound = recording.samples(start, count)
            apart = min((abs(start - other) for other in others), default=length)
            level = float(sound.square().mean().sqrt())
            worth = level if apart >= 0.5 * length else 1e-9 * apart
            if best is None or worth > best[0]:
                best = worth, start, sound
            if number < 0 or (worth > 0.004 and apart >= length):
                break
        assert best is not None
        if number >= 0 and min((abs(best[1] - other) for other in others), default=1.0) < 1e-3:
            raise ValueError(
                f"recording {number} is {recording.seconds:.1f} s long, too short for "
                f"{len(others) + 1} different stretches of {length:.1f} s; leave it out, shorten "
                "the window or take another policy"
            )
        return best[1], best[2]


def _cropped(
    frames: UInt8[Tensor, "T 3 H W"], rng: np.random.Generator
) -> UInt8[Tensor, "T 3 h w"]:
    height, width = frames.shape[-2:]
    scale = float(rng.uniform(0.75, 1.0))
    h, w = round(scale * height), round(scale * width)
    top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    return images.crop(frames, top, left, h, w)


def _mirrored(flow: Float16[Tensor, "T 2 h w"]) -> Float16[Tensor, "T 2 h w"]:
    """The fields of mirrored pictures: what went right goes left."""
    return flow.flip(-1) * flow.new_tensor([-1.0, 1.0])[:, None, None]


def _planes(frames: UInt8[Tensor, "T 3 S S"], mirrored: bool) -> UInt8[Tensor, "T 3 S S"]:
    """The pictures channel by channel in memory, maybe left and right exchanged.

    OpenCV takes the channels of decoders' ``H W 3`` apart three times as fast as PyTorch.
    """
    count, _, height, width = frames.shape
    rows = frames.permute(0, 2, 3, 1).reshape(-1, width, 3).numpy()  # [T, 3, S, S] -> [T*S, S, 3]
    out = np.empty((count, 3, height, width), np.uint8)
    for channel, plane in enumerate(cv2.split(cv2.flip(rows, 1) if mirrored else rows)):
        out[:, channel] = plane.reshape(count, height, width)
    return torch.from_numpy(out)
