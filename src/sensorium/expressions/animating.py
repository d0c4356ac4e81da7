"""Pictures and degrees brought to what networks and judges see, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from sensorium import images
from sensorium.expressions.measuring import JUDGED
from sensorium.system import Batch, Meter
from sensorium.worlds.portraits import EXPRESSIONS

_PIXELS = 64 * 64 * 64  # painted at once: more is no faster and takes more memory


def fitted(picture: UInt8[Tensor, "3 H W"], size: int) -> UInt8[Tensor, "3 S S"]:
    """The middle square of a picture at ``size`` pixels a side."""
    side = min(picture.shape[-2:])
    return images.resize(images.centre_crop(picture, side), (size, size))


def at_once(pictures: int, size: int) -> int:
    """Frames of each picture to paint at once."""
    return max(1, _PIXELS // (pictures * size * size))


def signed(pictures: Tensor) -> Float[Tensor, "B 3 S S"]:
    """Pictures in -1..1, from ``uint8`` or from 0..1."""
    full = 255.0 if pictures.dtype == torch.uint8 else 1.0
    return pictures.float().mul(2 / full).sub(1).contiguous(memory_format=torch.channels_last)


def judgeable(
    batch: Batch, meters: Mapping[str, Meter], expressions: Sequence[str]
) -> tuple[Batch, Mapping[str, Meter]]:
    """A batch with degrees in the order of the portrait world's expressions, as the judges know.

    Where the world lacks one of ``expressions`` the judges' meters are left out.
    """
    degrees = batch["degrees"].float()
    known = [EXPRESSIONS.index(name) for name in expressions if name in EXPRESSIONS]
    out = degrees.new_zeros(len(degrees), len(EXPRESSIONS))
    if len(known) == len(expressions):
        out[:, known] = degrees
    else:
        meters = {k: v for k, v in meters.items() if k not in JUDGED}
    return {**batch, "degrees": out}, meters
