"""Small films and sounds, made with PyAV, whose every picture carries its own number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from torch import Tensor


@dataclass
class Film:
    """What to write: a codec (or none), its pictures' time stamps, a sound (or none)."""

    codec: str | None = "libx264"
    frames: int = 40
    width: int = 96
    height: int = 64
    fps: int = 25
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    gop: int = 12
    b_frames: int | None = None
    stamps: Sequence[int] | None = None
    time_base: Fraction | None = None
    rotation: float = 0.0
    flip: bool = False
    sound: str | None = None
    rate: int = 48000
    sound_seconds: float = 2.0
    sound_start: float = 0.0
    tracks: int = 1


def picture(number: int, width: int, height: int) -> np.ndarray:
    """A gradient that changes with the number, which stands on top in eight bars."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [(x * 3 + number * 5) % 256, (y * 4 + number * 3) % 256, x * 0 + number * 37 % 256]
    image = np.stack(planes, -1).astype(np.uint8)
    for bit in range(8):
        image[0:8, bit * 8 : bit * 8 + 8] = 255 * ((number >> bit) & 1)
    return image


def number_of(image: Tensor) -> int:
    """The number that a picture ``[3, H, W]`` carries."""
    bars = [image[:, 2:6, bit * 8 + 2 : bit * 8 + 6].float().mean() for bit in range(8)]
    return sum(int(bar > 127) << bit for bit, bar in enumerate(bars))


def tone(rate: int, seconds: float, track: int = 0) -> np.ndarray:
    """``[2, N]``: a chirp and a tone, with a click at every half second."""
    t = np.arange(round(rate * seconds)) / rate
    wave = 0.3 * np.stack([np.sin(2 * np.pi * (200 + 150 * t) * t), np.sin(2 * np.pi * 440 * t)])
    wave[:, :: rate // 2] = 0.9
    return wave * (1 - 0.5 * track)


def encode_sound(container: Any, film: Film, streams: list[Any]) -> None:
    for track, stream in enumerate(streams):
        samples = (tone(film.rate, film.sound_seconds, track).T * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = film.rate, 0
        fifo = av.AudioFifo()
        form = stream.codec_context.format.name
        for part in av.AudioResampler(form, "stereo", film.rate).resample(frame):
            fifo.write(part)
        at = round(film.sound_start * film.rate)
        while (
            part := fifo.read(stream.codec_context.frame_size or 1024, partial=True)
        ) is not None:
            part.pts, part.time_base = at, Fraction(1, film.rate)
            at += part.samples
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


def write_film(target: Any, film: Film, form: str | None = None) -> None:
    with av.open(target, "w", format=form) as container:
        streams = []
        if film.codec is not None:
            stream = container.add_stream(film.codec, rate=film.fps, options=film.options)
            stream.width, stream.height, stream.pix_fmt = film.width, film.height, film.pixels
            stream.codec_context.gop_size = film.gop
            if film.b_frames is not None:
                stream.codec_context.max_b_frames = film.b_frames
            if film.time_base is not None:
                stream.codec_context.time_base = film.time_base
            if film.rotation or film.flip:
                stream.set_display_rotation(film.rotation, hflip=film.flip)
        if film.sound is not None:
            for _ in range(film.tracks):
                sound = container.add_stream(film.sound, rate=film.rate)
                sound.codec_context.layout = "stereo"
                streams.append(sound)
        for i in range(film.frames if film.codec else 0):
            image = picture(i, film.width, film.height)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=film.pixels)
            frame.pts = i if film.stamps is None else film.stamps[i]
            if film.time_base is not None:
                frame.time_base = film.time_base
            container.mux(stream.encode(frame))
        if film.codec is not None:
            container.mux(stream.encode(None))
        encode_sound(container, film, streams)


@pytest.fixture(scope="session")
def make_film(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``make_film(name, **fields of Film)`` writes a film and returns its path."""
    folder = tmp_path_factory.mktemp("films")
    count = iter(range(10_000))

    def make(name: str, form: str | None = None, **fields: Any) -> Path:
        path = folder / f"{next(count)}_{name}"
        write_film(str(path), Film(**fields), form)
        return path

    return make


@pytest.fixture(scope="session")
def film_number() -> Callable[[Tensor], int]:
    """Reads the number off a picture."""
    return number_of


@pytest.fixture(scope="session")
def film_picture() -> Callable[[int, int, int], np.ndarray]:
    """The picture that a number, a width and a height give."""
    return picture


@pytest.fixture(scope="session")
def film_tone() -> Callable[..., np.ndarray]:
    """The sound that a rate, a length and a track give."""
    return tone


@pytest.fixture(scope="session")
def stream_film() -> Callable[..., None]:
    """``stream_film(file object, form, **fields)`` writes as to a pipe."""

    def make(target: Any, form: str, **fields: Any) -> None:
        write_film(target, Film(**fields), form)

    return make
