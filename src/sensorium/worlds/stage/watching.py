"""An `Episode` as a lazy `Clip`: nothing is drawn or sounded until it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from sensorium.types import Audio, Clip, Span, Video
from sensorium.worlds.stage.render import Renderer
from sensorium.worlds.stage.script import Episode
from sensorium.worlds.stage.sounding import Sounds


class StageVideo(Video):
    """An episode's pictures, drawn at the very times that are asked for."""

    def __init__(self, episode: Episode, height: int, width: int, fps: float) -> None:
        if not fps > 0:
            raise ValueError(f"fps must be above 0 Hz, got {fps!r}")
        self.span = episode.span
        self.fps, self.height, self.width = float(fps), height, width
        self._renderer = Renderer(episode, height, width)

    def frames(self, times: Sequence[float]) -> UInt8[Tensor, "T 3 H W"]:
        """The picture at each time."""
        pictures = torch.from_numpy(self._renderer.frames(times))
        # [T, H, W, 3] -> [T, 3, H, W]
        return pictures.permute(0, 3, 1, 2).contiguous()


class StageAudio(Audio):
    """An episode's mix, or one performer's track, synthesised at the rate that is asked for."""

    channels = 2

    def __init__(self, episode: Episode, rate: int, performer: int | None = None) -> None:
        self.span, self.rate = episode.span, rate
        self._episode, self._performer = episode, performer
        self._sounds: Sounds | None = None

    def samples(self, span: Span | None = None, rate: int | None = None) -> Float32[Tensor, "C N"]:
        """The samples of ``span``, silence outside the episode."""
        span, rate = span or self.span, rate or self.rate
        if self._sounds is None or self._sounds.rate != rate:
            self._sounds = Sounds(self._episode, rate)
        mix, tracks = self._sounds.mix, self._sounds.tracks
        heard = torch.from_numpy(mix if self._performer is None else tracks[self._performer])
        first, count = round(span.start * rate), round(span.duration * rate)
        out = torch.zeros(2, count)
        begin, end = max(first, 0), min(first + count, heard.shape[1])
        if end > begin:
            out[:, begin - first : end - first] = heard[:, begin:end]
        return out


def clip(episode: Episode, height: int, width: int, fps: float = 8.0, rate: int = 16000) -> Clip:
    """The episode as a clip with picture and sound."""
    return Clip(
        StageVideo(episode, height, width, fps),
        StageAudio(episode, rate),
        name=f"stage seed {episode.seed}",
    )
