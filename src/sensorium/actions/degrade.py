"""What cameras and codecs do to a picture: colours, noise, blur, lost resolution, JPEG blocks.

Weights trained on clean rendered frames meet all of this in a real file. Colours are drawn once per
clip, noise per frame and pixel. Takes and gives ``uint8`` frames; every draw comes from the given
generator.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from sensorium import images

Picture = NDArray[np.uint8]  # [H, W, 3]

_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601 luma


def jitter_colour(
    frames: UInt8[Tensor, "T 3 H W"], strength: float, rng: np.random.Generator
) -> UInt8[Tensor, "T 3 H W"]:
    """Brightness, contrast and saturation times factors in ``1 - strength .. 1 + strength``."""
    brightness, contrast, saturation = 1 + strength * rng.uniform(-1, 1, 3)
    mix = saturation * np.eye(3) + (1 - saturation) * np.tile(_GREY, (3, 1))
    matrix = torch.from_numpy(brightness * contrast * mix).float()
    offset = 127.5 * brightness * (1 - contrast)
    flat = torch.einsum("dc,tchw->tdhw", matrix, frames.float()) + offset
    jittered: Tensor = flat.round_().clamp_(0, 255).to(torch.uint8)
    return jittered


def degrade(
    frames: UInt8[Tensor, "T 3 H W"], chance: float, rng: np.random.Generator
) -> UInt8[Tensor, "T 3 H W"]:
    """Each of lost resolution, blur, noise and JPEG with probability ``chance``, in that order."""
    hit = rng.random(4) < chance
    shrink, sigma, noise = rng.uniform(0.45, 1), rng.uniform(0.3, 1.2), rng.uniform(1, 12)
    quality = int(rng.integers(20, 85))
    height, width = frames.shape[-2:]
    if hit[0]:
        small = (max(8, round(height * shrink)), max(8, round(width * shrink)))
        frames = images.resize(images.resize(frames, small), (height, width))
    if hit[1]:
        import cv2

        reach = sigma * max(1.0, min(height, width) / 112)
        frames = _each(frames, lambda f: cv2.GaussianBlur(f, (0, 0), reach))
    if hit[2]:
        grain = torch.from_numpy(rng.standard_normal(tuple(frames.shape), dtype=np.float32))
        frames = (frames + noise * grain).round_().clamp_(0, 255).to(torch.uint8)
    if hit[3]:
        frames = _each(frames, lambda f: _jpeg(f, quality))
    return frames


def _each(frames: Tensor, change: Callable[[Picture], Picture]) -> Tensor:
    """``change`` every frame as an OpenCV picture."""
    pictures = frames.permute(0, 2, 3, 1).contiguous().numpy()  # [T, 3, H, W] -> [T, H, W, 3]
    changed = np.stack([change(picture) for picture in pictures])
    return torch.from_numpy(changed).permute(0, 3, 1, 2)  # [T, H, W, 3] -> [T, 3, H, W]


def _jpeg(picture: Picture, quality: int) -> Picture:
    import cv2

    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, dtype=np.uint8)
