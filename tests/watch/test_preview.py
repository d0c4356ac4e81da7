from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from sensorium.types import Audio, Clip, FrameVideo, Span
from sensorium.watch import preview
from sensorium.watch.preview import EMBEDDED, Plan, draw, make_preview, plays_as_it_is


class Beeps(Audio):
    """Silence, but a tone from ``on`` to ``off`` on the left channel."""

    def __init__(self, span: Span, on: float, off: float, channels: int = 2) -> None:
        self.span, self.rate, self.channels = span, 8000, channels
        self.on, self.off = on, off

    def samples(self, span: Span | None = None, rate: int | None = None) -> torch.Tensor:
        span, rate = span or self.span, rate or self.rate
        t = span.start + torch.arange(round(span.duration * rate)) / rate
        tone = 0.5 * torch.sin(2 * torch.pi * 440 * t) * ((t >= self.on) & (t < self.off))
        out = torch.zeros(self.channels, len(t))
        out[0] = tone
        return out


def still(seconds: float, fps: float = 10, height: int = 36, width: int = 64) -> FrameVideo:
    frames = torch.full((max(1, round(seconds * fps)), 3, height, width), 80, dtype=torch.uint8)
    return FrameVideo(frames, fps)


def ignore(share: float) -> None:
    pass


def test_the_preview_is_h264_on_the_clips_clock(tmp_path: Path, clip: Clip) -> None:
    shares: list[float] = []
    draw(clip, Plan.of(clip), tmp_path / "p.mp4", shares.append)
    with av.open(str(tmp_path / "p.mp4")) as container:
        stream = container.streams.video[0]
        times = [float(frame.pts * stream.time_base) for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert not container.streams.audio
    assert times == pytest.approx([i / 10 for i in range(40)])
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def test_sound_stays_where_it_was(tmp_path: Path) -> None:
    clip = Clip(still(4.0), Beeps(Span(0.0, 4.0), 1.5, 2.5), "beep")
    draw(clip, Plan.of(clip), tmp_path / "p.mp4", ignore)
    with av.open(str(tmp_path / "p.mp4")) as container:
        frames = list(container.decode(audio=0))
    loud = [float(f.pts * f.time_base) for f in frames if np.abs(f.to_ndarray()[0]).max() > 0.25]
    assert min(loud) == pytest.approx(1.5, abs=0.05)
    assert max(loud) == pytest.approx(2.5, abs=0.05)
    assert np.abs(np.concatenate([f.to_ndarray()[1] for f in frames])).max() < 0.05


@pytest.mark.parametrize("channels", [1, 6])
def test_any_number_of_channels_becomes_stereo(tmp_path: Path, channels: int) -> None:
    clip = Clip(still(1.0), Beeps(Span(0.0, 1.0), 0.0, 1.0, channels), "beep")
    draw(clip, Plan.of(clip), tmp_path / "p.mp4", ignore)
    with av.open(str(tmp_path / "p.mp4")) as container:
        left, right = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)
    assert np.abs(left).max() > 0.05
    assert np.abs(left - right).max() < 0.02


def test_sound_before_and_after_the_pictures_is_kept(tmp_path: Path) -> None:
    video = FrameVideo(torch.full((10, 3, 36, 64), 80, dtype=torch.uint8), fps=10, start=1.0)
    clip = Clip(video, Beeps(Span(0.0, 3.0), 0.0, 3.0), "long")
    draw(clip, Plan.of(clip), tmp_path / "p.mp4", ignore)
    with av.open(str(tmp_path / "p.mp4")) as container:
        assert container.duration / 1e6 == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [
        (1080, 1920, (854, 480)),
        (1920, 1080, (270, 480)),
        (35, 63, (64, 36)),
        (1, 1, (2, 2)),
        (100, 4000, (854, 22)),
    ],
)
def test_pictures_are_bounded_and_even(height: int, width: int, size: tuple[int, int]) -> None:
    plan = Plan.of(Clip(still(0.1, height=height, width=width), None))
    assert (plan.width, plan.height) == size


@pytest.mark.parametrize(("fps", "rate"), [(30, 30), (60, 30), (120, 30), (25, 25), (1, 1)])
def test_rates_are_whole_parts_of_the_files(fps: float, rate: int) -> None:
    assert Plan.of(Clip(still(2.0, fps, 4, 4), None)).rate == rate


def test_a_long_video_gets_fewer_pixels_frames_and_bits() -> None:
    short = Plan.of(Clip(still(60, 1), None))
    long = Plan.of(
        Clip(FrameVideo(torch.zeros(2, 3, 720, 1280, dtype=torch.uint8), 1 / 1800), None)
    )
    assert long.height == 360
    assert long.bits < short.bits
    assert 60 * short.bits / 8 < EMBEDDED
    assert Plan.of(Clip(still(700, 1), None)).rate == Fraction(1)


def test_a_playable_file_goes_in_as_it_is(film: Path, tmp_path: Path) -> None:
    from sensorium.media import read

    clip = read(film)
    assert plays_as_it_is(film, clip)
    made = make_preview(film, clip, tmp_path, ignore)
    assert made.data == film.read_bytes()
    assert list(tmp_path.glob("*.mp4")) == []


def test_what_is_too_large_stays_beside_the_page(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = make_preview(tmp_path / "none.mp4", clip, tmp_path, ignore)
    assert inside.path is None
    assert inside.base64()
    monkeypatch.setattr(preview, "EMBEDDED", 100)
    beside = make_preview(tmp_path / "none.mp4", clip, tmp_path, ignore)
    assert beside.path == tmp_path / "preview.mp4"
    assert beside.base64() == ""
    assert "keep the two together" in beside.note
