"""Pictures and sound to files: H.264 and AAC in mp4 (or mov, mkv).

Frames are taken one by one, and sound may come in blocks, so that a film of any length needs no
more memory than a frame and a block. A file appears whole or not at all (see `recording`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

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
from sensorium.media.recording import LAYOUTS, checked_sound, whole_or_nothing

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_PLAIN_TAGS = {"title", "artist", "album", "comment", "genre", "date", "copyright", "description"}


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
    audio: Float32[Tensor, "C N"] | Iterable[Float32[Tensor, "C n"]] | None = None,
    rate: int | None = None,
    encoding: Encoding | None = None,
) -> Path:
    """Write a film; returns its path.

    4:2:0 H.264 has even sizes only: an odd picture gains one row or column, its last one repeated.
    Colours are converted and marked as BT.709, limited range. Sound at a rate that AAC lacks is
    resampled to the next one above. Sound longer than the pictures is kept whole.

    Shape:
        ``frames``: ``uint8 [3, H, W]`` each, or one tensor ``[T, 3, H, W]``; ``audio``: ``[C, N]``,
        -1..1, or an iterable of such blocks.

    Raises:
        ValueError: for frames of another kind or size, for sound without a rate.
        MediaError: when the file cannot be written.
    """
    path, encoding = Path(path), encoding or Encoding()
    if path.suffix.lower() not in FORMATS:
        raise MediaError(f"{path}: films are written as {', '.join(FORMATS)}; rename it")
    if not 0 < fps < 1000:
        raise ValueError(f"fps must be above 0 and below 1000 Hz, got {fps!r}")
    sound = None if audio is None else _sound_blocks(audio, rate)
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise ValueError(f"{path}: a film needs at least one frame, got none")
    pictures = (_checked(frame, first) for frame in itertools.chain([first], iterator))
    own_tags = not set(encoding.metadata) <= _PLAIN_TAGS
    flags = "+faststart" + ("+use_metadata_tags" if own_tags else "")
    options = {"movflags": flags} if FORMATS[path.suffix.lower()] != "matroska" else {}
    with whole_or_nothing(path, FORMATS[path.suffix.lower()], options) as container:
        container.metadata.update(encoding.metadata)
        height, width = int(first.shape[1]), int(first.shape[2])
        video = _video_stream(container, Fraction(fps).limit_denominator(1001), encoding)
        video.width, video.height = width + width % 2, height + height % 2
        feed = None if sound is None else _Feed.on(container, sound, encoding.audio_bits)
        for number, picture in enumerate(pictures):
            container.mux(video.encode(_frame(picture, number)))
            if feed is not None:
                feed.send((number + 1) / fps)
        container.mux(video.encode(None))
        if feed is not None:
            feed.send(float("inf"))
    return path


def _video_stream(container: OutputContainer, fps: Fraction, encoding: Encoding) -> VideoStream:
    options = {"crf": str(encoding.crf), "preset": encoding.preset}
    if encoding.threads == 1:
        options["x264-params"] = "mbtree=0"  # with it the same pictures give other bytes at times
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


Block = npt.NDArray[np.float32]  # [C, n]


@dataclass(frozen=True)
class _Sound:
    """Sound in blocks, at a rate that AAC has."""

    blocks: Iterator[Block]
    rate: int
    channels: int


def _sound_blocks(audio: Tensor | Iterable[Tensor], rate: int | None) -> _Sound:
    if rate is None:
        raise ValueError("sound needs its rate in hertz: write(..., audio=samples, rate=44100)")
    if rate < 1:
        raise ValueError(f"a sampling rate must be 1 Hz or more, got {rate!r}")
    parts = map(checked_sound, [audio] if isinstance(audio, Tensor) else audio)
    first = next(parts, None)
    if first is None:
        raise ValueError("sound needs at least one block, got none")
    coded = min((r for r in AAC_RATES if r >= rate), default=AAC_RATES[0])
    blocks = _resampled(itertools.chain([first], parts), rate, coded, len(first))
    return _Sound(blocks, coded, len(first))


def _resampled(blocks: Iterable[Block], rate: int, coded: int, channels: int) -> Iterator[Block]:
    """The blocks at another rate, without seams."""
    stream = None
    if coded != rate:
        stream = soxr.ResampleStream(rate, coded, channels, dtype="float32", quality="HQ")
    for block in blocks:
        if len(block) != channels:
            raise ValueError(f"sound of {channels} channels goes on with {len(block)}")
        if stream is None:
            yield block
        else:
            yield stream.resample_chunk(np.ascontiguousarray(block.T)).T  # [C, n] -> [n, C]
    if stream is not None:
        yield stream.resample_chunk(np.zeros((0, channels), np.float32), last=True).T


@dataclass
class _Feed:
    """Encodes sound as far as the pictures have come, so that both lie side by side in the file."""

    container: OutputContainer
    stream: AudioStream
    sound: _Sound
    done: int = 0
    left: Block | None = None  # taken from the sound, not yet encoded

    @classmethod
    def on(cls, container: OutputContainer, sound: _Sound, bits: int) -> _Feed:
        """A feed into a new AAC stream."""
        stream = container.add_stream("aac", rate=sound.rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = LAYOUTS[sound.channels]
        stream.codec_context.format = "fltp"
        stream.codec_context.bit_rate = bits
        return cls(container, stream, sound)

    def send(self, until_seconds: float) -> None:
        """Encode up to ``until_seconds``; all that is left, and the encoder's rest, at infinity."""
        size, rate = self.stream.codec_context.frame_size or 1024, self.sound.rate
        while self.done / rate < until_seconds and (block := self._next(size)) is not None:
            packed = np.ascontiguousarray(block.T).reshape(1, -1)  # [C, n] -> [1, n*C]
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=LAYOUTS[len(block)])
            frame.sample_rate, frame.pts = rate, self.done
            frame.time_base = Fraction(1, rate)
            self.container.mux(self.stream.encode(frame))
            self.done += block.shape[1]
        if until_seconds == float("inf"):
            self.container.mux(self.stream.encode(None))

    def _next(self, size: int) -> Block | None:
        """The next ``size`` samples, fewer at the very end, ``None`` after it."""
        while self.left is None or self.left.shape[1] < size:
            block = next(self.sound.blocks, None)
            if block is None:
                break
            self.left = block if self.left is None else np.concatenate([self.left, block], axis=1)
        if self.left is None or not self.left.shape[1]:
            return None
        taken, self.left = self.left[:, :size], self.left[:, size:]
        return taken
