"""Frame tensors: resize, crop, flip, normalise.

Everything works on ``[..., 3, H, W]`` (a picture, a clip, a batch of clips), ``uint8`` 0..255 or
floating point, keeps the dtype and the memory layout, and treats all frames of a call alike.
Resizing is bilinear with anti-aliasing (a triangle filter stretched by the reduction), as in
Pillow; for ``uint8`` on the CPU PyTorch's own fixed-point kernel does it, which on frames that
lie in memory as ``H W 3``, as decoders and OpenCV leave them, is several times faster than
OpenCV's area filter.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def resize(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear with anti-aliasing, to ``size = (height, width)``.

    Shape:
        ``[..., C, H, W] -> [..., C, size[0], size[1]]``.

    Raises:
        ValueError: if ``size`` has a side below 1 pixel or ``frames`` has fewer than 3 axes.
    """
    height, width = size
    if height < 1 or width < 1:
        raise ValueError(f"a size needs at least 1 x 1 pixels, got {height} x {width}")
    if frames.ndim < 3:
        raise ValueError(f"frames must be [..., C, H, W], got {list(frames.shape)}")
    if frames.shape[-2:] == (height, width):
        return frames
    lead = frames.shape[:-3]
    flat = frames if frames.ndim == 4 else frames.reshape(-1, *frames.shape[-3:])
    # [..., C, H, W] -> [N, C, H, W]
    if flat.dtype == torch.uint8 and flat.device.type != "cpu":  # only the CPU has a uint8 kernel
        resized = _bilinear(flat.float(), size).round_().clamp_(0, 255).to(torch.uint8)
    else:
        resized = _bilinear(flat, size)
    if frames.ndim == 4:
        return resized
    return resized.reshape(*lead, *resized.shape[-3:])  # [N, C, h, w] -> [..., C, h, w]


def _bilinear(frames: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(frames, size, mode="bilinear", align_corners=False, antialias=True)


def short_side_size(height: int, width: int, side: int) -> tuple[int, int]:
    """The size that brings the shorter side to ``side`` pixels and keeps the aspect ratio."""
    if height <= width:
        return side, max(side, round(width * side / height))
    return max(side, round(height * side / width)), side


def resize_short_side(frames: Tensor, side: int) -> Tensor:
    """Resize so that the shorter side has ``side`` pixels, keeping the aspect ratio.

    Shape:
        ``[..., C, H, W] -> [..., C, h, w]`` with ``min(h, w) == side``.
    """
    return resize(frames, short_side_size(frames.shape[-2], frames.shape[-1], side))


def crop(frames: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """A view of the rectangle whose upper left pixel is ``(top, left)``.

    Shape:
        ``[..., H, W] -> [..., height, width]``.

    Raises:
        ValueError: if the rectangle does not lie inside the frames.
    """
    H, W = frames.shape[-2:]
    if not (0 <= top <= top + height <= H and 0 <= left <= left + width <= W):
        raise ValueError(
            f"a crop of {height} x {width} at ({top}, {left}) does not fit into frames of "
            f"{H} x {W}; resize them first"
        )
    return frames[..., top : top + height, left : left + width]


def centre_crop(frames: Tensor, size: int | tuple[int, int]) -> Tensor:
    """A view of the middle ``size`` (a side, or ``(height, width)``) pixels.

    Shape:
        ``[..., H, W] -> [..., h, w]``.

    Raises:
        ValueError: if the frames are smaller than ``size``.
    """
    height, width = (size, size) if isinstance(size, int) else size
    H, W = frames.shape[-2:]
    return crop(frames, (H - height) // 2, (W - width) // 2, height, width)


def flip(frames: Tensor) -> Tensor:
    """Mirror left and right.

    Shape:
        ``[..., W] -> [..., W]``.
    """
    return frames.flip(-1)


def normalise(
    frames: Tensor,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
) -> Tensor:
    """``(frames - mean) / std`` per channel, in ``float32``.

    ``uint8`` frames are taken as 0..255 and floating point frames as 0..1; ``mean`` and ``std``
    speak of 0..1.

    Shape:
        ``[..., C, H, W] -> float32 [..., C, H, W]``.

    Raises:
        ValueError: if ``mean`` or ``std`` has not one number per channel, or the frames are of
            another integer type.
    """
    channels = frames.shape[-3]
    if len(mean) != channels or len(std) != channels:
        raise ValueError(
            f"mean and std need one number per channel: got {len(mean)} and {len(std)} "
            f"for {channels} channels"
        )
    if frames.dtype != torch.uint8 and not frames.is_floating_point():
        raise ValueError(f"frames must be uint8 or floating point, got {frames.dtype}")
    full = 255.0 if frames.dtype == torch.uint8 else 1.0
    centre = torch.tensor(mean, device=frames.device).mul_(full).view(-1, 1, 1)
    spread = torch.tensor(std, device=frames.device).mul_(full).view(-1, 1, 1)
    return (frames.float() - centre) / spread
