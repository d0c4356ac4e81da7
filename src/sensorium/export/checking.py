"""An exported file against the system that it was made from: the same logits, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sensorium.actions.systems import ActionSystem
from sensorium.export.about import About
from sensorium.export.running import advance, roll, zero_caches
from sensorium.export.tracing import OneFrame, random_frames

TOLERANCE = 1e-4
"""Largest difference of a 32-bit export's logits, as a part of the largest eager logit."""


@dataclass(frozen=True)
class Check:
    """How far a file is from its original.

    Attributes:
        shapes: batch size and number of frames of each comparison; none is the traced one.
        error: largest absolute difference of a logit.
        scale: largest absolute eager logit.
        eager_ms: one clip (streams: one frame), eager 32-bit floats, least of the repetitions.
        ms: the same by ONNX Runtime, with as many threads.
        threads: of both.
    """

    shapes: tuple[tuple[int, int], ...]
    error: float
    scale: float
    eager_ms: float
    ms: float
    threads: int

    @property
    def close(self) -> bool:
        """Whether the error is rounding and no more."""
        return self.error <= TOLERANCE * max(1.0, self.scale)

    @property
    def speedup(self) -> float:
        """How many times faster than eager."""
        return self.eager_ms / self.ms


@torch.no_grad()
def check(system: ActionSystem, session: Any, about: About, repeats: int = 5) -> Check:
    """Compare a session with its system, on noise, at batch sizes that were not traced."""
    count = about.view.sampling.count
    shapes = ((1, count), (3, count), (1, 2 * count))
    errors, scales = [], []
    for batch, frames in shapes:
        clips = random_frames(about, batch, frames, seed=1)
        if about.form == "clip":
            mine = session.run(["logits"], {"frames": clips.numpy()})[0]
            eager = system(clips).numpy()
        else:
            mine = np.stack(roll(session, clips.numpy()))
            eager = _eager_stream(system, clips)
        errors.append(float(np.abs(mine - eager).max()))
        scales.append(float(np.abs(eager).max()))
    eager_ms, ms = _speed(*_calls(system, session, about), repeats)
    threads = torch.get_num_threads()
    return Check(shapes, max(errors), max(scales), eager_ms, ms, threads)


def _eager_stream(system: ActionSystem, clips: torch.Tensor) -> NDArray[Any]:
    """Logits after each frame by the stream that people use in Python: ``[T, B, K]``."""
    from sensorium.actions.streaming import StreamingTSM
    from sensorium.actions.tsm import TSM

    assert isinstance(system.network, TSM)
    stream = StreamingTSM(system.network, len(clips))
    frames = system.pixels(clips).unbind(1)
    return np.stack([stream(frame).numpy() for frame in frames])


def _calls(
    system: ActionSystem, session: Any, about: About
) -> tuple[Callable[[], object], Callable[[], object]]:
    """One unit of work by each: a clip, or a frame of a stream."""
    clip = random_frames(about, 1, about.view.sampling.count)
    array = clip.numpy()
    if about.form == "clip":
        return lambda: system(clip), lambda: session.run(["logits"], {"frames": array})
    step, caches = OneFrame(system), zero_caches(session, 1)
    pixels = system.pixels(clip[:, :1])[:, 0]
    step.stream(pixels)
    frame = np.ascontiguousarray(array[:, 0])
    return (
        lambda: step.stream(system.pixels(clip[:, :1])[:, 0]),
        lambda: advance(session, frame, caches),
    )


def _speed(
    first: Callable[[], object], second: Callable[[], object], repeats: int
) -> tuple[float, float]:
    """Least milliseconds of each, by turns, so that the machine's moods hit both."""
    best = [float("inf"), float("inf")]
    for turn in range(repeats + 1):
        for i, work in enumerate((first, second)):
            start = time.perf_counter()
            work()
            if turn:  # the first warms up
                best[i] = min(best[i], time.perf_counter() - start)
    return 1e3 * best[0], 1e3 * best[1]
