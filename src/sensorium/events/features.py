"""A video as a sequence of vectors at a steady rate: what WSDEC reads in place of pictures.

The paper takes C3D's fc7, reduced to 500 numbers by PCA, one vector per 16 frames (Duan et al.,
arXiv:1812.03849, section 4). Any sequence will do here (`Features`); `StageFeatures` makes one from
a file by networks that come with the package, from what is seen and what is heard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sensorium.events.heard import Heard, HeardConfig
from sensorium.events.seen import Seen, SeenConfig
from sensorium.types import Clip, Span


@dataclass(frozen=True)
class Features:
    """Vectors over time: row ``i`` tells of ``start + i / rate`` to ``start + (i + 1) / rate``.

    Attributes:
        values: ``[N, D]``.
        rate: rows per second, in hertz.
        start: of the first row, in seconds on the clip's clock.
        missing: parts that the clip had nothing for, such as ``heard``; they are zeros.

    Raises:
        ValueError: for values of another shape, or a rate that is not positive.
    """

    values: Float[Tensor, "N D"]
    rate: float
    start: float = 0.0
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise ValueError(f"features must be [steps, dim], got {list(self.values.shape)}")
        if not self.rate > 0:
            raise ValueError(f"features need a rate above 0 Hz, got {self.rate!r}")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def dim(self) -> int:
        """Numbers per step."""
        return int(self.values.shape[1])

    @property
    def span(self) -> Span:
        """From the start of the first row to the end of the last."""
        return Span(self.start, self.start + len(self.values) / self.rate)

    def between(self, start: float, end: float) -> Features:
        """The rows whose middles lie in ``start <= t < end`` (seconds)."""
        first = round((start - self.start) * self.rate)
        last = round((end - self.start) * self.rate)
        first = min(max(first, 0), len(self.values))
        last = min(max(last, first), len(self.values))
        rows = self.values[first:last]
        return Features(rows, self.rate, self.start + first / self.rate, self.missing)

    def resampled(self, rate: float) -> Features:
        """At another rate: means of what falls into a new row, or rows repeated.

        Raises:
            ValueError: for a rate that is not positive.
        """
        if not rate > 0:
            raise ValueError(f"features need a rate above 0 Hz, got {rate!r}")
        if rate == self.rate or not len(self.values):
            return Features(self.values, rate, self.start, self.missing)
        count = max(1, round(len(self.values) * rate / self.rate))
        ends = torch.arange(count + 1, dtype=torch.float64) * self.rate / rate
        ends = ends.clamp_max(len(self.values))
        total = torch.cat([self.values.new_zeros(1, self.dim), self.values]).double().cumsum(0)
        below = ends.floor().long().clamp_max(len(self.values) - 1)
        # the integral of the rows up to each end
        upto = total[below] + (ends - below)[:, None] * self.values[below].double()
        width = (ends[1:] - ends[:-1])[:, None].clamp_min(1e-9)
        values = ((upto[1:] - upto[:-1]) / width).to(self.values.dtype)
        return Features(values, rate, self.start, self.missing)


class FeatureSource(Protocol):
    """What turns clips into `Features`.

    Attributes:
        dim: numbers per step.
        rate: steps per second, in hertz.
    """

    @property
    def dim(self) -> int:
        """Numbers per step."""

    @property
    def rate(self) -> float:
        """Steps per second, in hertz."""

    def of(self, clip: Clip, span: Span | None = None) -> Features:
        """Features of ``span`` (default: all of the clip)."""


@dataclass(frozen=True)
class StageFeaturesConfig:
    """What `StageFeatures` is built from.

    Attributes:
        seen: what is taken from the pictures; ``None``: nothing.
        heard: what is taken from the sound; ``None``: nothing.
        rate: steps per second, in hertz.
        window: steps that are worked on at once.
    """

    seen: SeenConfig | None = field(default_factory=SeenConfig)
    heard: HeardConfig | None = field(default_factory=HeardConfig)
    rate: float = 4.0
    window: int = 64

    def __post_init__(self) -> None:
        if self.seen is None and self.heard is None:
            raise ValueError("features need something seen or something heard, got neither")
        if not self.rate > 0:
            raise ValueError(f"features need a rate above 0 Hz, got {self.rate!r}")
        if self.window < 1:
            raise ValueError(f"features: window must be at least 1 step, got {self.window!r}")


class StageFeatures(nn.Module):
    """What is seen and what is heard, side by side; frozen, and made in windows.

    What a window gives does not depend on the windows: the pictures beside it that the networks
    look at are read along with it.
    """

    def __init__(self, config: StageFeaturesConfig) -> None:
        super().__init__()
        self.config = config
        self.seen = None if config.seen is None else Seen(config.seen)
        self.heard = None if config.heard is None else Heard(config.heard, config.rate)
        self.requires_grad_(False)
        self.eval()

    @property
    def dim(self) -> int:
        """Numbers per step."""
        return sum(part.dim for part in (self.seen, self.heard) if part is not None)

    @property
    def rate(self) -> float:
        """Steps per second, in hertz."""
        return self.config.rate

    def start_from_bundled(self) -> StageFeatures:
        """Take the weights that come with the package; returns itself."""
        if self.seen is not None:
            self.seen.start_from_bundled()
        return self

    def train(self, mode: bool = True) -> StageFeatures:
        """Stays in ``eval()``: nothing here is trained."""
        del mode
        super().train(False)
        return self

    @torch.no_grad()
    def of(self, clip: Clip, span: Span | None = None) -> Features:
        """Features of ``span`` (default: all of the clip), in bounded memory but for the result.

        Sound or pictures that the clip has not are zeros, named in ``missing``.

        Raises:
            ValueError: when the clip has nothing that the features are made of.
        """
        span = span or clip.span
        missing = self.missing(clip)
        steps = max(1, round(span.duration * self.rate))
        parts = [
            torch.cat([self._seen(clip, piece), self._heard(clip, piece)], 1)
            for piece in self._pieces(span.start, steps)
        ]
        return Features(torch.cat(parts), self.rate, span.start, missing)

    def _pieces(self, start: float, steps: int) -> Iterator[tuple[float, int]]:
        """Start in seconds and steps of each window."""
        for first in range(0, steps, self.config.window):
            yield start + first / self.rate, min(self.config.window, steps - first)

    def missing(self, clip: Clip) -> tuple[str, ...]:
        """Parts that the clip has nothing for.

        Raises:
            ValueError: when it has nothing for any.
        """
        lacks = {
            "seen": self.seen is not None and clip.video is None,
            "heard": self.heard is not None and clip.audio is None,
        }
        has = (self.seen is not None and clip.video) or (self.heard is not None and clip.audio)
        if not has:
            wanted = "pictures" if self.heard is None else "sound"
            raise ValueError(
                f"{clip.name}: these features are made of {wanted}, which the clip has not"
            )
        return tuple(name for name, lack in lacks.items() if lack)

    def _seen(self, clip: Clip, piece: tuple[float, int]) -> Float[Tensor, "N d"]:
        start, steps = piece
        if self.seen is None:
            return torch.empty(steps, 0)
        if clip.video is None:
            return torch.zeros(steps, self.seen.dim)
        return self.seen.of(clip.video, start, steps, self.rate)

    def _heard(self, clip: Clip, piece: tuple[float, int]) -> Float[Tensor, "N d"]:
        start, steps = piece
        if self.heard is None:
            return torch.empty(steps, 0)
        if clip.audio is None:
            return torch.zeros(steps, self.heard.dim)
        return self.heard.of(clip.audio, start, steps)
