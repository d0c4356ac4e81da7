"""Small real films, sounds and frame folders, whose pictures tell their time by brightness."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sensorium import media

FAST = media.Encoding(preset="ultrafast", threads=1, audio_bits=64_000)


def brightness(second: float) -> int:
    """Of the picture shown at that time, 4 steps a second."""
    return 20 + 4 * int(4 * second)


class MediaMaker:
    """Writes data sets below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def text(self, name: str, *lines: str) -> Path:
        path = self._path(name)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def tone(self, seconds, rate=11025, hz=440.0, level=0.3, channels=1):
        t = np.arange(round(seconds * rate)) / rate
        wave = torch.from_numpy((level * np.sin(2 * np.pi * hz * t)).astype(np.float32))
        return wave.expand(channels, -1)

    def sound(self, name, seconds=2.0, rate=11025, **how) -> Path:
        return media.write_audio(self._path(name), self.tone(seconds, rate, **how), rate)

    def film(self, name, seconds=2.0, fps=8.0, sounding=None, size=(32, 48), rate=22050, **how):
        """A film; ``sounding`` seconds of sound (default: as long; 0: none)."""
        sounding = seconds if sounding is None else sounding
        times = [(k + 0.5) / fps for k in range(max(1, round(seconds * fps)))]
        pictures = [self.picture(brightness(t), size) for t in times]
        audio = self.tone(sounding, rate, **how) if sounding else None
        return media.write(
            self._path(name), torch.stack(pictures), fps, audio=audio, rate=rate, encoding=FAST
        )

    def frames(self, folder, count, fps=8.0, size=(32, 48)) -> Path:
        path = self.root / folder
        path.mkdir(parents=True)
        for k in range(count):
            picture = self.picture(brightness((k + 0.5) / fps), size).permute(1, 2, 0).numpy()
            assert cv2.imwrite(str(path / f"{k + 1:06d}.jpg"), picture)
        return path

    def picture(self, level, size):
        grain = torch.from_numpy(np.random.default_rng(level).integers(0, 8, (3, *size)))
        return (grain + level).to(torch.uint8)

    def _path(self, name) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


@pytest.fixture
def make(tmp_path):
    """Writes data sets below the test's folder."""
    return MediaMaker(tmp_path)


@pytest.fixture
def level():
    """The mean brightness of pictures, less the mean of their grain."""

    def read(frames):
        return (frames.float().mean((1, 2, 3)) - 3.5).tolist()

    return read


@pytest.fixture
def told():
    """The brightness that the picture at a time has."""
    return brightness
