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
