"""`sit`: a person's expression over time, from rest to its height and perhaps back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from sensorium.seeds import generator
from sensorium.suggest import did_you_mean
from sensorium.types import Clip, Span, Video
from sensorium.worlds.portraits.actions import EXPRESSIONS
from sensorium.worlds.portraits.people import Identity, identity
from sensorium.worlds.portraits.portrait import Face, draw
from sensorium.worlds.portraits.shape import Pose

BLINKS_PER_SECOND = 0.3
BLINK_SECONDS = 0.22


@dataclass(frozen=True)
class Sitting:
    """One person showing one expression.

    Attributes:
        identity: who.
        expression: one of `EXPRESSIONS`.
        degrees: how strongly it is truly shown in each frame, 0..1.
        label: what a data set would say, from time alone: straight from 0 to 1 (and back), as
            the paper labels its clips.
        blinks: how far the eyes are shut, 0..1.
        poses: how the head is held.
        rate: frames per second.
    """

    identity: Identity
    expression: str
    degrees: Float32[Tensor, " T"]
    label: Float32[Tensor, " T"]
    blinks: tuple[float, ...]
    poses: tuple[Pose, ...]
    rate: float = 24.0

    def __len__(self) -> int:
        return len(self.poses)

    def face(self, index: int) -> Face:
        """The face in frame ``index``."""
        degrees = [0.0] * len(EXPRESSIONS)
        degrees[EXPRESSIONS.index(self.expression)] = float(self.degrees[index])
        return Face(self.identity, tuple(degrees), self.blinks[index], self.poses[index])


def sit(
    seed: int,
    expression: str | None = None,
    frames: int | None = None,
    onset_only: bool = True,
    identity_seed: int | None = None,
) -> Sitting:
    """A sitting.

    The expression grows as ``t^k / (t^k + (1 - t)^k)`` with a ``k`` of 0.85 to 1.5 of its own
    to a height of 0.9 to 1, while the label grows as ``t``: time is not intensity, as in real
    clips. The first frame is at rest with open eyes.

    Args:
        seed: of everything; the same gives the same.
        expression: one of `EXPRESSIONS`; ``None`` draws one, each as likely.
        frames: how many, at least 2; ``None`` draws 10 to 20, or 30 to 60 with an offset.
        onset_only: end at the height, as the paper's clips; else hold it and return to rest.
        identity_seed: who sits (see `people.split_seed`); ``None`` is ``seed``.

    Raises:
        ValueError: for an unknown expression or fewer than 2 frames.
    """
    if expression is not None and expression not in EXPRESSIONS:
        raise ValueError(
            f"no expression is called {expression!r}{did_you_mean(expression, EXPRESSIONS)}"
        )
    if frames is not None and frames < 2:
        raise ValueError(f"a sitting needs at least 2 frames, got {frames}")
    rng = generator(seed, "sitting")
    drawn = EXPRESSIONS[int(rng.integers(len(EXPRESSIONS)))]
    count = int(rng.integers(10, 21) if onset_only else rng.integers(30, 61))
    count = frames or count
    time = np.arange(count) / (count - 1)
    rise, fall = float(rng.uniform(0.3, 0.5)), float(rng.uniform(0.6, 0.75))
    power, height = float(rng.uniform(0.85, 1.5)), float(rng.uniform(0.9, 1.0))
    label = time
    if not onset_only:
        label = np.clip(np.minimum(time / rise, (1.0 - time) / (1.0 - fall)), 0.0, 1.0)
    degrees = height * label**power / (label**power + (1.0 - label) ** power)
    rate = 24.0
    return Sitting(
        identity=identity(seed if identity_seed is None else identity_seed),
        expression=expression or drawn,
        degrees=torch.from_numpy(np.round(degrees, 6).astype(np.float32)),
        label=torch.from_numpy(label.astype(np.float32)),
        blinks=_blinks(rng, count, rate),
        poses=_poses(rng, time),
        rate=rate,
    )


def _blinks(rng: np.random.Generator, count: int, rate: float) -> tuple[float, ...]:
    """How far the eyes are shut in each frame; open in the first one."""
    seconds = count / rate
    shut = np.zeros(count)
    for _ in range(int(rng.poisson(BLINKS_PER_SECOND * seconds))):
        middle = float(rng.uniform(BLINK_SECONDS, max(seconds, 2 * BLINK_SECONDS)))
        away = np.abs(np.arange(count) / rate - middle) / (0.5 * BLINK_SECONDS)
        shut = np.maximum(shut, np.clip(1.3 - 1.3 * away, 0.0, 1.0))
    shut[0] = 0.0
    return tuple(float(s) for s in np.round(shut, 6))


def _poses(rng: np.random.Generator, time: np.ndarray) -> tuple[Pose, ...]:
    """A head held about the middle, which drifts and sways a little."""
    first = rng.normal(0.0, 1.0, 4) * (0.010, 0.008, 0.030, 0.02)
    drift = rng.normal(0.0, 1.0, 4) * (0.005, 0.004, 0.012, 0.004)
    phase, turns = rng.uniform(0.0, 6.28, 4), rng.uniform(0.5, 1.5, 4)
    sway = rng.normal(0.0, 1.0, 4) * (0.0015, 0.0015, 0.005, 0.0015)
    out = []
    for t in time:
        wave = np.sin(phase + 6.28 * turns * t) - np.sin(phase)
        dx, dy, roll, scale = np.round(
            np.clip(first, -0.03, 0.03) * (1, 1, 2, 1) + drift * t + sway * wave, 6
        ).tolist()
        out.append(Pose(dx, dy, roll, 1.0 + scale))
    return tuple(out)


class SittingVideo(Video):
    """A sitting's pictures, each drawn when it is asked for."""

    def __init__(self, sitting: Sitting, size: int) -> None:
        self.sitting = sitting
        self.span = Span(0.0, len(sitting) / sitting.rate)
        self.fps, self.height, self.width = sitting.rate, size, size

    def frames(self, times: Sequence[float]) -> UInt8[Tensor, "T 3 H W"]:
        """The frame on display at each time."""
        last = len(self.sitting) - 1
        at = [min(max(int(t * self.fps + 1e-6), 0), last) for t in times]
        return torch.stack([draw(self.sitting.face(i), self.height).frame for i in at])


def clip(sitting: Sitting, size: int = 128) -> Clip:
    """The sitting as a lazy clip without sound."""
    return Clip(SittingVideo(sitting, size), None, name=f"portrait {sitting.expression}")
