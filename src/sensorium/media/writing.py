"""Pictures and sound to files: H.264 and AAC in mp4 (or mov, mkv), WAV and FLAC for sound alone.

Frames are taken one by one, so an iterator of any length needs no more memory than one frame. A
file appears whole or not at all: it is written beside its place under another name, then renamed.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soxr
import torch
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from jaxtyping import Float32, UInt8
from torch import Tensor

from sensorium.media.errors import MediaError
from sensorium.media.opening import reason

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}
_PLAIN_TAGS = {"title", "artist", "album", "comment", "genre", "date", "copyright", "description"}
_CODECS = {
    (".wav", 16): ("wav", "pcm_s16le", "s16", 1 << 15),
    (".wav", 24): ("wav", "pcm_s24le", "s32", 1 << 23),
    (".wav", 32): ("wav", "pcm_f32le", "flt", 1),
    (".flac", 16): ("flac", "flac", "s16", 1 << 15),
    (".flac", 24): ("flac", "flac", "s32", 1 << 23),
}


@dataclass(frozen=True)
class Encoding:
    """How a film is coded.

    Attributes:
        crf: x264's constant rate factor: 0 lossless, 18 looks lossless, 23 usual, 51 worst.
        preset: x264's trade of time for size, ``ultrafast`` to ``veryslow``.
        key_seconds: most seconds between key frames; fewer make seeking quicker and the file
            larger.
        audio_bits: AAC bits per second.
        metadata: tags such as ``{"title": ...}``.
        threads: encoding threads, 0 for as many as there are cores.
    """

    crf: int = 20
    preset: str = "medium"
    key_seconds: float = 2.0
    audio_bits: int = 160_000
    metadata: Mapping[str, str] = field(default_factory=dict)
    threads: int = 0


def write(
    path: str | Path,
    frames: Iterable[UInt8[Tensor, "3 H W"]] | UInt8[Tensor, "T 3 H W"],
    fps: float,
    *,
    audio: Float32[Tensor, "C N"] | None = None,
    rate: int | None = None,
    encoding: Encoding | None = None,
) -> Path:
    """Write a film; returns its path.

    4:2:0 H.264 has even sizes only: an odd picture gains one row or column, its last one repeated.
    Colours are converted and marked as BT.709, limited range. Sound at a rate that AAC lacks is
    resampled to the next one above. Sound longer than the pictures is kept whole.

    Shape:
        ``frames``: ``uint8 [3, H, W]`` each, or one tensor ``[T, 3, H, W]``; ``audio``: ``[C, N]``,
        -1..1.

    Raises:
        ValueError: for frames of another kind or size, for sound without a rate.
        MediaError: when the file cannot be written.
    """
    path, encoding = Path(path), encoding or Encoding()
    if path.suffix.lower() not in FORMATS:
        raise MediaError(f"{path}: films are written as {', '.join(FORMATS)}; rename it")
    if not 0 < fps < 1000:
        raise ValueError(f"fps must be above 0 and below 1000 Hz, got {fps!r}")
    sound = None if audio is None else _prepared_sound(audio, rate)
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise ValueError(f"{path}: a film needs at least one frame, got none")
    pictures = (_checked(frame, first) for frame in itertools.chain([first], iterator))
    own_tags = not set(encoding.metadata) <= _PLAIN_TAGS
    flags = "+faststart" + ("+use_metadata_tags" if own_tags else "")
    options = {"movflags": flags} if FORMATS[path.suffix.lower()] != "matroska" else {}
    with _whole_or_nothing(path, FORMATS[path.suffix.lower()], options) as container:
        container.metadata.update(encoding.metadata)
        height, width = int(first.shape[1]), int(first.shape[2])
        video = _video_stream(container, Fraction(fps).limit_denominator(1001), encoding)
        video.width, video.height = width + width % 2, height + height % 2
        feed = None if sound is None else _sound_feed(container, *sound, encoding.audio_bits)
        for number, picture in enumerate(pictures):
            container.mux(video.encode(_frame(picture, number)))
            if feed is not None:
                feed.send((number + 1) / fps)
        container.mux(video.encode(None))
        if feed is not None:
            feed.send(float("inf"))
    return path


def write_audio(
    path: str | Path, samples: Float32[Tensor, "C N"], rate: int, *, bits: int = 16
) -> Path:
    """Write sound alone as WAV (16, 24 bits, or 32 for floating point) or FLAC (16, 24).

    Raises:
        ValueError: for samples of another kind, a rate below 1 Hz, or bits that the format lacks.
        MediaError: when the file cannot be written.
    """
    path = Path(path)
    if (path.suffix.lower(), bits) not in _CODECS:
        raise ValueError(
            f"{path}: sound is written as .wav (16, 24, 32 bits) or .flac (16, 24), got "
            f"{path.suffix or 'no suffix'} with {bits} bits"
        )
    data = _checked_sound(samples, rate)
    form, codec, layout_format, scale = _CODECS[path.suffix.lower(), bits]
    with _whole_or_nothing(path, form, {}) as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = LAYOUTS[len(data)]
        stream.codec_context.format = layout_format
        for begin in range(0, data.shape[1], 4096):
            block = _coded(data[:, begin : begin + 4096], scale, bits)
            packed = np.ascontiguousarray(block.T).reshape(1, -1)  # [C, n] -> [1, n*C]
            frame = av.AudioFrame.from_ndarray(
                packed, format=layout_format, layout=LAYOUTS[len(data)]
            )
            frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@contextmanager
def _whole_or_nothing(path: Path, form: str, options: dict[str, str]) -> Iterator[OutputContainer]:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        container = av.open(f"file:{unfinished}", "w", format=form, options=options)
        with container:
            yield container
        unfinished.replace(path)
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"{path}: cannot be written ({reason(error)})") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _video_stream(container: OutputContainer, fps: Fraction, encoding: Encoding) -> VideoStream:
    options = {"crf": str(encoding.crf), "preset": encoding.preset}
    stream = container.add_stream("libx264", rate=fps, options=options)
    assert isinstance(stream, VideoStream)
    stream.pix_fmt = "yuv420p"
    stream.codec_context.gop_size = max(1, round(encoding.key_seconds * fps))
    stream.codec_context.thread_count = encoding.threads
    stream.codec_context.colorspace = Colorspace.ITU709
    stream.codec_context.color_range = ColorRange.MPEG
    stream.codec_context.color_primaries = 1
    stream.codec_context.color_trc = 1
    stream.codec_context.time_base = 1 / fps
    return stream


def _checked(frame: object, like: Tensor) -> UInt8[Tensor, "3 H W"]:
    right = (
        isinstance(frame, Tensor)
        and frame.dtype == torch.uint8
        and frame.ndim == 3
        and frame.shape[0] == 3
        and frame.shape == like.shape
        and frame.numel() > 0
    )
    if not right:
        got = (
            f"{frame.dtype} {list(frame.shape)}"
            if isinstance(frame, Tensor)
            else type(frame).__name__
        )
        raise ValueError(f"frames must be uint8 [3, H, W], all of one size, got {got}")
    assert isinstance(frame, Tensor)
    return frame


def _frame(picture: UInt8[Tensor, "3 H W"], number: int) -> VideoFrame:
    """A picture as an encoder's frame, its last row and column repeated to make sizes even."""
    array = picture.detach().cpu().permute(1, 2, 0).numpy()  # [3, H, W] -> [H, W, 3]
    odd_rows, odd_columns = array.shape[0] % 2, array.shape[1] % 2
    if odd_rows or odd_columns:
        array = np.pad(array, ((0, odd_rows), (0, odd_columns), (0, 0)), mode="edge")
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(array), format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        threads=1,
    )
    frame.pts = number
    return frame


def _coded(block: npt.NDArray[np.float32], scale: int, bits: int) -> npt.NDArray[Any]:
    """Samples as the integers that are stored; 24 bits lie in the upper part of 32."""
    if scale == 1:
        return block
    steps = np.clip(np.rint(block.astype(np.float64) * scale), -scale, scale - 1)
    return steps.astype(np.int16) if bits == 16 else steps.astype(np.int32) << 8


def _checked_sound(samples: Tensor, rate: int) -> npt.NDArray[np.float32]:
    if samples.ndim != 2 or samples.shape[0] not in LAYOUTS or not samples.is_floating_point():
        raise ValueError(
            f"sound must be float [C, N] with C in {tuple(LAYOUTS)}, got "
            f"{samples.dtype} {list(samples.shape)}"
        )
    if rate < 1:
        raise ValueError(f"a sampling rate must be 1 Hz or more, got {rate!r}")
    data: npt.NDArray[np.float32] = samples.detach().cpu().float().numpy()
    if not np.isfinite(data).all():
        raise ValueError("sound must be finite, got NaN or infinity")
    return data


def _prepared_sound(audio: Tensor, rate: int | None) -> tuple[npt.NDArray[np.float32], int]:
    if rate is None:
        raise ValueError("sound needs its rate in hertz: write(..., audio=samples, rate=44100)")
    data = _checked_sound(audio, rate)
    coded = min((r for r in AAC_RATES if r >= rate), default=AAC_RATES[0])
    if coded != rate:
        data = soxr.resample(np.ascontiguousarray(data.T), rate, coded).T
    return data, coded


def _sound_feed(
    container: OutputContainer, data: npt.NDArray[np.float32], rate: int, bits: int
) -> _Feed:
    stream = container.add_stream("aac", rate=rate)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = LAYOUTS[len(data)]
    stream.codec_context.format = "fltp"
    stream.codec_context.bit_rate = bits
    return _Feed(container, stream, data, rate)


@dataclass
class _Feed:
    """Encodes sound as far as the pictures have come, so that both lie side by side in the file."""

    container: OutputContainer
    stream: AudioStream
    data: npt.NDArray[np.float32]
    rate: int
    done: int = 0

    def send(self, until_seconds: float) -> None:
        """Encode up to ``until_seconds``; all that is left, and the encoder's rest, at infinity."""
        size = self.stream.codec_context.frame_size or 1024
        total = self.data.shape[1]
        while self.done < total and self.done / self.rate < until_seconds:
            block = self.data[:, self.done : self.done + size]
            packed = np.ascontiguousarray(block.T).reshape(1, -1)  # [C, n] -> [1, n*C]
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=LAYOUTS[len(block)])
            frame.sample_rate, frame.pts = self.rate, self.done
            frame.time_base = Fraction(1, self.rate)
            self.container.mux(self.stream.encode(frame))
            self.done += block.shape[1]
        if until_seconds == float("inf"):
            self.container.mux(self.stream.encode(None))
