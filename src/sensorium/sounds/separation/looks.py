"""What a system sees of each window, without looking at any picture twice.

Where the maps of a window are the maximum over its pictures (The Sound of Pixels), pictures are
taken from one grid for the whole video, at the step that the system's view has, so that overlapping
windows share most of them. Where a window is seen as a whole (motion), whole windows are kept, and
the flow that they share is searched once (see `moving`).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium import images
from sensorium.sounds.separation.moving import MovingPictures
from sensorium.sounds.separation.windows import Windows
from sensorium.types import Span, Video

if TYPE_CHECKING:
    from sensorium.sounds.systems import SoundSystem

_KEPT_BYTES = 1 << 25  # of maps
_PICTURES_AT_ONCE = 16


class Looks:
    """The feature maps of windows.

    Args:
        system: that looks.
        video: at which.
        windows: of the sound.
    """

    def __init__(self, system: SoundSystem, video: Video, windows: Windows) -> None:
        from sensorium.sounds.systems import PixelsSystem

        self.system, self.video, self.windows = system, video, windows
        self.shared = isinstance(system, PixelsSystem)
        flow = system.moving
        self.moving = (
            None if flow is None else MovingPictures(video, system.config.view, flow, windows.shots)
        )
        self._kept: OrderedDict[int, Tensor] = OrderedDict()
        self.seen = 0
        """Pictures, or whole windows, that went through the network."""

    def maps(self, chosen: Sequence[int]) -> list[Float[Tensor, "K T h w"]]:
        """The maps of some windows."""
        if not self.shared:
            return [self._whole(k) for k in chosen]
        wanted = [self._pictures(k) for k in chosen]
        missing = sorted({p for group in wanted for p in group} - set(self._kept))
        fresh: dict[int, Tensor] = {}
        for at in range(0, len(missing), _PICTURES_AT_ONCE):
            some = missing[at : at + _PICTURES_AT_ONCE]
            fresh.update(zip(some, self._see(some), strict=True))
        known = {**self._kept, **fresh}
        answers = [torch.stack([known[p] for p in group]).amax(0) for group in wanted]
        for picture, maps in fresh.items():
            self._keep(picture, maps)
        return answers

    @property
    def _step(self) -> float:
        view = self.system.config.view
        return float(view.stride / view.fps)

    def _pictures(self, index: int) -> list[int]:
        """Numbers, on the video's grid, of the pictures of a window."""
        start, last = self.video.span.start, self._last()
        times = self.system.config.view.times(self._stretch(index))
        numbers = [round((t - start) / self._step - 0.5) for t in times]
        low, high = self._of_shot(index)
        return [min(max(n, low, 0), high, last) for n in numbers]

    def _of_shot(self, index: int) -> tuple[int, int]:
        """The first and the last picture on the grid of the shot that a window belongs to."""
        shots, start = self.windows.shots, self.video.span.start
        if len(shots) < 2:
            return 0, self._last()
        shot = shots[self.windows.shot(index)]
        edges = [math.ceil((t - start) / self._step - 0.5) for t in (shot.start, shot.end)]
        return edges[0], max(edges[0], edges[1] - 1)

    def _last(self) -> int:
        return max(0, int(self.video.span.duration / self._step - 0.5))

    def _stretch(self, index: int) -> Span:
        """Where a window's pictures lie: around its middle, or that of a sound that is shorter."""
        return (
            self.windows.spans()[index] if len(self.windows) == 1 else self.windows.stretch(index)
        )

    def _see(self, numbers: Sequence[int]) -> list[Float[Tensor, "K 1 h w"]]:
        """The maps of single pictures."""
        self.seen += len(numbers)
        view = self.system.config.view
        size = view.close or view.size
        span, step = self.video.span, self._step
        times = [min(span.start + (n + 0.5) * step, span.end) for n in numbers]
        pictures = [images.resize(self.video.frames([t]), (size, size)) for t in times]
        frames = torch.stack(pictures)  # one picture a window: [N, 1, 3, S, S]
        return list(self.system.see({"frames": frames}).float())

    def _whole(self, index: int) -> Float[Tensor, "K T h w"]:
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        self.seen += 1
        device = next(self.system.parameters()).device
        stretch = self._stretch(index)
        if self.moving is None:
            sight = self.system.look(self.video, stretch)
        else:
            sight = self.moving.sight(stretch)
        maps = self.system.see({k: v[None].to(device) for k, v in sight.items()})[0].float()
        self._keep(index, maps)
        return maps

    def _keep(self, key: int, maps: Tensor) -> None:
        self._kept[key] = maps
        most = max(2 * self.system.config.view.frames, _KEPT_BYTES // (4 * maps.numel()))
        while len(self._kept) > most:
            self._kept.popitem(last=False)
