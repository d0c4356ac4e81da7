"""An animation on one page: frames with their degrees, and the curves below (matplotlib)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sensorium.expressions.results import Animation

ACROSS, MOST = 8, 24
"""Pictures in a row, and on a page, at most."""


def chosen(frames: int, most: int = MOST) -> list[int]:
    """Which frames are shown: all, or ``most`` evenly spread ones with the first and the last."""
    if frames <= most:
        return list(range(frames))
    return [round(k * (frames - 1) / (most - 1)) for k in range(most)]


def animation_figure(animation: Animation) -> Figure:
    """Pictures in rows of eight, each with its frame and degree; under them the curves."""
    from matplotlib.figure import Figure

    shown = chosen(len(animation.frames))
    across = min(ACROSS, len(shown))
    down = -(-len(shown) // across)
    height, width = animation.frames.shape[2:]
    tall = 1.25 * height / width + 0.28
    figure = Figure(figsize=(max(1.25 * across, 4.5), tall * down + 1.9), layout="constrained")
    figure.suptitle(_title(animation), fontsize=9, color="C3" if animation.out_of_domain else "0")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[tall * down, 1.5])[:, 0]
    panels = np.atleast_1d(np.asarray(above.subplots(down, across, squeeze=False))).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, index in zip(panels, shown, strict=False):
        axes.imshow(animation.frames[index].permute(1, 2, 0).numpy())  # [3, H, W] -> [H, W, 3]
        axes.set_title(f"{index}: {float(animation.degrees[index].sum()):.2f}", fontsize=7, pad=2)
    _curves(below.subplots(), animation, shown)
    return figure


def sheet(animation: Animation) -> UInt8[Tensor, "3 H W"]:
    """The page as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = animation_figure(animation)
    figure.set_dpi(120)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = np.asarray(canvas.buffer_rgba())[..., :3]
    return torch.from_numpy(np.ascontiguousarray(drawn.transpose(2, 0, 1)))  # [H W C] -> [C H W]


def _title(animation: Animation) -> str:
    """What is shown, and a warning where it means nothing."""
    said = f"{animation.expression}, {len(animation.frames)} frames by {animation.system}"
    warning = ": unlike the pictures of the training, do not expect much"
    return said + (warning if animation.out_of_domain else "")


def _curves(axes: Axes, animation: Animation, shown: list[int]) -> None:
    """Degrees over frames, a dot for each picture above."""
    for name in animation.peaks():
        curve = animation.degrees[:, animation.expressions.index(name)].numpy()
        axes.plot(curve, lw=1.2, label=name)
        axes.plot(shown, curve[shown], ".", ms=4, color=axes.lines[-1].get_color())
    axes.set_xlabel("frame", fontsize=8)
    axes.set_ylabel("degree", fontsize=8)
    axes.set(ylim=(-0.05, 1.05), xlim=(-0.5, max(len(animation.frames) - 0.5, 0.5)))
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    if animation.peaks():
        axes.legend(fontsize=7, frameon=False)
