"""An image classifier's kernels, made to read flow fields, stacked frames, or time."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Float
from torch import Tensor

StemInit = Literal["mean", "tile"]


def adapt_stem(kernel: Float[Tensor, "D 3 h w"], channels: int) -> Float[Tensor, "D C h w"]:
    """A first kernel for ``channels`` input channels: the mean over colours, repeated as it is.

    TSN's way (arXiv:1608.00859, section 3.2) to start a flow network; three channels stay.
    """
    if channels == kernel.shape[1]:
        return kernel
    return kernel.mean(1, keepdim=True).repeat(1, channels, 1, 1)


def inflate_stem(
    kernel: Float[Tensor, "D 3 h w"], n: int, how: StemInit = "mean"
) -> Float[Tensor, "D 3n h w"]:
    """A first kernel for ``n`` stacked RGB frames, answering to equal frames as before.

    Args:
        kernel: for one RGB frame.
        n: frames in a super-image, channels frame-major.
        how: ``"mean"`` averages over colours (the StNet release; grey frames are answered as
            before), ``"tile"`` keeps the colours.
    """
    if how == "mean":
        return kernel.mean(1, keepdim=True).repeat(1, 3 * n, 1, 1) / n
    return kernel.repeat(1, n, 1, 1) / n


def inflate(kernel: Float[Tensor, "D C h w"], time: int) -> Float[Tensor, "D C t h w"]:
    """A 3D kernel that answers to a still video as the 2D one does to its picture.

    Carreira & Zisserman, arXiv:1705.07750, section 2.4.
    """
    return kernel.unsqueeze(2).repeat(1, 1, time, 1, 1) / time
