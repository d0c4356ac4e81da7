"""Pictures and their motion for overlapping windows, searched once for each pair of pictures.

Pictures are taken from one grid for the whole video, at the step that the system's view has, so
that a window shares half of them, and of the fields between them, with the next. There is no motion
across a cut.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float16, UInt8
from torch import Tensor

from sensorium import images
from sensorium.optical_flow import FlowGrid
from sensorium.sounds.view import SoundView
from sensorium.types import Span, Video

_DECODE_AT_ONCE = 8  # full-size pictures held at a time


class MovingPictures:
    """The pictures of windows with the flow from each to the next.

    Args:
        video: of which.
        view: which pictures, how large.
        flow: how motion is found in them.
        shots: of the video, in order; none: all is one shot.
    """

    def __init__(
        self, video: Video, view: SoundView, flow: FlowGrid, shots: Sequence[Span] = ()
    ) -> None:
        self.video, self.view, self.flow = video, view, flow
        self._step = view.stride / view.fps
        self._last = max(0, int(video.span.duration / self._step - 0.5))
        self._cuts = {self._after(shot.start) for shot in shots[1:]}
        self._pictures: OrderedDict[int, Tensor] = OrderedDict()
        self._fields: OrderedDict[int, Tensor] = OrderedDict()
        self.searched = 0
        """Fields."""

    def sight(self, window: Span) -> dict[str, Tensor]:
        """``frames``: ``uint8 [T, 3, S, S]``, and ``flow``: ``float16 [T-1, 2, h, w]``."""
        first = round((self.view.times(window)[0] - self.video.span.start) / self._step - 0.5)
        numbers = [min(max(first + k, 0), self._last) for k in range(self.view.frames)]
        self._see(numbers)
        self._search(numbers)
        fields = [
            self._fields[a] if a != b else self._still(self._pictures[a])
            for a, b in pairwise(numbers)
        ]
        frames = torch.stack([self._pictures[n] for n in numbers])
        for kept in (self._pictures, self._fields):
            while len(kept) > 2 * self.view.frames:
                kept.popitem(last=False)
        return {"frames": frames, "flow": torch.stack(fields)}

    def _after(self, seconds: float) -> int:
        """The first picture on the grid that is not before a time."""
        return math.ceil((seconds - self.video.span.start) / self._step - 0.5)

    def _see(self, numbers: Sequence[int]) -> None:
        missing = sorted(set(numbers) - set(self._pictures))
        size, span = (self.view.size, self.view.size), self.video.span
        for at in range(0, len(missing), _DECODE_AT_ONCE):
            some = missing[at : at + _DECODE_AT_ONCE]
            times = [min(span.start + (n + 0.5) * self._step, span.end) for n in some]
            small = images.resize(self.video.frames(times), size)
            self._pictures.update(zip(some, small, strict=True))

    def _search(self, numbers: Sequence[int]) -> None:
        """The field from each picture to the one after it; none where it is of another shot."""
        missing = sorted(set(numbers) - set(self._fields))
        for run in _runs([n for n in missing if n + 1 in self._pictures]):
            pictures = torch.stack([self._pictures[n] for n in (*run, run[-1] + 1)])
            found = self.flow(pictures)
            self.searched += len(run)
            for n, field in zip(run, found, strict=True):
                self._fields[n] = torch.zeros_like(field) if n + 1 in self._cuts else field

    def _still(self, picture: UInt8[Tensor, "3 S S"]) -> Float16[Tensor, "2 h w"]:
        """No motion: beyond the ends of the video one picture stands still."""
        return torch.zeros_like(self.flow(torch.stack([picture, picture]))[0])


def _runs(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Stretches of consecutive numbers."""
    run: list[int] = []
    for n in numbers:
        if run and n != run[-1] + 1:
            yield run
            run = []
        run.append(n)
    if run:
        yield run
