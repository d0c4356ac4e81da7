"""The pictures of a file as a `sensorium.types.Video`: decoded at the times asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from math import floor, isfinite

import av
import torch
from av.container import InputContainer
from av.video.frame import VideoFrame
from jaxtyping import UInt8
from torch import Tensor

from sensorium.media.cursor import Cursor
from sensorium.media.errors import MediaError, Problems
from sensorium.media.facts import VideoFacts
from sensorium.media.opening import reason
from sensorium.media.pixels import write_picture
from sensorium.media.sharing import Shared
from sensorium.types import Span, Video

_NEVER_A_FRAME_SECONDS = 1e-6  # times this little before a time stamp count as at it


def decoding_threads() -> int:
    """As many as PyTorch may use, at most 8: one in a DataLoader worker."""
    return max(1, min(torch.get_num_threads(), 8))


class FileVideo(Video):
    """A video stream, lazily.

    Holds one decoder, opened at first use, safe for several threads (one decodes at a time),
    picklable and forkable. Times in any order are sorted first, so that dense ones cost one pass.

    Attributes:
        problems: one line for each kind of damage met so far; empty while all is well.
    """

    def __init__(
        self,
        path: str,
        facts: VideoFacts,
        zero: Fraction,
        problems: Problems,
        container: InputContainer | None = None,
    ) -> None:
        base = facts.time_base
        self.path = path
        self.span = Span(float(facts.first * base - zero), float(facts.end * base - zero))
        self.fps = facts.fps
        self.height, self.width = facts.height, facts.width
        self._facts, self._zero, self._problems = facts, zero, problems
        make = partial(_make_cursor, path, facts, problems)
        self._shared: Shared[Cursor] = Shared(make, make(container) if container else None)

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each kind of damage met so far."""
        return self._problems.lines()

    def close(self) -> None:
        """Free the file; the next use opens it again."""
        self._shared.close()

    def frames(self, times: Sequence[float]) -> UInt8[Tensor, "T 3 H W"]:
        """The frame on display at each time.

        Raises:
            ValueError: for times that are not finite.
            MediaError: when the file can no longer be read, or nothing of it decoded.
        """
        return frames_at(times, self._tick, (self.height, self.width), self._fill)

    def _tick(self, seconds: float) -> int:
        since_zero = Fraction(seconds + _NEVER_A_FRAME_SECONDS) + self._zero
        return floor(since_zero / self._facts.time_base)

    def _fill(self, ticks: Sequence[int], out: UInt8[Tensor, "T 3 H W"], rows: Rows) -> None:
        with self._shared.use() as cursor:
            last: VideoFrame | None = None
            last_row = 0
            for tick in ticks:
                frame = cursor.at(tick)
                row = rows[tick][0]
                if frame is last:
                    out[row] = out[last_row]
                else:
                    self._convert(frame, out[row])
                last, last_row = frame, row
                for other in rows[tick][1:]:
                    out[other] = out[row]

    def _convert(self, frame: VideoFrame, out: UInt8[Tensor, "3 H W"]) -> None:
        turned = (frame.height, frame.width)
        if self._facts.turn.transpose:
            turned = turned[::-1]
        if turned != (self.height, self.width):
            self._problems.add(f"the picture size changes, scaled to {self.width}x{self.height}")
        try:
            write_picture(frame, out, self._facts.turn)
        except (av.FFmpegError, ValueError) as error:
            raise MediaError(
                f"{self.path}: a picture cannot be converted to RGB ({reason(error)})"
            ) from error

    def __repr__(self) -> str:
        return (
            f"FileVideo({self.path!r}, {self.width}x{self.height}, fps={self.fps:g}, {self.span})"
        )


Rows = dict[int, list[int]]


def frames_at(
    times: Sequence[float],
    tick_of: Callable[[float], int],
    size: tuple[int, int],
    fill: Callable[[Sequence[int], Tensor, Rows], None],
) -> UInt8[Tensor, "T 3 H W"]:
    """Sort ``times`` into ticks, let ``fill`` write each tick's picture into its rows."""
    rows: Rows = {}
    for row, seconds in enumerate(times):
        if not isfinite(seconds):
            raise ValueError(f"frame times must be finite seconds, got {seconds!r}")
        rows.setdefault(tick_of(seconds), []).append(row)
    out = torch.empty(len(times), 3, *size, dtype=torch.uint8)
    if rows:
        fill(sorted(rows), out, rows)
    return out


def _make_cursor(
    path: str, facts: VideoFacts, problems: Problems, container: InputContainer | None = None
) -> Cursor:
    return Cursor(path, facts, problems, decoding_threads(), container)
