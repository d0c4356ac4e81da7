"""Deep dense trajectories (The Sound of Motions, arXiv:1904.05979, section 3.1).

Every point of a regular grid in the first picture is followed through the flow:
``d_t`` is the flow at the point's place, read bilinearly, and ``place_{t+1} = place_t + d_t``.
What is kept are the displacements ``d_t``, so that a gesture looks the same wherever it is made,
and the row of a point stays the row of the thing that it started on: appearance, taken from the
first picture, and motion stay registered. Unlike classical dense trajectories nothing is left out,
smoothed or cut. All of it is differentiable, down to the flow.

Our fields may be coarser than the picture (``cell`` pixels apart), and points that leave the
picture move on with the flow at its border.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def trajectories(
    flow: Float[Tensor, "B T 2 h w"], cell: tuple[float, float] | float = 1.0
) -> Float[Tensor, "B T 2 h w"]:
    """The displacements of the points of the grid, step after step, in the unit of ``flow``.

    Args:
        flow: fields in pixels, ``dx`` and ``dy``, each sampled on the grid.
        cell: pixels from one point of the grid to the next, the same both ways or ``(x, y)``.

    Raises:
        ValueError: for a cell that is not positive, or a grid with a single row or column.
    """
    x, y = (cell, cell) if isinstance(cell, (int, float)) else cell
    height, width = flow.shape[-2:]
    if not (x > 0 and y > 0):
        raise ValueError(f"cell must be above 0 pixels, got {cell!r}")
    if height < 2 or width < 2:
        raise ValueError(
            f"trajectories need a grid of at least 2 x 2 points, got {height} x {width}; "
            "take larger pictures or a smaller stride"
        )
    fields = flow.float()  # places need more digits than half precision has
    rows = torch.linspace(-1, 1, height, device=flow.device)
    columns = torch.linspace(-1, 1, width, device=flow.device)
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
    place = grid.expand(len(flow), -1, -1, -1)  # [h, w, 2] -> [B, h, w, 2]
    # from pixels to grid_sample's -1..1 between the first and the last point
    unit = torch.tensor([2.0 / (x * (width - 1)), 2.0 / (y * (height - 1))], device=flow.device)
    steps = []
    for t in range(fields.shape[1]):
        step = F.grid_sample(
            fields[:, t], place, mode="bilinear", padding_mode="border", align_corners=True
        )
        steps.append(step)
        place = place + step.permute(0, 2, 3, 1) * unit  # [B, 2, h, w] -> [B, h, w, 2]
    if not steps:
        return fields
    return torch.stack(steps, 1)


def scaled(motion: Float[Tensor, "*B 2 h w"], pixels: float) -> Float[Tensor, "*B 2 h w"]:
    """Displacements in units of ``pixels``, held within -1..1, as networks want their input.

    Raw pixels (10 to 50 in large pictures) saturate a network that starts from -1..1; the
    flow-stream I3D takes 20.
    """
    return (motion / pixels).clamp(-1.0, 1.0)
