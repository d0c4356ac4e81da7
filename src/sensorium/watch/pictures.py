"""Still pictures for the report: moments of change, thumbnails, the film strip under the player."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensorium.types import Video
from sensorium.watch.section import Moment

_WIDTH = 240  # pixels, of a key frame
_STRIP = 112  # pixels, of a picture in the film strip
_QUALITY = 78  # of the JPEGs


@dataclass(frozen=True)
class Picture:
    """A small JPEG of one moment; ``data`` is base64."""

    moment: Moment
    width: int
    height: int
    data: str


def thumbnail(video: Video, moment: Moment, width: int = _WIDTH) -> Picture:
    """The frame on display at a moment, at most ``width`` wide and 1.4 times as high."""
    import cv2

    frame = video.frames([moment.time])[0].permute(1, 2, 0).cpu().numpy()  # [3, H, W] -> [H, W, 3]
    height = frame.shape[0]
    scale = min(width / frame.shape[1], 1.4 * width / height, 1.0)
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(height * scale)))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    good, data = cv2.imencode(
        ".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    assert good
    return Picture(moment, size[0], size[1], base64.b64encode(data.tobytes()).decode())


def film_strip(video: Video, count: int = 14) -> list[Picture]:
    """Evenly spaced small pictures, fewer for a video of fewer frames."""
    frames = max(1, round(video.span.duration * video.fps))
    count = min(count, frames)
    step = video.span.duration / count
    times = [video.span.start + (i + 0.5) * step for i in range(count)]
    return [thumbnail(video, Moment(t, ""), _STRIP) for t in times]


def changes(video: Video, limit: int = 12, samples: int = 96) -> list[Moment]:
    """Moments just after the picture changes most, in order of time; the first picture is one.

    Looks at no more than ``samples`` frames of the video, however long it is.
    """
    import cv2

    frames = max(1, round(video.span.duration * video.fps))
    count = min(samples, frames)
    step = video.span.duration / count
    times = [video.span.start + (i + 0.5) * step for i in range(count)]
    small = []
    for time in times:
        frame = video.frames([time])[0].permute(1, 2, 0).cpu().numpy()  # [3, H, W] -> [H, W, 3]
        small.append(cv2.resize(frame, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32))
    first = Moment(times[0], "", weight=float("inf"))
    if count == 1:
        return [first]
    change = np.abs(np.diff(np.stack(small), axis=0)).mean(axis=(1, 2, 3))
    found = [
        Moment(times[i + 1], "", weight=float(change[i]))
        for i in np.argsort(-change, kind="stable")
    ]
    gap = video.span.duration / (2 * limit)
    return spread([first, *(m for m in found if m.weight > 1.0)], limit, gap)


def spread(moments: Sequence[Moment], limit: int, gap: float) -> list[Moment]:
    """The weightiest ``limit`` moments that are ``gap`` seconds apart, in order of time."""
    kept: list[Moment] = []
    for moment in sorted(moments, key=lambda m: -m.weight):
        if len(kept) == limit:
            break
        if all(abs(moment.time - other.time) >= gap for other in kept):
            kept.append(moment)
    return sorted(kept, key=lambda m: m.time)


def key_frames(video: Video, moments: Sequence[Moment], limit: int = 24) -> list[Picture]:
    """Pictures of the sections' moments, filled up with moments of change where there are few.

    Never more than ``limit``, so that an hour of video makes no larger page than a minute.
    """
    gap = min(0.25, video.span.duration / 4)
    chosen = spread(moments, limit, gap)
    if len(chosen) < min(8, limit):
        wide = max(gap, video.span.duration / 24)
        for moment in sorted(changes(video), key=lambda m: -m.weight):
            near = any(abs(moment.time - other.time) < wide for other in chosen)
            if not near and len(chosen) < min(12, limit):
                chosen.append(moment)
    return [thumbnail(video, m) for m in sorted(chosen, key=lambda m: m.time)]
