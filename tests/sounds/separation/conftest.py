"""A system whose separation is known, and films for it: colours sound in bands of their own."""

import itertools
from dataclasses import dataclass, replace

import pytest
import torch
import torch.nn.functional as F

from sensorium import seeds, training
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.systems import PixelsSystem, PixelsSystemConfig, SoundSystem
from sensorium.sounds.view import SoundView
from sensorium.types import Audio, Clip, FrameVideo, Span

SPECTRA = SpectraConfig(rate=8000, window=256, hop=64, bins=32, frames=64)  # 0.512 s a window
VIEW = SoundView(size=64, fps=8.0, frames=2, stride=1)
HERTZ = {"red": 400, "green": 1300, "blue": 3000}
COLOURS = {"red": (230, 10, 10), "green": (10, 230, 10), "blue": (10, 10, 230)}


class ColourSystem(SoundSystem):
    """Red sounds below 800 Hz, green from there to 2000 Hz, blue above; grey is silent."""

    name = "colours"
    Config = PixelsSystemConfig

    def __init__(self, config):
        super().__init__(config, 3, 3)
        self.gain = torch.nn.Parameter(torch.tensor(12.0))
        hertz = torch.linspace(0, 1, config.spectra.bins)
        hertz = (21.0**hertz - 1) / 20 * config.spectra.rate / 2
        edges = torch.tensor([0.0, 800.0, 2000.0, 1e9])
        self.bands = torch.stack(
            [(hertz >= a) & (hertz < b) for a, b in itertools.pairwise(edges)]
        ).float()

    def see(self, sight):
        frames = sight["frames"].float() / 255  # [B, T, 3, S, S]
        cells = F.avg_pool2d(frames.amax(1), 8)
        return self.gain * (cells[:, :, None] - 0.6)  # [B, 3, 1, 8, 8]

    def hear(self, magnitude):
        return (magnitude,)

    def logits(self, visual, heard):
        here = self.appearance(visual.amax(-1)) @ self.bands  # [B, S, R]
        frames = heard[0].shape[-1]
        return (12 * here - 6)[..., None].expand(-1, -1, -1, frames)

    def features(self, pictures):
        return pictures.mean((-2, -1))


@dataclass
class Held(Audio):
    """Samples in memory."""

    data: torch.Tensor
    rate: int
    start: float = 0.0

    def __post_init__(self):
        self.channels = len(self.data)
        self.span = Span(self.start, self.start + self.data.shape[1] / self.rate)

    def samples(self, span=None, rate=None):
        from sensorium import signals

        span, rate = span or self.span, rate or self.rate
        data = signals.resample(self.data, self.rate, rate) if self.data.numel() else self.data
        first, count = round((span.start - self.span.start) * rate), round(span.duration * rate)
        out = torch.zeros(self.channels, count)
        begin, end = max(first, 0), min(first + count, data.shape[1])
        if end > begin:
            out[:, begin - first : end - first] = data[:, begin:end]
        return out


def scene(boxes, size=(64, 96)):
    """A grey picture with boxes ``colour: (x, y)``, their middles as fractions."""
    picture = torch.full((3, *size), 90, dtype=torch.uint8)
    for colour, (x, y) in boxes.items():
        row, column = round(y * size[0]), round(x * size[1])
        half = size[0] // 6
        rows = slice(max(0, row - half), row + half)
        columns = slice(max(0, column - half), column + half)
        picture[:, rows, columns] = torch.tensor(COLOURS[colour], dtype=torch.uint8)[:, None, None]
    return picture


def tones(names, seconds, rate, channels=1):
    """Each colour's own tone, ``[S, C, N]``."""
    t = torch.arange(round(seconds * rate)) / rate
    pulse = 0.6 + 0.4 * torch.sin(2 * torch.pi * 2.5 * t)
    return torch.stack(
        [(0.2 * pulse * torch.sin(2 * torch.pi * HERTZ[n] * t)).expand(channels, -1) for n in names]
    )


@pytest.fixture
def colours():
    config = replace(PixelsSystemConfig(), spectra=SPECTRA, view=VIEW)
    return ColourSystem(config).eval()


@pytest.fixture
def tiny():
    """A PixelPlayer of random weights."""
    recipe = training.recipe("pixels-tiny")
    config = recipe.data.adapt(recipe.system)
    with torch.random.fork_rng():
        torch.manual_seed(seeds.derive(0, "tiny"))
        return PixelsSystem(config).eval()


@pytest.fixture
def duet():
    """Red at the left and green at the right, three seconds, with their true tracks."""

    def make(seconds=3.0, rate=16000, channels=2, boxes=None):
        boxes = boxes or {"red": (0.25, 0.5), "green": (0.75, 0.5)}
        tracks = tones(boxes, seconds, rate, channels)
        frames = torch.stack([scene(boxes)] * max(1, round(8 * seconds)))
        return Clip(FrameVideo(frames, 8.0), Held(tracks.sum(0), rate), "duet"), tracks

    return make
