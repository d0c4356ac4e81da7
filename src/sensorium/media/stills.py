"""Single pictures to and from files: any kind that FFmpeg reads, or a moment of a video.

Grey, 16-bit, palette and turned (EXIF) pictures come out as they are meant to be seen, ``uint8 [3,
H, W]``; what is transparent lies on a grey or white ground.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from av.video.frame import VideoFrame
from jaxtyping import UInt8
from torch import Tensor

from sensorium.media.errors import MediaError
from sensorium.media.loops import webp_facts
from sensorium.media.opening import MAX_PIXELS, close_quietly, open_input, reason
from sensorium.media.reading import read

MID_GREY = 128

_PHOTOS = (".jpg", ".jpeg", ".jfif")


def read_picture(
    path: str | Path, at: float = 0.0, *, behind: int = MID_GREY
) -> UInt8[Tensor, "3 H W"]:
    """A still picture, or a video's frame ``at`` seconds after its first one.

    Args:
        path: the file, or a folder of numbered frames.
        at: seconds.
        behind: grey level behind transparent pixels, 0..255.

    Raises:
        MediaError: when there is none, with what to do.
        ValueError: when the video is shorter than ``at`` seconds, or a still picture is asked for
            a later moment than 0.
    """
    name = str(path)
    if not (at >= 0 and at != float("inf")):
        raise ValueError(f"{name}: the moment must be 0 s or later, got {at!r}")
    if not Path(name).is_dir():
        still = _still(name, behind)
        if still is not None:
            if at:
                raise ValueError(f"{name}: a still picture has no moment {at:g} s; leave it out")
            return still
    video = read(name).need_video()
    if at >= video.span.duration:
        raise ValueError(
            f"{name}: the video lasts {video.span.duration:.2f} s, got the moment {at:g} s"
        )
    return video.frames([video.span.start + at])[0]


def _still(name: str, behind: int) -> UInt8[Tensor, "3 H W"] | None:
    """The picture of an image file; ``None`` for anything that is no single picture."""
    import av

    moving = _first_of_webp(name, behind)
    if moving is not None:
        return moving
    container = open_input(name)
    try:
        photo = Path(name).suffix.lower() in _PHOTOS  # half of one looks like a film to FFmpeg
        if not (container.format.name.endswith("_pipe") or photo) or not container.streams.video:
            return None
        stream = container.streams.video[0]
        strict = {"err_detect": "explode"} if photo else {}
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS), **strict}
        frame = next(container.decode(stream), None)
        if frame is None:
            raise MediaError(f"{name}: there is no picture in it; save it as PNG or JPEG again")
        return _upright(_pixels(frame, behind), frame.rotation)
    except (av.FFmpegError, OSError) as error:
        raise MediaError(
            f"{name}: the picture cannot be decoded ({reason(error)}); it is damaged or no "
            "picture: save it as PNG or JPEG again"
        ) from error
    finally:
        close_quietly(container)


def _first_of_webp(name: str, behind: int) -> UInt8[Tensor, "3 H W"] | None:
    """The first picture of an animated WebP, which FFmpeg cannot read; ``None`` for others."""
    path = Path(name)
    if path.suffix.lower() != ".webp" or not path.is_file():
        return None
    facts = webp_facts(path.read_bytes())
    if facts is None:
        return None
    if facts.height * facts.width > MAX_PIXELS:
        raise MediaError(f"{name}: {facts.width} x {facts.height} pixels are too many")
    import cv2

    found, animation = cv2.imreadanimation(name, 0, 1)
    if not found or not len(animation.frames):
        raise MediaError(f"{name}: the animation cannot be decoded; save it as GIF or MP4 again")
    first = np.asarray(animation.frames[0])
    colours = np.ascontiguousarray(first[..., 2::-1])
    return _upright(
        _grounded(colours, first[..., 3], behind) if first.shape[2] == 4 else colours, 0
    )


def _pixels(frame: VideoFrame, behind: int) -> UInt8[np.ndarray, "H W 3"]:
    """RGB on its ground.

    Not by way of ``rgba`` alone: from YUV, FFmpeg 8.1 leaves its last columns unwritten where the
    width is no multiple of 8.
    """
    colours = frame.reformat(format="rgb24").to_ndarray()
    if frame.format.name.startswith("yuva4") and frame.format.name.endswith("p"):  # 8 bits
        plane = frame.planes[3]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return _grounded(colours, rows[: frame.height, : frame.width], behind)
    if frame.format.has_palette or any(part.is_alpha for part in frame.format.components):
        whole = frame.reformat(format="rgba").to_ndarray()
        return _grounded(whole[..., :3], whole[..., 3], behind)
    return colours


def _grounded(
    colours: UInt8[np.ndarray, "H W 3"], alpha: UInt8[np.ndarray, "H W"], behind: int
) -> UInt8[np.ndarray, "H W 3"]:
    """What is transparent shows the ground."""
    if int(alpha.min()) == 255:
        return colours
    share = alpha[..., None].astype(np.uint16)
    mixed: UInt8[np.ndarray, "H W 3"] = (
        (colours * share + behind * (255 - share) + 127) // 255
    ).astype(np.uint8)
    return mixed


def _upright(pixels: UInt8[np.ndarray, "H W 3"], rotation: int) -> UInt8[Tensor, "3 H W"]:
    """Turned by ``rotation`` degrees counter-clockwise."""
    turned = np.rot90(pixels, rotation // 90)
    return torch.from_numpy(np.ascontiguousarray(turned.transpose(2, 0, 1)))  # [H W C] -> [C H W]


def write_still(path: Path, picture: UInt8[Tensor, "3 H W"]) -> Path:
    """Write one picture as PNG or JPEG, by the suffix.

    Raises:
        MediaError: when it cannot be written.
    """
    import cv2

    pixels = picture.permute(1, 2, 0).numpy()[..., ::-1]  # [3, H, W] -> [H, W, 3], BGR
    done, data = cv2.imencode(path.suffix.lower(), np.ascontiguousarray(pixels))
    try:
        if done:
            path.write_bytes(data.tobytes())
            return path
    except OSError as error:
        raise MediaError(f"{path}: cannot be written ({reason(error)})") from error
    raise MediaError(f"{path}: a picture cannot be written as {path.suffix}; use .png or .jpg")
