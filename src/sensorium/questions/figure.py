"""Figures of what was seen, and of what each step of a program selected (matplotlib)."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, UInt8

from sensorium.questions.steps import counted, named, reason, unsettled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sensorium.questions.executor import TraceStep
    from sensorium.questions.results import Answer, Sight

ACROSS = 4
"""Panels in a row at most."""

WIDEST = 480
"""Pixels that a panel's picture is drawn with at most."""

_CHOSEN, _FROM, _WRONG = "#ffd21f", "#ffffff", "#d62728"
_MONO = "DejaVu Sans Mono"


class _Canvas:
    """The picture, small enough to be drawn many times, with the masks that go with it."""

    def __init__(self, sight: Sight) -> None:
        whole = sight.picture.permute(1, 2, 0).numpy()  # [3, H, W] -> [H, W, 3]
        self.step = max(1, -(-whole.shape[1] // WIDEST))
        self.picture: UInt8[np.ndarray, "h w 3"] = np.ascontiguousarray(
            whole[:: self.step, :: self.step]
        )
        self.masks: Bool[np.ndarray, "N h w"] = sight.scene.masks[:, :: self.step, :: self.step]

    @property
    def aspect(self) -> float:
        """Height over width."""
        height, width = self.picture.shape[:2]
        return float(height / width)

    def lit(self, chosen: Sequence[int]) -> UInt8[np.ndarray, "h w 3"]:
        """The picture in which everything but the chosen things is dark and nearly grey."""
        pale = self.picture.mean(2, keepdims=True)
        dark: UInt8[np.ndarray, "h w 3"] = (0.32 * pale + 0.1 * self.picture).astype(np.uint8)
        if not len(chosen):
            return dark
        lit = np.logical_or.reduce([self.masks[k] for k in chosen])
        dark[lit] = self.picture[lit]
        return dark

    def outline(self, axes: Axes, which: int, color: str, style: Any = "-") -> None:
        """The edge of one thing's mask."""
        import cv2

        padded = np.pad(self.masks[which].astype(np.uint8), 1)
        edges, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for edge in edges:
            x, y = np.vstack([edge[:, 0], edge[:1, 0]]).T - 1
            if len(edge) > 4:
                axes.plot(x, y, color="black", lw=2.6, alpha=0.6, solid_capstyle="round")
                axes.plot(x, y, color=color, lw=1.5, ls=style)

    def number(self, axes: Axes, which: int) -> None:
        """A thing's number in the middle of what is visible of it."""
        rows, columns = np.nonzero(self.masks[which])
        if len(rows):
            axes.text(
                float(columns.mean()), float(rows.mean()), str(which),
                ha="center", va="center", fontsize=7, color="black",
                bbox={"boxstyle": "circle,pad=0.18", "fc": _CHOSEN, "ec": "black", "lw": 0.6},
            )  # fmt: skip


def sight_figure(sight: Sight) -> Figure:
    """The picture with the outline and number of everything seen, and a list beside it."""
    from matplotlib.figure import Figure

    canvas = _Canvas(sight)
    height = max(6 * canvas.aspect + 0.2, 0.2 * len(sight.scene.items) + 0.6)
    figure = Figure(figsize=(10, height), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    _blank(left)
    left.imshow(canvas.picture)
    for which in range(len(canvas.masks)):
        canvas.outline(left, which, _CHOSEN)
        canvas.number(left, which)
    lines = [
        f"{k:2d}  {named(item):<28}{score:.2f}"
        for k, (item, score) in enumerate(zip(sight.scene.items, sight.scene.scores, strict=True))
    ]
    right.axis("off")
    right.text(
        0, 1, "\n".join(lines or ["nothing is seen"]), va="top", family=_MONO, fontsize=8,
        linespacing=1.6, transform=right.transAxes,
    )  # fmt: skip
    if sight.out_of_domain:
        figure.suptitle(_WARNING, color=_WRONG, fontsize=9)
    return figure


def answer_figure(answer: Answer) -> Figure:
    """The question, the answer, and a picture for each step: what it selected stays lit.

    Outlined in yellow is what a step gave, dashed in white what it started from.
    """
    from matplotlib.figure import Figure

    canvas = _Canvas(answer.sight)
    steps = answer.trace
    across = max(1, min(ACROSS, len(steps)))
    down = max(1, -(-len(steps) // across))
    wide = max(3.1, 6.2 / across)
    head = textwrap.wrap(answer.question, round(15 * wide * across / 2)) or [""]
    top = 0.22 * len(head) + 0.3
    tall = wide * canvas.aspect + 0.5
    figure = Figure(figsize=(wide * across, tall * down + top), layout="constrained")
    figure.suptitle(_headline(answer, head), fontsize=11, x=0.01, ha="left", linespacing=1.4)
    panels = np.atleast_1d(np.asarray(figure.subplots(down, across, squeeze=False))).ravel()
    for axes in panels:
        _blank(axes)
    for axes in panels[max(1, len(steps)) :]:
        axes.axis("off")
    if not steps:
        panels[0].imshow(canvas.picture)
    several = dict(unsettled(steps))
    for number, axes in enumerate(panels[: len(steps)]):
        _panel(axes, canvas, steps, number, several.get(number, 1))
    return figure


_WARNING = "unlike the pictures of the training: do not trust the answer"


def _headline(answer: Answer, question: Sequence[str]) -> str:
    """The question in lines, what came out, and a warning when it means nothing."""
    said = answer.answer if answer.answer is not None else f"no answer: {answer.error}"
    sure = f"   (confidence {answer.confidence:.2f})" if answer.answer is not None else ""
    lines = [*question, *textwrap.wrap(f"→ {said}{sure}", 100)]
    return "\n".join([*lines, *([_WARNING.upper()] if answer.sight.out_of_domain else [])])


def _panel(
    axes: Axes, canvas: _Canvas, steps: Sequence[TraceStep], number: int, several: int
) -> None:
    """One step."""
    step = steps[number]
    inputs = step.step.inputs
    before = sorted({i for k in inputs for i in steps[k].items or ()})
    chosen = list(step.items or ()) if step.value is None else before
    axes.imshow(canvas.lit(chosen))
    for which in before if step.step.function.startswith(("relate", "same", "unique")) else ():
        if which not in chosen:
            canvas.outline(axes, which, _FROM, (0, (2, 2)))
    for which in chosen:
        canvas.outline(axes, which, _CHOSEN)
    far = inputs and inputs != (number - 1,)
    source = f"  of {' and '.join(str(i) for i in inputs)}" if far else ""
    axes.set_title(f"{number}  {step.step.token}{source}", fontsize=8.5, family=_MONO, loc="left")
    text = _caption(step, [v for v in (steps[k].value for k in inputs) if v], several)
    color = _WRONG if step.error else "black"
    axes.set_xlabel("\n".join(textwrap.wrap(text, 46)), fontsize=8.5, color=color)
    if step.value is not None and not step.error:
        axes.text(
            0.97, 0.94, step.value, transform=axes.transAxes, ha="right", va="top", fontsize=17,
            color="black", weight="bold",
            bbox={"boxstyle": "round,pad=0.3", "fc": _CHOSEN, "ec": "none"},
        )  # fmt: skip


def _caption(step: TraceStep, words: Sequence[str], several: int) -> str:
    """What is written below a step's picture; ``words`` are what it was given, if not things."""
    if step.error:
        return reason(step)
    if step.value is not None:
        return " and ".join(words)
    if several > 1:
        return f"the first of {several}"
    return "" if step.step.function == "unique" else counted(len(step.items or ()))


def _blank(axes: Axes) -> None:
    """Without ticks and frame."""
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
