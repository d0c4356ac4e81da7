"""How unlike the films of the training a video looks, before any network sees it.

Features that were learnt on drawn films call some real ones familiar; plain statistics of pictures
do not. Looked at are a few places spread over the video, so that hours cost no more than seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sensorium import images
from sensorium.layers.domain import STATISTICS, DomainGauge, frame_statistics, unfamiliarity
from sensorium.types import Clip

_PLACES = 6
_FRAMES, _RATE = 8, 4.0  # pictures at each place, and how many per second
_SIZE = 112  # height and width at which they are looked at
_ENOUGH = 16  # places, to calibrate


class Looks(nn.Module):
    """A domain gauge over picture statistics, calibrated and saved with the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.gauge = DomainGauge((STATISTICS,))

    @torch.no_grad()
    def fit(self, clips: Iterable[Clip]) -> None:
        """Calibrate on familiar films; with fewer than 16 places nothing is done."""
        rows = [statistics(clip) for clip in clips]
        if sum(map(len, rows)) >= _ENOUGH:
            device = next(self.buffers()).device
            self.gauge.fit([torch.cat(rows).to(device)])

    @torch.no_grad()
    def unfamiliarity(self, clip: Clip) -> float | None:
        """0..1, by the middle one of the places; ``None``: not calibrated, or no pictures."""
        if not self.gauge.calibrated or clip.video is None:
            return None
        device = next(self.buffers()).device
        distances = self.gauge.distances([statistics(clip).to(device)])
        return float(unfamiliarity(distances.median(0).values))


def statistics(clip: Clip) -> Float[Tensor, "P 12"]:
    """`frame_statistics` of two seconds at each of some places."""
    video, span = clip.need_video(), clip.span
    last = max(span.start, span.end - 1e-3)
    rows = []
    for place in range(_PLACES):
        middle = span.start + (place + 0.5) * span.duration / _PLACES
        times = [middle + (i - _FRAMES / 2) / _RATE for i in range(_FRAMES)]
        pictures = video.frames([min(max(span.start, t), last) for t in times])
        small = images.resize(pictures, (_SIZE, _SIZE)).float() / 255
        rows.append(frame_statistics(small[None])[0])
    return torch.stack(rows)
