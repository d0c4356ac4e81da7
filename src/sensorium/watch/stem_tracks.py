"""One pass over a clip's stems: their sound for the page or beside it, and their spectrograms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath

from jaxtyping import Float
from torch import Tensor

from sensorium.sounds.results import Stems
from sensorium.types import Span
from sensorium.watch.spectrogram import pictures
from sensorium.watch.stem_sound import StemSound

EMBEDDED_SECONDS = 300.0  # of sound whose stems go into the page

_BLOCK_SECONDS = 10.0
_FLOOR_DB = -50.0  # of loudness: relative to the loudest stem's loudest moment
_HEARD = 0.4  # loudness from which a source sounds: -30 dB
_GAP_SECONDS = 0.4  # a shorter silence does not end a stretch
_SHORTEST_SECONDS = 0.15  # of a stretch


@dataclass(frozen=True)
class Tracks:
    """What the page shows and plays of the stems, each tuple in their order.

    Attributes:
        span: of the sound, on the clip's clock.
        sounds: AAC in MP4, empty when the stems are files.
        links: files relative to the report's folder, empty when the stems are in the page.
        pictures: spectrograms as PNG (see `spectrogram`).
        loudness: over time, 0 at ``-50`` dB and 1 at the loudest moment of all stems.
        highest: frequency at the top of the spectrograms in Hz.

    Shape:
        ``loudness``: ``[S, N]``.
    """

    span: Span
    sounds: tuple[bytes, ...] = field(repr=False)
    links: tuple[str, ...]
    pictures: tuple[bytes, ...] = field(repr=False)
    loudness: Float[Tensor, "S N"] = field(repr=False)
    highest: float

    @property
    def inside(self) -> bool:
        """Whether the page holds the sound."""
        return not self.links

    def times(self) -> list[float]:
        """Middle of each column of ``loudness`` on the clip's clock, in seconds."""
        count = self.loudness.shape[1]
        return [self.span.start + (i + 0.5) * self.span.duration / count for i in range(count)]

    def stretches(self, stem: int) -> list[Span]:
        """When a stem sounds."""
        count = self.loudness.shape[1]
        step = self.span.duration / count
        heard = [False, *(self.loudness[stem] >= _HEARD).tolist(), False]
        edges = [i for i, (a, b) in enumerate(pairwise(heard)) if a != b]
        found: list[Span] = []
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            span = Span(self.span.start + first * step, self.span.start + last * step)
            if found and span.start - found[-1].end < _GAP_SECONDS:
                found[-1] = Span(found[-1].start, span.end)
            else:
                found.append(span)
        return [s for s in found if s.duration >= min(_SHORTEST_SECONDS, self.span.duration)]


def make_tracks(stems: Stems, folder: Path, told: Callable[[float], None]) -> Tracks:
    """Go once through the stems, a few seconds in memory at a time.

    Args:
        stems: to be shown.
        folder: of the report; long stems go into its ``stems/``.
        told: takes the share that is done, 0..1.
    """
    links: tuple[str, ...] = ()
    if stems.span.duration > EMBEDDED_SECONDS:
        links = tuple(PurePosixPath(path).with_suffix(".m4a").as_posix() for path in stems.paths())
        (folder / links[0]).parent.mkdir()
    targets: list[Path | None] = [folder / link for link in links]
    targets = targets or [None] * len(stems.stems)
    writers = [StemSound(target, stems.rate, stems.channels) for target in targets]
    total = max(1, round(stems.span.duration * stems.rate))
    done = 0
    for block in stems.blocks(seconds=_BLOCK_SECONDS):
        for writer, samples in zip(writers, block, strict=True):
            writer.feed(samples)
        done += block.shape[-1]
        told(min(done / total, 1.0))
    sounds = [writer.close() for writer in writers]
    overview = stems.overview  # gathered on the way
    return Tracks(
        span=stems.span,
        sounds=() if links else tuple(sounds),
        links=links,
        pictures=pictures(overview.spectrogram),
        loudness=_loudness(overview.loudness),
        highest=stems.separator.system.config.spectra.rate / 2,
    )


def _loudness(levels: Float[Tensor, "S N"]) -> Float[Tensor, "S N"]:
    """Root mean squares as decibels between the floor and the loudest, 0..1; silence is 0."""
    loudest = float(levels.max())
    if loudest < 1e-6:
        return levels.new_zeros(levels.shape)
    decibels = 20 * (levels / loudest).clamp(min=1e-6).log10()
    return (1 - decibels / _FLOOR_DB).clamp(0, 1)
