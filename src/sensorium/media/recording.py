"""Sound to files, block by block: WAV and FLAC of any length in the memory of one block.

A file appears whole or not at all: it is written beside its place under another name, then renamed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from jaxtyping import Float32
from torch import Tensor

from sensorium.media.errors import MediaError
from sensorium.media.opening import reason

LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_BLOCK = 4096  # samples that are encoded at once
_CODECS = {
    (".wav", 16): ("wav", "pcm_s16le", "s16", 1 << 15),
    (".wav", 24): ("wav", "pcm_s24le", "s32", 1 << 23),
    (".wav", 32): ("wav", "pcm_f32le", "flt", 1),
    (".flac", 16): ("flac", "flac", "s16", 1 << 15),
    (".flac", 24): ("flac", "flac", "s32", 1 << 23),
}


class SoundWriter:
    """A WAV (16, 24 bits, or 32 for floating point) or FLAC (16, 24) file that takes blocks.

    Use it in a ``with`` block: the file appears when the block ends well, and not otherwise. A WAV
    file of more than 4 GiB becomes an RF64 one.

    Args:
        path: where; folders are made.
        rate: in hertz.
        channels: how many.
        bits: per sample.

    Raises:
        ValueError: for a rate below 1 Hz, channels without a layout, or bits that the format lacks.
        MediaError: when the file cannot be written.
    """

    def __init__(self, path: str | Path, rate: int, channels: int, *, bits: int = 16) -> None:
        self.path, self.rate, self.channels, self.bits = Path(path), rate, channels, bits
        suffix = self.path.suffix.lower()
        if (suffix, bits) not in _CODECS:
            raise ValueError(
                f"{path}: sound is written as .wav (16, 24, 32 bits) or .flac (16, 24), got "
                f"{suffix or 'no suffix'} with {bits} bits"
            )
        if channels not in LAYOUTS or rate < 1:
            raise ValueError(
                f"{path}: sound has 1 to {max(LAYOUTS)} channels at 1 Hz or more, got "
                f"{channels} at {rate!r} Hz"
            )
        self._form, self._codec, self._format, self._scale = _CODECS[suffix, bits]
        self._open = ExitStack()
        self._done = 0

    def __enter__(self) -> SoundWriter:
        options = {"rf64": "auto"} if self._form == "wav" else {}
        self._container = self._open.enter_context(whole_or_nothing(self.path, self._form, options))
        stream = self._container.add_stream(self._codec, rate=self.rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = LAYOUTS[self.channels]
        stream.codec_context.format = self._format
        self._stream = stream
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if kind is None:
            try:
                self._container.mux(self._stream.encode(None))
            except BaseException as failure:
                self._open.__exit__(type(failure), failure, failure.__traceback__)
                raise
        return self._open.__exit__(kind, error, trace)

    def write(self, samples: Float32[Tensor, "C n"]) -> None:
        """Append a block of any length.

        Raises:
            ValueError: for another number of channels, or samples that are not finite.
        """
        data = checked_sound(samples)
        if len(data) != self.channels:
            raise ValueError(f"{self.path}: got {len(data)} channels, expected {self.channels}")
        for begin in range(0, data.shape[1], _BLOCK):
            block = _coded(data[:, begin : begin + _BLOCK], self._scale, self.bits)
            packed = np.ascontiguousarray(block.T).reshape(1, -1)  # [C, n] -> [1, n*C]
            frame = av.AudioFrame.from_ndarray(
                packed, format=self._format, layout=LAYOUTS[self.channels]
            )
            frame.sample_rate, frame.pts = self.rate, self._done
            frame.time_base = Fraction(1, self.rate)
            self._container.mux(self._stream.encode(frame))
            self._done += block.shape[1]


def write_audio(
    path: str | Path, samples: Float32[Tensor, "C N"], rate: int, *, bits: int = 16
) -> Path:
    """Write sound alone as WAV (16, 24 bits, or 32 for floating point) or FLAC (16, 24).

    Raises:
        ValueError: for samples of another kind, a rate below 1 Hz, or bits that the format lacks.
        MediaError: when the file cannot be written.
    """
    checked_sound(samples)
    with SoundWriter(path, rate, len(samples), bits=bits) as file:
        file.write(samples)
    return Path(path)


@contextmanager
def whole_or_nothing(path: Path, form: str, options: dict[str, str]) -> Iterator[OutputContainer]:
    """A container that becomes ``path`` when the block ends well."""
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


def checked_sound(samples: Tensor) -> npt.NDArray[np.float32]:
    """Samples as an array.

    Raises:
        ValueError: unless they are finite, floating point, ``[C, N]`` with a known ``C``.
    """
    if samples.ndim != 2 or samples.shape[0] not in LAYOUTS or not samples.is_floating_point():
        raise ValueError(
            f"sound must be float [C, N] with C in {tuple(LAYOUTS)}, got "
            f"{samples.dtype} {list(samples.shape)}"
        )
    data: npt.NDArray[np.float32] = samples.detach().cpu().float().numpy()
    if not np.isfinite(data).all():
        raise ValueError("sound must be finite, got NaN or infinity")
    return data


def _coded(block: npt.NDArray[np.float32], scale: int, bits: int) -> npt.NDArray[Any]:
    """Samples as the integers that are stored; 24 bits lie in the upper part of 32."""
    if scale == 1:
        return block
    steps = np.clip(np.rint(block.astype(np.float64) * scale), -scale, scale - 1)
    return steps.astype(np.int16) if bits == 16 else steps.astype(np.int32) << 8
