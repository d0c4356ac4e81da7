"""`Letterbox`: a picture of any size fitted into a working size, and the ways there and back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from sensorium import images

_GRAY = 128


@dataclass(frozen=True)
class Letterbox:
    """A picture of ``height`` x ``width`` in the middle of ``inner_height`` x ``inner_width``.

    Its aspect is kept; what it does not cover is gray.

    Attributes:
        height: of the picture, in pixels, as is ``width``.
        inner_height: of the working size, as is ``inner_width``.
    """

    height: int
    width: int
    inner_height: int
    inner_width: int

    @property
    def scale(self) -> float:
        """Pixels of the working size per pixel of the picture."""
        return min(self.inner_height / self.height, self.inner_width / self.width)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture in the working size."""
        return (
            min(self.inner_height, max(1, round(self.height * self.scale))),
            min(self.inner_width, max(1, round(self.width * self.scale))),
        )

    @property
    def corner(self) -> tuple[int, int]:
        """Row and column of its upper left pixel in the working size."""
        return (self.inner_height - self.size[0]) // 2, (self.inner_width - self.size[1]) // 2

    @property
    def fits(self) -> bool:
        """Whether the picture has the working size."""
        return (self.height, self.width) == (self.inner_height, self.inner_width)

    def shrink(self, pictures: UInt8[Tensor, "B 3 H W"]) -> UInt8[Tensor, "B 3 h w"]:
        """Pictures in the working size."""
        if self.fits:
            return pictures
        small = images.resize(pictures, self.size)
        return F.pad(small, self._padding(), value=_GRAY)

    def shrink_ids(self, ids: UInt8[Tensor, "B H W"]) -> UInt8[Tensor, "B h w"]:
        """The numbers of the nearest pixels in the working size, 0 around the picture."""
        if self.fits:
            return ids
        small = F.interpolate(ids[:, None].float(), self.size, mode="nearest-exact")[:, 0]
        return F.pad(small, self._padding()).to(ids.dtype)

    def inwards(self, points: Float[Tensor, "... 2"]) -> Float[Tensor, "... 2"]:
        """From pixels of the picture to those of the working size."""
        return points * self._factors(points) + self._shift(points)

    def outwards(self, points: Float[Tensor, "... 2"]) -> Float[Tensor, "... 2"]:
        """From pixels of the working size to those of the picture."""
        return (points - self._shift(points)) / self._factors(points)

    def grow(self, maps: Float[Tensor, "C h w"]) -> Float[Tensor, "C H W"]:
        """Maps over the working size, at a fraction of it, to the picture's part at twice it."""
        factor = self.inner_height // maps.shape[-2]
        (row, column), (height, width) = self.corner, self.size
        full = F.interpolate(maps[None], scale_factor=2 * factor, mode="bilinear")[0]
        return full[:, 2 * row : 2 * (row + height), 2 * column : 2 * (column + width)]

    def enlarge(self, masks: Bool[Tensor, "N h w"]) -> Bool[Tensor, "N H W"]:
        """Masks of the picture's part at any scale to the picture's own pixels."""
        if masks.shape[-2:] == (self.height, self.width):
            return masks
        rows = torch.arange(self.height, device=masks.device) * masks.shape[1] // self.height
        columns = torch.arange(self.width, device=masks.device) * masks.shape[2] // self.width
        return masks[:, rows][:, :, columns]

    def _padding(self) -> tuple[int, int, int, int]:
        (row, column), (height, width) = self.corner, self.size
        right, low = self.inner_width - width - column, self.inner_height - height - row
        return column, right, row, low

    def _factors(self, like: Tensor) -> Tensor:
        height, width = self.size
        return like.new_tensor([width / self.width, height / self.height])

    def _shift(self, like: Tensor) -> Tensor:
        return like.new_tensor([self.corner[1], self.corner[0]])
