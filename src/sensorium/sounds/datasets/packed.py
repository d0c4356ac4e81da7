"""What `sounds.preparing` writes for a recording, as lazy sound and pictures.

``sound.wav`` is 16-bit mono. ``frames.mjpeg`` is one JPEG after the other, a raw MJPEG stream that
players open (``ffplay -framerate 8 frames.mjpeg``); ``frames.npy`` holds the ``int64 [T + 1]``
places where they begin and end. Picture ``i`` is on display from ``i / fps`` on. A window is one
read at a known place in each file: nothing is decoded but what is asked for, no file stays open,
and the objects pickle into data-loading workers as they are.
"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from math import floor, isfinite
from os import fstat
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from sensorium.media import MediaError
from sensorium.types import Audio, Span, Video

SOUND = "sound.wav"
FRAMES = "frames.mjpeg"
SUFFIX = ".mjpeg"
_AGAIN = "remove its folder and run sensorium prepare again"


class PackedVideo(Video):
    """JPEGs in one file, at a constant rate.

    Args:
        path: ``frames.mjpeg``, with ``frames.npy`` beside it.
        fps: in hertz.

    Raises:
        MediaError: when a file is missing or damaged.
    """

    def __init__(self, path: Path, fps: float) -> None:
        if not fps > 0:
            raise ValueError(f"fps must be above 0 Hz, got {fps!r}")
        self.path, self.fps = path, float(fps)
        places = self._places()
        self.span = Span(0.0, (len(places) - 1) / self.fps)
        first = self._decode([0], places)[0]
        self.height, self.width = int(first.shape[0]), int(first.shape[1])

    def frames(self, times: Sequence[float]) -> UInt8[Tensor, "T 3 H W"]:
        """The picture on display at each time (seconds; outside, the nearest).

        Raises:
            ValueError: for times that are not finite.
            MediaError: when a picture cannot be read.
        """
        if not all(map(isfinite, times)):
            raise ValueError("frame times must be finite seconds")
        places = self._places()
        last = len(places) - 2
        index = [min(max(floor(t * self.fps + 1e-6), 0), last) for t in times]
        if not index:
            return torch.empty(0, 3, self.height, self.width, dtype=torch.uint8)
        wanted = sorted(set(index))
        pictures = dict(zip(wanted, self._decode(wanted, places), strict=True))
        stacked = np.stack([pictures[i] for i in index])
        return torch.from_numpy(stacked).permute(0, 3, 1, 2)  # [T, H, W, 3] -> [T, 3, H, W]

    def _places(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        path = self.path.with_suffix(".npy")
        try:
            places = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise MediaError(f"{path}: cannot be read ({error}); {_AGAIN}") from None
        good = places.ndim == 1 and places.dtype == np.int64 and len(places) > 1
        if not good or places[0] != 0 or (np.diff(places) <= 0).any():
            raise MediaError(f"{path}: not an index of pictures; {_AGAIN}")
        return np.asarray(places, dtype=np.int64)

    def _decode(
        self, wanted: Sequence[int], places: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
        """Pictures ``[H, W, 3]`` by their numbers, ascending."""
        found = []
        try:
            with self.path.open("rb") as file:
                if int(places[-1]) > fstat(file.fileno()).st_size:
                    raise MediaError(f"{self.path}: the file is cut short; {_AGAIN}")
                for number in wanted:
                    begin, end = int(places[number]), int(places[number + 1])
                    file.seek(begin)
                    data = np.frombuffer(file.read(end - begin), np.uint8)
                    picture = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if len(data) else None
                    if picture is None:
                        raise MediaError(
                            f"{self.path}: picture {number} cannot be decoded; {_AGAIN}"
                        )
                    found.append(np.asarray(picture, dtype=np.uint8))
        except OSError as error:
            raise MediaError(f"{self.path}: cannot be read ({error.strerror}); {_AGAIN}") from None
        return found

    def __repr__(self) -> str:
        return f"PackedVideo({str(self.path)!r}, fps={self.fps:g}, {self.span})"


class WavAudio(Audio):
    """A 16-bit mono WAV file, read a stretch at a time.

    Raises:
        MediaError: when it is missing, damaged or of another kind.
    """

    channels = 1

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with wave.open(str(path), "rb") as file:
                kind = (file.getnchannels(), file.getsampwidth())
                self.rate, self.count = file.getframerate(), file.getnframes()
                self._begin = path.stat().st_size - 2 * self.count
        except (OSError, EOFError, wave.Error) as error:
            raise MediaError(f"{path}: cannot be read ({error}); {_AGAIN}") from None
        if kind != (1, 2) or self._begin < 44 or not self.rate:
            raise MediaError(f"{path}: not a whole 16-bit mono WAV file; {_AGAIN}")
        self.span = Span(0.0, self.count / self.rate)

    def samples(self, span: Span | None = None, rate: int | None = None) -> Float32[Tensor, "1 N"]:
        """The samples of ``span`` (default: all), silence outside.

        Raises:
            ValueError: for another rate than its own.
        """
        span = span or self.span
        if rate not in (None, self.rate):
            raise ValueError(
                f"{self.path}: prepared at {self.rate} Hz, asked for at {rate} Hz; "
                f"run sensorium prepare with --rate {rate} into another folder"
            )
        begin = round(span.start * self.rate)
        return self.window(begin, round(span.duration * self.rate))[None]

    def window(self, begin: int, count: int) -> Float32[Tensor, "N"]:
        """``count`` samples from number ``begin`` on, silence outside.

        Raises:
            MediaError: when the file can no longer be read.
        """
        out = np.zeros(max(count, 0), np.float32)
        first, last = max(begin, 0), min(begin + count, self.count)
        if last > first:
            try:
                data = np.fromfile(
                    self.path, "<i2", count=last - first, offset=self._begin + 2 * first
                )
            except OSError as error:
                raise MediaError(f"{self.path}: cannot be read ({error}); {_AGAIN}") from None
            if len(data) < last - first:
                raise MediaError(f"{self.path}: the file is cut short; {_AGAIN}")
            np.multiply(data, 2.0**-15, out=out[first - begin : last - begin])
        return torch.from_numpy(out)

    def __repr__(self) -> str:
        return f"WavAudio({str(self.path)!r}, {self.rate} Hz, {self.span})"
