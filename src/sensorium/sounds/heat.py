"""Pictures of where the sound comes from: heat over the video, and a spectrogram per stem.

Every source has a colour. It glows where the source is (`Stems.shares`), as brightly as the source
sounds at that moment: 40 dB from dark to full.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from sensorium import media
from sensorium.types import Audio, Span, Video

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sensorium.sounds.results import Stems
    from sensorium.sounds.separation.separator import Told

COLOURS = (
    (255, 140, 0),
    (0, 190, 255),
    (240, 60, 160),
    (120, 220, 60),
    (160, 110, 255),
    (255, 225, 60),
)
"""Of the sources, in order, over and over: red, green, blue."""

RANGE_DB = 40.0
"""From the loudest sound of the file down to what is drawn as silence."""

_HIGHEST, _WIDEST, _FASTEST = 480, 854, 25.0  # pixels and hertz of the film
_AT_ONCE = 8  # pictures decoded together
_STRENGTH = 0.75  # of a colour over the picture, at most
_PICTURES = 4
_NAMED = 0.25  # share of a place, and glow, above which a source is named in a picture

Picture = npt.NDArray[np.uint8]  # [H, W, 3]


def colour(index: int) -> tuple[int, int, int]:
    """The colour of a source."""
    return COLOURS[index % len(COLOURS)]


def brightness(stems: Stems) -> Float[Tensor, "S n"]:
    """How brightly each source glows over time, 0..1; steps last ``loudness_seconds``."""
    loudness = stems.overview.loudness[:-1]
    loudest = float(loudness.max()) if loudness.numel() else 0.0
    if loudest < 1e-6:
        return torch.zeros_like(loudness)
    decibels = 20 * (loudness / loudest).clamp_min(1e-6).log10()
    return (1 + decibels / RANGE_DB).clamp(0, 1)


def shares_at(stems: Stems, seconds: float) -> Float[Tensor, "S h w"]:
    """Where the sources are at a time: between the middles of a shot's windows, a mean of both."""
    middles = np.array([w.centre for w in stems.windows])
    place = float(np.interp(seconds, middles, np.arange(len(middles))))
    low = min(int(place), len(middles) - 1)
    high = min(low + 1, len(middles) - 1)
    windows = stems.separator.windows
    if windows.shot(low) != windows.shot(high):
        cut = windows.shots[windows.shot(high)].start
        return stems.shares[low if seconds < cut else high]
    return torch.lerp(stems.shares[low], stems.shares[high], place - low)


def overlaid(picture: Picture, shares: Float[Tensor, "S h w"], glow: Sequence[float]) -> Picture:
    """A picture with heat over it: each source's colour where it is, as strong as it glows."""
    import cv2

    height, width = picture.shape[:2]
    out = picture.astype(np.float32)
    for index, (share, strength) in enumerate(zip(shares.numpy(), glow, strict=True)):
        if strength <= 0:
            continue
        fine = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)
        alpha = (_STRENGTH * strength * np.clip(fine, 0, 1))[..., None]
        out += alpha * (np.array(colour(index), np.float32) - out)
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


# --- the film -------------------------------------------------------------------------------------


def write_heat_film(stems: Stems, path: Path, told: Told) -> Path:
    """The video with heat over it and its own sound: H.264, at most 480 pixels high and 25 Hz."""
    clip = stems.separator.clip
    video, audio = clip.need_video(), clip.need_audio()
    fps = video.fps / max(1, math.ceil(video.fps / _FASTEST - 1e-3))
    encoding = media.Encoding(crf=23, preset="veryfast")
    return media.write(
        path,
        _heated(stems, video, clip.span, fps, told),
        fps,
        audio=_sound(audio, clip.span),
        rate=audio.rate,
        encoding=encoding,
    )


def _heated(
    stems: Stems, video: Video, span: Span, fps: float, told: Told
) -> Iterator[UInt8[Tensor, "3 H W"]]:
    """The film's frames in order."""
    glows, step = brightness(stems), stems.overview.loudness_seconds
    scale = min(1.0, _HIGHEST / video.height, _WIDEST / video.width)
    size = (_even(scale * video.width), _even(scale * video.height))
    count = max(1, round(span.duration * fps))
    for at in range(0, count, _AT_ONCE):
        some = range(at, min(at + _AT_ONCE, count))
        times = [span.start + (k + 0.5) / fps for k in some]
        for time, frame in zip(times, video.frames(times), strict=True):
            picture = _shrunk(frame, size)
            glow = glow_at(stems, glows, step, time)
            heated = overlaid(picture, shares_at(stems, time), glow)
            yield torch.from_numpy(heated).permute(2, 0, 1)  # [H, W, 3] -> [3, H, W]
        told(some.stop / count)


def glow_at(stems: Stems, glows: Float[Tensor, "S n"], step: float, seconds: float) -> list[float]:
    """How brightly each source glows at a time; dark outside the sound."""
    index = int((seconds - stems.span.start) / step)
    if not 0 <= index < glows.shape[1]:
        return [0.0] * len(glows)
    level: list[float] = glows[:, index].tolist()
    return level


def _sound(audio: Audio, span: Span) -> Iterator[Float32[Tensor, "C n"]]:
    """The sound of a stretch of time, a second after the other."""
    count = max(1, math.ceil(span.duration))
    for k in range(count):
        yield audio.samples(Span(span.start + k, min(span.start + k + 1, span.end)))


def _shrunk(frame: UInt8[Tensor, "3 H W"], size: tuple[int, int]) -> Picture:
    import cv2

    picture = np.ascontiguousarray(frame.permute(1, 2, 0).cpu().numpy())  # [3, H, W] -> [H, W, 3]
    small: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return small


def _even(pixels: float) -> int:
    return max(2, 2 * round(pixels / 2))


# --- figures --------------------------------------------------------------------------------------


def heat_picture(stems: Stems) -> Figure:
    """The moments at which each source sounds loudest, with heat over the pictures."""
    from matplotlib.figure import Figure

    moments = _moments(stems)
    aspect = _aspect(stems)
    figure = Figure(figsize=(3.4 * len(moments), 3.4 / aspect + 0.5), layout="constrained")
    axes = figure.subplots(1, len(moments), squeeze=False)[0]
    _draw_pictures(stems, moments, axes)
    return figure


def stems_figure(stems: Stems) -> Figure:
    """The pictures of `heat_picture` above, a spectrogram of every stem below."""
    from matplotlib.figure import Figure

    moments, rows = _moments(stems), len(stems.stems)
    width = max(9.0, 3.0 * len(moments))
    high = min(4.0, width / len(moments) / _aspect(stems) + 0.4)
    figure = Figure(figsize=(width, high + 1.3 * rows), layout="constrained")
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[high, 1.3 * rows])
    above, below = parts[:, 0]
    _draw_pictures(stems, moments, above.subplots(1, len(moments), squeeze=False)[0])
    _draw_spectrograms(stems, below.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])
    if stems.out_of_domain:
        title = "unlike anything these weights know: do not trust the stems"
        figure.suptitle(title, color="C3")
    return figure


def _aspect(stems: Stems) -> float:
    video = stems.separator.clip.need_video()
    return min(max(video.width / video.height, 0.5), 3.0)


def _moments(stems: Stems) -> list[float]:
    """When each of the first sources is loudest; the middle of a silent file."""
    glows, step = brightness(stems), stems.overview.loudness_seconds
    found = [
        stems.span.start + (int(glow.argmax()) + 0.5) * step for glow in glows if float(glow.max())
    ]
    return sorted(found[:_PICTURES]) or [stems.span.centre]


def _draw_pictures(stems: Stems, moments: Sequence[float], axes: Sequence[Axes]) -> None:
    video = stems.separator.clip.need_video()
    glows, step = brightness(stems), stems.overview.loudness_seconds
    scale = min(1.0, _HIGHEST / video.height, _WIDEST / video.width)
    size = (_even(scale * video.width), _even(scale * video.height))
    for axis, time in zip(axes, moments, strict=True):
        picture = _shrunk(video.frames([time])[0], size)
        glow = glow_at(stems, glows, step, time)
        shares = shares_at(stems, time)
        axis.imshow(overlaid(picture, shares, glow))
        for index, stem in enumerate(stems.stems[:-1]):
            if min(float(shares[index].max()), glow[index]) > _NAMED:
                x, y = _peak(shares[index])
                tint = tuple(c / 255 for c in colour(index))
                axis.text(
                    x * size[0],
                    y * size[1],
                    stem.label,
                    color="white",
                    fontsize=8,
                    ha="center",
                    va="center",
                    bbox={"facecolor": tint, "edgecolor": "none", "alpha": 0.75, "pad": 1.5},
                )
        axis.set_title(f"{time:.1f} s", fontsize=9)
        axis.set_axis_off()


def _peak(share: Float[Tensor, "h w"]) -> tuple[float, float]:
    """The middle of the place that is most of a source's, x and y in 0..1."""
    row, column = divmod(int(share.argmax()), share.shape[1])
    return (column + 0.5) / share.shape[1], (row + 0.5) / share.shape[0]


def _draw_spectrograms(stems: Stems, axes: Sequence[Axes]) -> None:
    overview = stems.overview
    loudest = float(overview.spectrogram.max()) + 1e-12
    for index, (axis, stem) in enumerate(zip(axes, stems.stems, strict=True)):
        decibels = 10 * (overview.spectrogram[index] / loudest + 1e-8).log10()
        axis.imshow(
            decibels.numpy(),
            origin="lower",
            aspect="auto",
            vmin=-60,
            vmax=0,
            cmap="magma",
            extent=(stems.span.start, max(stems.span.end, stems.span.start + 0.01), 0, 1),
        )
        tint = tuple(c / 255 for c in colour(index)) if stem.at is not None else "0.5"
        axis.set_ylabel(stem.label, rotation=0, ha="right", va="center", fontsize=9)
        axis.set_yticks([])
        axis.spines["left"].set(color=tint, linewidth=5)
        axis.text(
            1.005, 0.5, f"{stem.score:.2f}", transform=axis.transAxes, fontsize=8, va="center"
        )
    axes[-1].set_xlabel("seconds")
