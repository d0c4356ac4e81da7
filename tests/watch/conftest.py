from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sensorium.actions.results import Actions
from sensorium.actions.spans import merge_windows
from sensorium.layers.unet import UNetConfig
from sensorium.media import Encoding, write
from sensorium.sounds.pixels import PixelsConfig
from sensorium.sounds.results import Stems
from sensorium.sounds.separation import Options, separate
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.systems import PixelsSystem, PixelsSystemConfig
from sensorium.sounds.view import SoundView
from sensorium.types import Clip, FrameVideo, Span
from sensorium.watch.clock import Clock
from sensorium.watch.preview import Plan, draw
from sensorium.watch.section import Setting
from sensorium.watch.weights import Weights

CLASSES = ("rise", "sink", "slide_left", "rest")


def _frames(count: int, height: int = 36, width: int = 64) -> torch.Tensor:
    """A bright square that walks to the right over a ramp; the ramp turns around half-way."""
    frames = torch.zeros(count, 3, height, width, dtype=torch.uint8)
    ramp = torch.linspace(40, 200, width).to(torch.uint8)
    for t in range(count):
        frames[t, 0] = ramp if t < count / 2 else ramp.flip(0)
        x = t * (width - 10) // max(1, count - 1)
        frames[t, :, 10:20, x : x + 10] = 255
    return frames


@pytest.fixture
def clip() -> Clip:
    return Clip(FrameVideo(_frames(40), fps=10), None, "walk.mp4")


@pytest.fixture
def weights() -> Weights:
    return Weights("tsm", "tsm", "procedural stage videos", (("Recipe", "tsm"),))


def _actions(
    duration: float = 4.0,
    windows: int = 7,
    unfamiliarity: float | None = 0.2,
    classes: tuple[str, ...] = CLASSES,
    seed: int = 0,
) -> Actions:
    length = duration if windows == 1 else 2 * duration / (windows + 1)
    spans = [Span(i * length / 2, i * length / 2 + length) for i in range(windows)]
    noise = torch.randn(windows, len(classes), generator=torch.Generator().manual_seed(seed))
    scores = (3 * noise).softmax(1)
    return Actions(
        file="walk.mp4",
        system="tsm",
        classes=classes,
        windows=tuple(spans),
        scores=scores,
        actions=merge_windows(spans, scores, classes, skip="rest"),
        unfamiliarity=unfamiliarity,
    )


@pytest.fixture
def clock(clip: Clip) -> Clock:
    return Clock.of(clip.span)


@pytest.fixture
def setting(clip: Clip, clock: Clock, weights: Weights, tmp_path: Path) -> Setting:
    return Setting(clip, clock, weights, tmp_path)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A small H.264 file of four seconds without sound."""
    return _film(tmp_path / "films" / "walk.mp4")


def _film(path: Path, count: int = 40) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    clip = Clip(FrameVideo(_frames(count), fps=10), None, str(path))
    draw(clip, Plan.of(clip), path, lambda share: None)
    return path


@pytest.fixture
def make_actions() -> Callable[..., Actions]:
    """A real result with scores drawn at random."""
    return _actions


@pytest.fixture
def moving_frames() -> Callable[..., torch.Tensor]:
    return _frames


@pytest.fixture
def write_film() -> Callable[..., Path]:
    """Writes such frames to a path as H.264."""
    return _film


class Pointed(PixelsSystem):
    """Untrained weights that are told where the two sources are."""

    def predict(self, clip: Clip) -> Stems:
        return separate(self, clip, Options(points=((0.2, 0.4), (0.8, 0.6))))


@pytest.fixture(scope="session")
def pointed() -> PixelsSystem:
    """Tells two sources apart, badly, and carries no calibration."""
    torch.manual_seed(0)
    network = PixelsConfig(
        trunk="resnet_tiny", width=0.25, sound=UNetConfig(levels=4, width=4, channels=4)
    )
    config = PixelsSystemConfig(
        network,
        SpectraConfig(bins=32, frames=64),
        SoundView(size=64, frames=1),
        threshold=False,
    )
    return Pointed(config).eval()


def tones(seconds: float, rate: int, channels: int = 2) -> torch.Tensor:
    """Two tones in turn, half a second each, at the left and at the right."""
    t = torch.arange(round(seconds * rate)) / rate
    low = 0.4 * torch.sin(2 * torch.pi * 330 * t) * ((t % 1) < 0.5)
    high = 0.3 * torch.sin(2 * torch.pi * 1760 * t) * ((t % 1) >= 0.5)
    both = low + high
    return torch.stack([low + 0.2 * both, high + 0.2 * both])[:channels]


@pytest.fixture(scope="session")
def concert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of picture and sound, stereo, 22.05 kHz."""
    path = tmp_path_factory.mktemp("concert") / "concert.mp4"
    encoding = Encoding(preset="ultrafast", threads=1, key_seconds=0.5)
    return write(
        path, _frames(40, 72, 128), 10, audio=tones(4.0, 22050), rate=22050, encoding=encoding
    )
