"""Draws what the bundled wsdec tells of the example film beside what happens in it.

``python benchmarks/draw_story.py [WEIGHTS]`` writes ``docs/figures/story.png``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import sensorium
from sensorium.events.describing import describe
from sensorium.events.systems import WSDECSystem
from sensorium.types import Span
from sensorium.worlds import stage

ROOT = Path(__file__).parent.parent
FILM, FIGURE = ROOT / "examples" / "stage.mp4", ROOT / "docs" / "figures" / "story.png"
SEED, SECONDS = 22, 20.0


def main(weights: str) -> None:
    """Both stories, one above the other on one clock."""
    system = sensorium.load(weights)
    assert isinstance(system, WSDECSystem)
    episode = stage.compose(SEED, SECONDS, order_words=False)
    happened = [(event.span, event.sentence) for event in episode.events]
    story, _ = describe(system.eval(), sensorium.read(FILM))
    told = [(event.span, event.sentence) for event in story.events]
    rows = len(happened), len(told)
    figure = Figure(figsize=(10, 1.4 + 0.34 * sum(rows)), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=[max(1, n) for n in rows])
    draw(upper, happened, "0.55", "what happens")
    draw(lower, told, "C0", f"what {weights} tells")
    lower.set_xlabel("seconds")
    figure.savefig(FIGURE, dpi=75)
    for span, sentence in happened:
        best = max((span.iou(other) for other, _ in told), default=0.0)
        print(f"{span.start:5.1f} to {span.end:4.1f} s, told with IoU {best:.2f}: {sentence}")


def draw(axes: Axes, story: Sequence[tuple[Span, str]], colour: str, title: str) -> None:
    """A row for each event."""
    for row, (span, sentence) in enumerate(story):
        axes.barh(row, span.duration, 0.75, span.start, color=colour, alpha=0.8)
        late = span.centre > SECONDS / 2
        axes.annotate(
            sentence,
            (span.start if late else span.end, row),
            (-4 if late else 4, 0),
            textcoords="offset points",
            ha="right" if late else "left",
            va="center",
            fontsize=8,
        )
    axes.set(xlim=(0, SECONDS), ylim=(max(1, len(story)) - 0.5, -0.5), yticks=[])
    axes.set_title(title, loc="left", fontsize=9)
    axes.spines[["top", "left", "right"]].set_visible(False)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1] if len(sys.argv) > 1 else "wsdec")
