"""Short films as animated pictures: GIF with one palette for all frames, and WebP."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8
from torch import Tensor

from sensorium.media.recording import whole_or_nothing

FASTEST = 50
"""Frames per second of a GIF at most: viewers slow down what asks for more."""

_TICKS = {".gif": 100, ".webp": 1000}  # per second


def write_loop(path: Path, frames: Iterable[UInt8[Tensor, "3 H W"]], fps: float) -> Path:
    """An animation that starts again at its end.

    Args:
        path: .gif or .webp.
        frames: all of one size.
        fps: frames per second.

    Raises:
        ValueError: for another suffix, no frame, or more frames a second than a GIF shows.
        MediaError: when the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in _TICKS:
        raise ValueError(f"{path}: animated pictures are written as .gif or .webp")
    if not 0 < fps <= (FASTEST if suffix == ".gif" else 1000):
        raise ValueError(
            f"a GIF shows at most {FASTEST} frames a second, got {fps:g}; ask for fewer or write "
            ".mp4 or .webp"
        )
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise ValueError(f"{path}: an animation needs at least one frame, got none")
    ticks = _TICKS[suffix]
    timed = _timed(itertools.chain([first], pictures), Fraction(fps).limit_denominator(1001), ticks)
    with whole_or_nothing(path, suffix[1:], {"loop": "0"}) as container:
        codec, form = ("gif", "pal8") if suffix == ".gif" else ("libwebp_anim", "bgra")
        options = {} if suffix == ".gif" else {"quality": "90"}
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = int(first.shape[1]), int(first.shape[2]), form
        stream.codec_context.options = options
        stream.codec_context.time_base = Fraction(1, ticks)
        coded = _few_colours(timed, ticks) if suffix == ".gif" else timed
        for frame in coded:
            container.mux(stream.encode(frame.reformat(format=form) if suffix != ".gif" else frame))
        container.mux(stream.encode(None))
    return path


def _timed(
    pictures: Iterable[UInt8[Tensor, "3 H W"]], fps: Fraction, ticks: int
) -> Iterator[VideoFrame]:
    """Pictures as frames with their times."""
    for number, picture in enumerate(pictures):
        array = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())  # [3, H, W] -> [H, W, 3]
        frame = VideoFrame.from_ndarray(array, format="rgb24")
        frame.pts, frame.time_base = round(number * ticks / fps), Fraction(1, ticks)
        frame.duration = round((number + 1) * ticks / fps) - frame.pts
        yield frame


def _few_colours(frames: Iterator[VideoFrame], ticks: int) -> Iterator[VideoFrame]:
    """The frames in the 256 colours that suit all of them together."""
    first = next(frames)
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=first.width, height=first.height, format="rgb24", time_base=Fraction(1, ticks)
    )
    split = graph.add("split")
    palette = graph.add("palettegen", "stats_mode=full")
    use = graph.add("paletteuse", "dither=bayer:bayer_scale=4")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    for frame in itertools.chain([first], frames):
        source.push(frame)
    source.push(None)
    while True:
        try:
            out = sink.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(out, VideoFrame)
        yield out


@dataclass(frozen=True)
class WebPFacts:
    """What the head and the chunks of a WebP file say.

    Attributes:
        height: in pixels; likewise ``width``.
        frames: how many are stored; equal ones in a row are one that stays longer.
        seconds: once through.
    """

    height: int
    width: int
    frames: int
    seconds: float


def webp_facts(data: bytes) -> WebPFacts | None:
    """The facts of an animated WebP, which FFmpeg cannot read; ``None`` for anything else."""
    if data[:4] != b"RIFF" or data[8:16] != b"WEBPVP8X" or len(data) < 30 or not data[20] & 2:
        return None
    width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
    durations = []
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"ANMF":
            durations.append(int.from_bytes(data[at + 20 : at + 23], "little"))
        at += 8 + size + size % 2
    return WebPFacts(height, width, len(durations), sum(durations) / 1000)
