"""Which frames of a clip a network sees: the published index functions of TSM/TSN and StNet.

Paper: Lin, Gan, Han, "TSM: Temporal Shift Module for Efficient Video Understanding",
arXiv:1811.08383, and its released code (uniform sampling of TSN, dense sampling of I3D); He et
al., "StNet: Local and Global Spatial-Temporal Modeling for Action Recognition", arXiv:1811.01549,
and its released code (snippets).

Letters: ``L`` frames in the clip, ``T`` segments, ``l`` (or StNet's ``N``) consecutive frames per
segment.

How ours differs: indices count from 0 (the published lists count from 1); clips too short for a
formula repeat frames instead of failing; dense sampling in validation takes the middle window
(the released code draws it at random).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sensorium.recipe import Split
from sensorium.types import Span

DENSE_WINDOW = 64  # frames that one dense clip covers


def uniform_train(
    frames: int, segments: int, rng: np.random.Generator, snippet: int = 1
) -> list[int]:
    """First frame of each segment's snippet: a random one per segment (TSN).

    Clips shorter than ``segments`` give ``segments`` times frame 0, as released.
    """
    L, T, starts = frames, segments, frames - snippet + 1
    d = starts // T
    if d > 0:
        return [k * d + int(rng.integers(d)) for k in range(T)]
    if L > T:
        return sorted(rng.integers(max(1, starts), size=T).tolist())
    return [0] * T


def uniform_val(frames: int, segments: int, snippet: int = 1) -> list[int]:
    """First frame of each segment's snippet: the segment's middle; all 0 if ``L <= T + l - 1``."""
    if frames <= segments + snippet - 1:
        return [0] * segments
    tick = (frames - snippet + 1) / segments
    return [int(tick / 2 + tick * k) for k in range(segments)]


def uniform_test(frames: int, segments: int, snippet: int = 1, clip: int = 0) -> list[int]:
    """First frame of each segment's snippet: its middle (``clip`` 0) or its start (``clip`` 1).

    Unlike `uniform_val` short clips repeat frames instead of showing frame 0 alone.

    Raises:
        ValueError: for another ``clip``.
    """
    if clip not in (0, 1):
        raise ValueError(f"uniform sampling has test clips 0 and 1, got {clip}; use dense sampling")
    tick = max(0.0, (frames - snippet + 1) / segments)
    phase = tick / 2 if clip == 0 else 0.0
    return [int(phase + tick * k) for k in range(segments)]


def _dense(frames: int, segments: int, start: int) -> list[int]:
    stride = max(1, DENSE_WINDOW // segments)
    return [(start + k * stride) % frames for k in range(segments)]


def _dense_positions(frames: int) -> int:
    return max(1, frames - DENSE_WINDOW + 1)


def dense_train(frames: int, segments: int, rng: np.random.Generator) -> list[int]:
    """``segments`` frames out of a random window of 64; short clips wrap around.

    As released, the last possible start is never drawn.
    """
    positions = _dense_positions(frames)
    start = 0 if positions == 1 else int(rng.integers(positions - 1))
    return _dense(frames, segments, start)


def dense_val(frames: int, segments: int) -> list[int]:
    """``segments`` frames out of the middle window of 64 (released: a random window)."""
    return _dense(frames, segments, (_dense_positions(frames) - 1) // 2)


def dense_test(frames: int, segments: int, clips: int = 10) -> list[list[int]]:
    """``clips`` windows of 64 frames, evenly spread from the first to the last possible start."""
    starts = np.linspace(0, _dense_positions(frames) - 1, clips).astype(int).tolist()
    return [_dense(frames, segments, start) for start in starts]


def snippets_train(frames: int, segments: int, snippet: int, rng: np.random.Generator) -> list[int]:
    """StNet: ``segments * snippet`` indices, each snippet at a random place of its segment."""
    D = frames // segments
    if snippet <= D:
        starts = [k * D + int(rng.integers(D - snippet + 1)) for k in range(segments)]
    else:
        starts = [k * D if D >= 1 else k for k in range(segments)]
    return _consecutive(frames, starts, snippet)


def snippets_test(frames: int, segments: int, snippet: int) -> list[int]:
    """StNet: ``segments * snippet`` indices, each snippet in the middle of its segment."""
    D = frames // segments
    if snippet <= D:
        starts = [k * D + (D - snippet) // 2 for k in range(segments)]
    else:
        starts = [k * D if D >= 1 else k for k in range(segments)]
    return _consecutive(frames, starts, snippet)


def _consecutive(frames: int, starts: Sequence[int], snippet: int) -> list[int]:
    """``snippet`` frames from each start; past the end StNet starts over (index modulo ``L``)."""
    return [(start + j) % frames for start in starts for j in range(snippet)]


@dataclass(frozen=True)
class Sampling:
    """Which frames of a clip a network sees.

    Attributes:
        kind: ``uniform`` (TSN, TSM: over the whole clip), ``dense`` (I3D style: out of a window
            of 64 frames) or ``snippets`` (StNet: consecutive frames from each segment).
        segments: ``T``.
        snippet: consecutive frames per segment, ``l`` or ``N``.
    """

    kind: Literal["uniform", "dense", "snippets"] = "uniform"
    segments: int = 8
    snippet: int = 1

    def __post_init__(self) -> None:
        if self.segments < 1 or self.snippet < 1:
            raise ValueError(
                "sampling needs segments >= 1 and snippet >= 1, "
                f"got {self.segments} and {self.snippet}"
            )
        if self.kind == "dense" and self.snippet != 1:
            raise ValueError(
                f"dense sampling takes single frames, got snippet={self.snippet}; set it to 1"
            )

    @property
    def count(self) -> int:
        """Frames per clip, ``segments * snippet``."""
        return self.segments * self.snippet

    @property
    def test_clips(self) -> int | None:
        """How many different test clips there are at most (``None``: any number)."""
        return {"uniform": 2, "dense": None, "snippets": 1}[self.kind]

    def indices(
        self, frames: int, mode: Split, rng: np.random.Generator | None = None
    ) -> list[int]:
        """`count` frame indices, 0-based, segment by segment.

        Args:
            frames: in the clip.
            mode: ``train`` (random), ``val`` or ``test`` (fixed).
            rng: needed by ``train`` only.

        Raises:
            ValueError: if there are no frames, or ``rng`` is missing in ``train``.
        """
        if frames < 1:
            raise ValueError(f"a clip needs at least 1 frame, got {frames}")
        if mode == "test":
            return self.test_indices(frames)[0]
        if mode == "val":
            return self._val(frames)
        if rng is None:
            raise ValueError("sampling for training needs a generator: pass rng")
        if self.kind == "dense":
            return dense_train(frames, self.segments, rng)
        if self.kind == "snippets":
            return snippets_train(frames, self.segments, self.snippet, rng)
        return self._expand(frames, uniform_train(frames, self.segments, rng, self.snippet))

    def test_indices(self, frames: int, clips: int = 1) -> list[list[int]]:
        """The indices of each of ``clips`` test clips.

        Raises:
            ValueError: if this kind of sampling has fewer test clips.
        """
        if clips < 1 or (self.test_clips is not None and clips > self.test_clips):
            raise ValueError(
                f"{self.kind} sampling gives 1 to {self.test_clips or 'any number of'} test clips, "
                f"got {clips}"
            )
        if self.kind == "dense":
            if clips == 1:
                return [dense_val(frames, self.segments)]
            return dense_test(frames, self.segments, clips)
        if self.kind == "snippets":
            return [snippets_test(frames, self.segments, self.snippet)]
        starts = [uniform_test(frames, self.segments, self.snippet, clip) for clip in range(clips)]
        return [self._expand(frames, s) for s in starts]

    def _val(self, frames: int) -> list[int]:
        if self.kind == "dense":
            return dense_val(frames, self.segments)
        if self.kind == "snippets":
            return snippets_test(frames, self.segments, self.snippet)
        return self._expand(frames, uniform_val(frames, self.segments, self.snippet))

    def _expand(self, frames: int, starts: list[int]) -> list[int]:
        """Snippets of uniform sampling stop at the last frame."""
        return [min(s + j, frames - 1) for s in starts for j in range(self.snippet)]


def frame_count(span: Span, fps: float) -> int:
    """Frames of a stretch of time at ``fps`` hertz, at least 1."""
    return max(1, round(span.duration * fps))


def index_times(indices: Sequence[int], fps: float, start: float = 0.0) -> list[float]:
    """Time stamps in seconds, ``start + (k + 0.5) / fps``: the middle of frame ``k``."""
    return [start + (k + 0.5) / fps for k in indices]


def sample_times(
    span: Span,
    fps: float,
    sampling: Sampling,
    mode: Split,
    rng: np.random.Generator | None = None,
) -> list[float]:
    """When to ask a video for the frames of one clip over ``span``, looked at at ``fps`` hertz."""
    return index_times(sampling.indices(frame_count(span, fps), mode, rng), fps, span.start)
