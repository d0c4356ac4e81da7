"""Single pictures to and from files: any kind that FFmpeg reads, or a moment of a video.

Grey, 16-bit, palette and turned (EXIF) pictures come out as they are meant to be seen, ``uint8 [3,
H, W]``; what is transparent lies on a grey or white ground.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
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
        return _upright(frame.reformat(format="rgba").to_ndarray(), frame.rotation, behind)
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
    code = cv2.COLOR_BGRA2RGBA if animation.frames[0].shape[2] == 4 else cv2.COLOR_BGR2RGBA
    return _upright(cv2.cvtColor(animation.frames[0], code), 0, behind)


def _upright(
    pixels: UInt8[np.ndarray, "H W 4"], rotation: int, behind: int
) -> UInt8[Tensor, "3 H W"]:
    """RGB on its ground, turned by ``rotation`` degrees counter-clockwise."""
    alpha = pixels[..., 3:].astype(np.uint16)
    if int(alpha.min()) < 255:
        mixed = (pixels[..., :3] * alpha + behind * (255 - alpha) + 127) // 255
        pixels = mixed.astype(np.uint8)
    turned = np.rot90(pixels[..., :3], rotation // 90)
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
