"""Cells: the parts of a picture or clip that a perturbation is explained by.

A cell is a square of a grid over each frame, all colours together (arXiv:1904.02057 takes the
windows of StrAttack, arXiv:1808.01664), or any region of a label map. Where the picture's side is
no multiple of the grid's, the last cells are smaller, so that every pixel belongs to a cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64, Shaped
from torch import Tensor


@dataclass(frozen=True)
class Cells:
    """Which cell each pixel belongs to.

    Attributes:
        index: the number of the pixel's cell; of a clip for each frame.
        shape: of the cells as an array: ``(rows, columns)``, ``(frames, rows, columns)``, or
            ``(regions,)``.

    Shape:
        ``index``: ``[H, W]`` or ``[T, H, W]``. Pictures are ``[B, C, H, W]``, clips
        ``[B, T, C, H, W]``, values of cells ``[B, N]``.
    """

    index: Int64[Tensor, "*T H W"]
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many cells."""
        return int(torch.tensor(self.shape).prod())

    def masks(self, numbers: Int64[Tensor, " P"]) -> Bool[Tensor, "P *T 1 H W"]:
        """Where each of the numbered cells lies."""
        index = self.index.to(numbers.device)
        wanted = numbers.view(-1, *[1] * index.ndim)
        return (index == wanted).unsqueeze(-3)

    def sums(self, values: Float[Tensor, "B *T H W"]) -> Float[Tensor, "B N"]:
        """What a quantity of pixels adds up to in each cell."""
        flat = values.flatten(1)  # [B, *T, H, W] -> [B, P]
        index = self.index.to(values.device).flatten().expand(len(flat), -1)
        return flat.new_zeros(len(flat), self.count).scatter_add_(1, index, flat)

    def norms(self, perturbation: Float[Tensor, "B *T C H W"]) -> Float[Tensor, "B N"]:
        """L2 norm of the perturbation within each cell."""
        return self.sums(perturbation.square().sum(-3)).sqrt()

    def spread(self, values: Shaped[Tensor, "B N"]) -> Shaped[Tensor, "B *T H W"]:
        """Each pixel with the value of its cell."""
        return values[:, self.index.to(values.device)]

    def share_inside(self, mask: Bool[Tensor, "B *T H W"]) -> Float[Tensor, "B N"]:
        """Which share of each cell's pixels a mask covers, 0..1 (0 for a cell without pixels)."""
        ones = torch.ones_like(mask, dtype=torch.float32)
        return self.sums(mask.float()) / self.sums(ones).clamp(min=1)


def grid(shape: torch.Size | tuple[int, ...], side: int, *, tube: bool = False) -> Cells:
    """Squares of ``side`` pixels over the frames of ``[B, C, H, W]`` or ``[B, T, C, H, W]``.

    Args:
        shape: of the batch.
        side: in pixels; 1 explains single pixels.
        tube: a cell goes through all frames of a clip, instead of each frame having its own.

    Raises:
        ValueError: when the side is not positive, or the shape is that of neither.
    """
    if side < 1:
        raise ValueError(f"a cell needs a side of at least 1 pixel, got {side}")
    if len(shape) not in (4, 5):
        raise ValueError(
            f"expected pictures [B, C, H, W] or clips [B, T, C, H, W], got {list(shape)}"
        )
    height, width = int(shape[-2]), int(shape[-1])
    rows, columns = -(-height // side), -(-width // side)
    row = torch.arange(height) // side
    column = torch.arange(width) // side
    flat = row[:, None] * columns + column[None]
    if len(shape) == 4:
        return Cells(flat, (rows, columns))
    frames = int(shape[1])
    if tube:
        return Cells(flat.expand(frames, -1, -1).contiguous(), (rows, columns))
    steps = torch.arange(frames)[:, None, None] * (rows * columns)
    return Cells(steps + flat, (frames, rows, columns))


def regions(labels: Int64[Tensor, "*T H W"]) -> Cells:
    """The regions of a label map (objects, parts ...), numbered from 0.

    Raises:
        ValueError: when a label is negative.
    """
    if int(labels.min()) < 0:
        raise ValueError(f"regions are numbered from 0, got the label {int(labels.min())}")
    return Cells(labels.long(), (int(labels.max()) + 1,))


def side_for(height: int, width: int) -> int:
    """The side of StrAttack's windows where it has one: 2 at 32 x 32, 13 at 299 x 299.

    In general about 16 cells across, and 23 across large pictures.
    """
    short = min(height, width)
    return max(1, round(short / 16)) if short < 200 else max(13, round(short / 23))
