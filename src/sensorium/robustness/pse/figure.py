"""Figures of an explanation (matplotlib): panels for a picture, frames times maps for a clip."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from sensorium.robustness.pse.ratio import CAP, Kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sensorium.robustness.pse.results import Explanation

FRAMES = 8
"""Frames of a clip that are drawn at most."""

_SHOWN = 3.0
"""Ratios are drawn between minus and plus this; what is beyond looks alike."""

_UNUSED, _ADVERSE = (0.86, 0.86, 0.86), (0.1, 0.1, 0.1)
_RATIO = "ratio: blue suppresses, red promotes\n(black: works against the attack)"


def explanation_figure(found: Explanation) -> Figure:
    """The figure of an explanation."""
    return _of_picture(found) if found.clean.ndim == 3 else _of_clip(found)


def _of_picture(found: Explanation) -> Figure:
    """Two rows of four panels, and the verdict below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.9), layout="constrained")
    panels = figure.subplots(2, 4)
    shown = _colours(found.clean)
    _panel(panels[0, 0], shown, f"input: {found.true_label}")
    gain, noise = _perturbation(found.attacked - found.clean)
    _panel(panels[0, 1], noise, f"perturbation x {gain:.0f}")
    answer = found.names.classes[found.answer]
    _panel(panels[0, 2], _colours(found.attacked), f"attacked: {answer}")
    _panel(panels[0, 3], _ratio_map(found), _RATIO)
    for axes, name in zip(panels[1], found.look.maps, strict=True):
        value, mask = found.look.maps[name], found.look.masks[name]
        score, by_chance = found.look.scores[name], found.look.chances[name]
        title = f"{_label_of(found, name)}\n{score:.2f} of the perturbation"
        _panel(axes, _heated(shown, value), f"{title} (chance {by_chance:.2f})")
        _outline(axes, mask.numpy())
    method = "CAM" if found.look.method == "cam" else "Grad-CAM"
    panels[1, 0].set_ylabel(f"{method}, outline: top {100 - found.look.percentile:g} %", fontsize=8)
    _below(figure, found, 150)
    return figure


_LETTERS = 20  # of a row's name, side by side


def _of_clip(found: Explanation) -> Figure:
    """A column for each of up to `FRAMES` frames; rows: frames, perturbation, ratio, two maps."""
    from matplotlib.figure import Figure

    count = len(found.clean)
    chosen = np.unique(np.linspace(0, count - 1, min(FRAMES, count)).round().astype(int))
    wide = max(1.35 * len(chosen), 6.0)
    figure = Figure(figsize=(wide + 0.9, 1.45 * 5 + 1.5), layout="constrained")
    panels = figure.subplots(5, len(chosen), squeeze=False)
    gain, noise = _perturbation(found.attacked - found.clean)
    ratios = _ratio_map(found)
    names = ("C(x0, t0)", "C(x', t)")
    for column, frame in enumerate(chosen):
        shown = _colours(found.clean[frame])
        _panel(panels[0, column], shown, f"frame {frame}")
        _panel(panels[1, column], noise[frame])
        _panel(panels[2, column], ratios[frame])
        for row, name in enumerate(names, 3):
            value = found.look.maps[name]
            heated = _heated(shown, value[frame], (float(value.min()), float(value.max())))
            _panel(panels[row, column], heated)
            _outline(panels[row, column], found.look.masks[name][frame].numpy())
    method = "CAM" if found.look.method == "cam" else "Grad-CAM"
    rows = ["input", f"perturbation\nx {gain:.0f}", "ratio\nblue suppresses\nred promotes"]
    rows += [f"{method} of\n{_label_of(found, name)}" for name in names]
    for axes, text in zip(panels[:, 0], rows, strict=True):
        axes.set_ylabel(
            "\n".join(textwrap.fill(line, _LETTERS) for line in text.splitlines()), fontsize=8
        )
    _below(figure, found, round(13 * wide))
    return figure


def _label_of(found: Explanation, name: str) -> str:
    """``'disc' in the input``."""
    label = found.true_label if name.endswith("t0)") else found.target_label
    return f"'{label}' in the {'input' if 'x0' in name else 'attacked'}"


def _below(figure: Figure, found: Explanation, width: int) -> None:
    """The verdict under everything."""
    names = found.names
    head = f"{names.file}  ({names.system}, {names.attack}, target '{found.target_label}')"
    figure.suptitle(head, fontsize=10, x=0.01, ha="left")
    lines = textwrap.wrap(found.verdict(), width)
    figure.supxlabel("\n".join(lines), fontsize=9, x=0.01, ha="left")


def _panel(axes: Axes, picture: Float[np.ndarray, "H W 3"], title: str = "") -> None:
    """A picture without ticks."""
    axes.imshow(picture, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=8)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _outline(axes: Axes, mask: Bool[np.ndarray, "H W"]) -> None:
    """The edge of the places that count."""
    if mask.any() and not mask.all():
        axes.contour(mask.astype(float), levels=[0.5], colors="white", linewidths=1.2)


def _colours(picture: Float[Tensor, "*T C H W"]) -> Float[np.ndarray, "*T H W 3"]:
    """Channels last; grey and other numbers of channels as grey."""
    if picture.shape[-3] != 3:
        picture = picture.mean(-3, keepdim=True).expand(*picture.shape[:-3], 3, -1, -1)
    return picture.movedim(-3, -1).clamp(0, 1).cpu().numpy()


def _perturbation(d: Float[Tensor, "*T C H W"]) -> tuple[float, Float[np.ndarray, "*T H W 3"]]:
    """The change around mid-grey, and how many times it is enlarged."""
    gain = 0.5 / max(float(d.abs().amax()), 1e-6)
    return gain, _colours(0.5 + gain * d)


def _ratio_map(found: Explanation) -> Float[np.ndarray, "*T H W 3"]:
    """Each pixel in the colour of its cell's ratio."""
    from matplotlib import colormaps

    ratios = found.cells.spread(found.ratios[None])[0].numpy()
    kinds = found.cells.spread(found.kinds[None])[0].numpy()
    level = 0.5 + 0.5 * np.clip(np.nan_to_num(ratios, posinf=CAP, neginf=-CAP) / _SHOWN, -1, 1)
    painted: Float[np.ndarray, "*T H W 3"] = colormaps["coolwarm"](level)[..., :3]
    painted[kinds == int(Kind.UNUSED)] = _UNUSED
    painted[kinds == int(Kind.ADVERSE)] = _ADVERSE
    return painted


def _heated(
    shown: Float[np.ndarray, "H W 3"],
    value: Float[Tensor, "H W"],
    limits: tuple[float, float] | None = None,
) -> Float[np.ndarray, "H W 3"]:
    """A map over the pale picture."""
    from matplotlib import colormaps

    low, high = limits or (float(value.min()), float(value.max()))
    level = ((value - low) / max(high - low, 1e-9)).cpu().numpy()
    pale = shown.mean(-1, keepdims=True)
    mixed: Float[np.ndarray, "H W 3"] = 0.45 * pale + 0.55 * colormaps["inferno"](level)[..., :3]
    return mixed
