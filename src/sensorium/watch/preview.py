"""The video inside the report: the file itself where browsers play it, else an H.264 preview.

A source goes in as it is when it is an MP4 with one H.264 picture (8 bit, 4:2:0), at most one AAC
or MP3 sound, no later start, no damage met, and at most `EMBEDDED` bytes. Anything else is drawn
anew on the clip's own clock, so that the player and the time line agree whatever the file's time
stamps were: at most 480 pixels high and 30 Hz; above ten minutes 360 pixels and 15 Hz. The bit rate
is chosen so that the preview fits `EMBEDDED` bytes; where that would be too little to see anything
(about ten minutes and more), ``preview.mp4`` stays beside the page, which names it relatively.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from sensorium.media import problems
from sensorium.media.opening import open_input
from sensorium.types import Audio, Clip, Span, Video

EMBEDDED = 20_000_000  # bytes of video inside the page
FILE_NAME = "preview.mp4"

_SOUND_RATE = 48000
_SOUND_BITS = 96_000  # per second
_LEAST, _MOST = 250_000, 1_500_000  # bits per second for the pictures
_LONG = 600.0  # seconds
_BT709 = 1
_CHUNK = 48_000_000  # bytes of decoded frames in memory


@dataclass(frozen=True)
class Preview:
    """What the player shows.

    Attributes:
        note: one line for the reader: the file itself, or a preview and of what size.
        data: the MP4's bytes, to be put into the page; ``None`` when it stays beside it.
        path: the MP4 beside the page; ``None`` when it is inside.
        width: in pixels.
        height: in pixels.
    """

    note: str
    width: int
    height: int
    data: bytes | None = field(default=None, repr=False)
    path: Path | None = None

    def base64(self) -> str:
        """The bytes as text, empty when the video stays beside the page."""
        return base64.b64encode(self.data).decode() if self.data is not None else ""


def make_preview(
    path: Path, clip: Clip, folder: Path, on_share: Callable[[float], None]
) -> Preview:
    """The player's video, drawn into ``folder`` if it has to be.

    Args:
        path: the source.
        clip: the same, read.
        folder: of the report.
        on_share: told the share that is done, 0..1.
    """
    video = clip.need_video()
    if plays_as_it_is(path, clip):
        return Preview("The file itself.", video.width, video.height, data=path.read_bytes())
    plan = Plan.of(clip)
    target = folder / FILE_NAME
    draw(clip, plan, target, on_share)
    size = f"{plan.width} \u00d7 {plan.height} at {float(plan.rate):.3g} Hz"
    if target.stat().st_size <= EMBEDDED:
        data = target.read_bytes()
        target.unlink()
        return Preview(f"A preview, {size}.", plan.width, plan.height, data=data)
    note = f"A preview, {size}, in {FILE_NAME} beside this page: keep the two together."
    return Preview(note, plan.width, plan.height, path=target)


def plays_as_it_is(path: Path, clip: Clip) -> bool:
    """Whether browsers play the file as it is, on the clip's clock."""
    if (
        problems(clip)
        or not path.is_file()
        or path.stat().st_size > EMBEDDED
        or abs(clip.span.start) > 0.02
    ):
        return False
    with open_input(str(path)) as container:
        pictures, sounds = container.streams.video, container.streams.audio
        if "mp4" not in container.format.name.split(",") or len(pictures) != 1 or len(sounds) > 1:
            return False
        picture: Any = pictures[0]
        late = float((picture.start_time or 0) * (picture.time_base or 0))
        upright = (picture.width, picture.height) == (
            clip.need_video().width,
            clip.need_video().height,
        )
        return (
            picture.codec_context.name == "h264"
            and picture.codec_context.pix_fmt in ("yuv420p", "yuvj420p")
            and all(s.codec_context.name in ("aac", "mp3") for s in sounds)
            and upright
            and abs(late) < 0.05
        )


@dataclass(frozen=True)
class Plan:
    """How to draw a preview: pixels, frames per second, bits per second, x264's preset."""

    width: int
    height: int
    rate: Fraction
    bits: int
    preset: str

    @classmethod
    def of(cls, clip: Clip) -> Plan:
        """Within the caps, and within `EMBEDDED` bytes if the pictures stay worth looking at."""
        video = clip.need_video()
        long = clip.duration > _LONG
        highest, fastest = (360, 15.0) if long else (480, 30.0)
        scale = min(1.0, highest / video.height, 16 / 9 * highest / video.width)
        fps = video.fps / max(1, ceil(video.fps / fastest - 1e-3))
        rate = Fraction(max(fps, 1.0)).limit_denominator(1001)
        sound = _SOUND_BITS if clip.audio is not None else 0
        budget = int(0.9 * 8 * EMBEDDED / clip.duration) - sound
        return cls(
            width=_even(scale * video.width),
            height=_even(scale * video.height),
            rate=rate,
            bits=min(max(budget, _LEAST), _MOST),
            preset="superfast" if long else "veryfast",
        )


def _even(pixels: float) -> int:
    return max(2, 2 * round(pixels / 2))


def draw(clip: Clip, plan: Plan, target: Path, on_share: Callable[[float], None]) -> None:
    """Encode the clip from its start to its end, a few frames in memory at a time."""
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as container:
        options = {"crf": "25", "preset": plan.preset, "profile": "high"}
        options |= {"maxrate": str(plan.bits), "bufsize": str(2 * plan.bits)}
        picture: Any = container.add_stream("libx264", rate=plan.rate, options=options)
        picture.width, picture.height, picture.pix_fmt = plan.width, plan.height, "yuv420p"
        picture.codec_context.gop_size = max(1, round(plan.rate))
        picture.codec_context.colorspace = Colorspace.ITU709
        picture.codec_context.color_range = ColorRange.MPEG
        picture.codec_context.color_primaries = picture.codec_context.color_trc = _BT709
        sound: Any = None
        if clip.audio is not None:
            sound = container.add_stream("aac", rate=_SOUND_RATE, layout="stereo")
            sound.bit_rate = _SOUND_BITS
        count = max(1, round(clip.duration * plan.rate))
        heard = 0.0
        video = clip.need_video()
        for done, frame in enumerate(_frames(video, clip.span, plan, count), start=1):
            container.mux(picture.encode(frame))
            shown = done / plan.rate
            if clip.audio is not None and (shown - heard > 1 or done == count):
                until = clip.duration if done == count else float(shown)
                for block in _sound(clip.audio, clip.span, heard, until):
                    container.mux(sound.encode(block))
                heard = until
            on_share(done / count)
        container.mux(picture.encode(None))
        if sound is not None:
            container.mux(sound.encode(None))


def _frames(video: Video, span: Span, plan: Plan, count: int) -> Iterator[Any]:
    """The preview's frames in order, decoded in chunks of bounded size."""
    times = [span.start + (i + 0.5) / float(plan.rate) for i in range(count)]
    step = max(1, min(64, _CHUNK // (3 * video.height * video.width)))
    for first in range(0, count, step):
        # [T, 3, H, W] -> [T, H, W, 3]
        frames = video.frames(times[first : first + step]).permute(0, 2, 3, 1).contiguous()
        for offset, pixels in enumerate(frames.cpu().numpy()):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame = frame.reformat(
                plan.width,
                plan.height,
                "yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                interpolation=Interpolation.AREA,
            )
            frame.pts, frame.time_base = first + offset, 1 / plan.rate
            yield frame


def _sound(audio: Audio, span: Span, start: float, end: float) -> Iterator[Any]:
    """One stretch of sound, as stereo, on the preview's sample clock."""
    first, last = round(start * _SOUND_RATE), round(end * _SOUND_RATE)
    stretch = Span(span.start + first / _SOUND_RATE, span.start + last / _SOUND_RATE)
    samples = audio.samples(stretch, _SOUND_RATE).cpu().numpy()
    left, right = (samples[0], samples[1]) if len(samples) == 2 else (samples.mean(0),) * 2
    stereo = np.stack([left, right]).astype(np.float32)
    for at in range(0, stereo.shape[1], 1024):
        block = np.ascontiguousarray(stereo[:, at : at + 1024])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = _SOUND_RATE, first + at
        frame.time_base = Fraction(1, _SOUND_RATE)
        yield frame
