"""Draws the pictures of the docs into ``docs/figures``: ``python benchmarks/draw_figures.py``."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from report import RESULTS
from sensorium.worlds.stage import LABELS, compose_clip, frames
from sounds_tables import OVERLAPPING

FOLDER = Path(__file__).parent.parent / "docs" / "figures"
INK, STILL, FUTURE, PAST, EMPTY = "#22303c", "#dfe6ec", "#e8a33d", "#3d8fe8", "#ffffff"


def shift(axes: Axes, title: str, future: bool) -> None:
    """Channels across, time down: where each cell's value comes from."""
    times, channels = 4, 8
    for t in range(times):
        for c in range(channels):
            source, colour = t, STILL
            if c == 0:
                source, colour = (t + 1, FUTURE) if future else (t - 1, PAST)
            elif c == 1 and future:
                source, colour = t - 1, PAST
            inside = 0 <= source < times
            face = colour if inside else EMPTY
            axes.add_patch(Rectangle((c, times - 1 - t), 1, 1, fc=face, ec=INK, lw=0.8))
            text = f"t{source}" if inside else "0"
            axes.text(c + 0.5, times - 0.5 - t, text, ha="center", va="center", fontsize=9)
    for t in range(times):
        axes.text(-0.25, times - 0.5 - t, f"frame {t}", ha="right", va="center", fontsize=9)
    axes.text(channels / 2, -0.45, "channels (an eighth each)", ha="center", fontsize=9)
    axes.set(xlim=(-1.9, channels + 0.1), ylim=(-0.8, times + 0.1), title=title)
    axes.set_aspect("equal")
    axes.axis("off")


def tsm() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 2.9), layout="constrained")
    shift(left, "offline: from the next frame, from the previous", future=True)
    shift(right, "online: from the previous frame only", future=False)
    figure.savefig(FOLDER / "tsm_shift.png", dpi=130)


def box(axes: Axes, x: float, y: float, text: str, colour: str) -> None:
    shape = FancyBboxPatch((x, y), 1.5, 0.8, boxstyle="round,pad=0.06", fc=colour, ec=INK, lw=0.9)
    axes.add_patch(shape)
    axes.text(x + 0.75, y + 0.4, text, ha="center", va="center", fontsize=8.5)


def arrow(axes: Axes, x: float, y: float, length: float = 0.42) -> None:
    style = {"arrowstyle": "-|>", "mutation_scale": 9, "color": INK}
    axes.add_patch(FancyArrowPatch((x, y), (x + length, y), **style))


def stnet() -> None:
    """The released graph from left to right."""
    steps = [
        ("T snippets of\nN frames\n[3N, H, W]", EMPTY),
        ("stem, stage 1,\nstage 2", STILL),
        ("temporal block\n3×1×1", PAST),
        ("stage 3", STILL),
        ("temporal block\n3×1×1", PAST),
        ("stage 4,\npooling", STILL),
        ("temporal\nXception\nover snippets", FUTURE),
        ("max over T,\nclassifier", STILL),
    ]
    figure, axes = plt.subplots(figsize=(13, 1.7), layout="constrained")
    for i, (text, colour) in enumerate(steps):
        box(axes, 2.1 * i, 0, text, colour)
        if i:
            arrow(axes, 2.1 * i - 0.52, 0.4)
    axes.set(xlim=(-0.15, 2.1 * len(steps) - 0.4), ylim=(-0.2, 1.0))
    axes.set_aspect("equal")
    axes.axis("off")
    figure.savefig(FOLDER / "stnet_graph.png", dpi=110)


def moves() -> None:
    """A film strip of each class of the stage."""
    size, count = 88, 7
    strips = []
    for k, label in enumerate(LABELS):
        times = [(i + 0.5) * 2.0 / count for i in range(count)]
        strip = np.concatenate(
            list(frames(compose_clip(900 + k, label), times, size, size)), axis=1
        )
        name = np.full((size, 150, 3), 255, np.uint8)
        cv2.putText(
            name,
            label,
            (6, size // 2),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.42,
            (34, 48, 60),
            1,
            cv2.LINE_AA,
        )
        strips.append(np.concatenate([name, strip], axis=1))
    half = (len(strips) + 1) // 2
    blank = np.full_like(strips[0], 255)
    columns = [strips[:half], [*strips[half:], blank][:half]]
    sheet = np.concatenate([np.concatenate(c, axis=0) for c in columns], axis=1)
    cv2.imwrite(str(FOLDER / "stage_moves.jpg"), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def overlap() -> None:
    """How well twins are taken apart, by how much of the time both play."""
    results = json.loads((RESULTS / "sounds_quality.json").read_text())
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    colours = iter((PAST, FUTURE, "#7a8794", INK))
    for name in OVERLAPPING:
        bins = results["tables"]["twins"].get(name, {}).get("by_overlap", [])
        if bins:
            middle = [0.5 * (b["from"] + b["to"]) for b in bins]
            values, errors = [b["nsdr"] for b in bins], [b["error"] for b in bins]
            style = {"marker": "o", "capsize": 3, "color": next(colours)}
            axes.errorbar(middle, values, errors, label=name, **style)
    axes.axhline(0, color=INK, lw=0.8)
    axes.set(xlabel="share of the playing time in which both play", ylabel="NSDR, dB")
    axes.set(xlim=(0, 1), title="Two players of the same instrument and look")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(FOLDER / "sounds_overlap.png", dpi=130)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    tsm()
    stnet()
    moves()
    if (RESULTS / "sounds_quality.json").exists():
        overlap()
