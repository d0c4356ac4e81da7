"""Figures of the quality of robustness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from robustness_measures import QUANTISED, key
from robustness_runs import BUNDLED, FEW, KINDS, WORLDS, Kind, title

Rows = dict[str, dict[str, Any]]
ORDERED = (0, 8, 6, 5, 4, 3, 2)
LINES = {
    "clean": ("no attack", "#333333", "-", "o"),
    "fgsm": ("FGSM (naive)", "#e08214", "--", "s"),
    "pgd_last": ("PGD, last iterate (naive)", "#b2abd2", "--", "^"),
    "transfer": ("transfer (black box)", "#1b9e77", ":", "v"),
    "robust": ("worst case", "#b2182b", "-", "D"),
}
_COLOURS = dict(zip(ORDERED, mpl.colormaps["viridis"].resampled(7).colors[::-1], strict=True))  # type: ignore[attr-defined]


def save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")


def _plain(axes: Any) -> None:
    """Without the frame's upper and right side."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)


def _below(figure: Figure, axes: Any) -> None:
    """The legend of one panel, below all."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False
    )


def _bits(n: int) -> str:
    return f"{n} bits" if n else "full"


def by_bits(rows: Rows) -> Figure:
    """Accuracy against bits, one panel per way of training."""
    eps = WORLDS["digits"].budget.main
    figure = Figure(figsize=(11, 4), layout="constrained")
    panels = figure.subplots(1, len(KINDS), sharey=True)
    for axes, kind in zip(panels, KINDS, strict=True):
        have = [n for n in ORDERED if title(kind, n) in rows]
        for name, (label, colour, style, mark) in LINES.items():
            figures = name if name == "clean" else key(name, eps)
            chosen = [rows[title(kind, n)] for n in have]
            axes.errorbar(
                [ORDERED.index(n) for n in have],
                [100 * row[figures] for row in chosen],
                [100 * row.get(f"{figures}_spread", 0.0) for row in chosen],
                fmt=mark, ls=style, color=colour, ms=4, lw=1.5, elinewidth=1, label=label,
            )  # fmt: skip
        axes.set_xticks(range(len(ORDERED)), [_bits(n) for n in ORDERED], fontsize=8)
        axes.set_title(kind, fontsize=10)
        axes.set_ylim(0, 102)
        _plain(axes)
    panels[0].set_ylabel("accuracy %")
    _below(figure, panels[0])
    figure.suptitle(f"Digits, Linf eps {eps:g}; bars: deviation over seeds", fontsize=10)
    return figure


def by_radius(rows: Rows, world: str, names: list[str]) -> Figure:
    """Accuracy against eps: the worst case, and what plain attacks make of it."""
    budget = WORLDS[world].budget
    times, unit = (1, "") if world == "digits" else (255, " in 255ths")
    figure = Figure(figsize=(3.2 * len(names), 3.6), layout="constrained")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        row = rows[name]
        at = [0.0, *(times * eps for eps in budget.eps)]
        for kind, (label, colour, style, mark) in LINES.items():
            if kind == "clean" or key(kind, budget.eps[0]) not in row:
                continue
            figures = ["clean_of_attacked", *(key(kind, eps) for eps in budget.eps)]
            axes.errorbar(
                at, [100 * row[f] for f in figures],
                [100 * row.get(f"{f}_spread", 0.0) for f in figures],
                fmt=mark, ls=style, color=colour, ms=4, lw=1.5, elinewidth=1, label=label,
            )  # fmt: skip
        axes.set_title(name, fontsize=10)
        axes.set_xlabel(f"eps{unit}", fontsize=9)
        axes.set_xticks(at, [f"{v:g}" for v in at])
        axes.set_ylim(0, 102)
        _plain(axes)
    panels[0].set_ylabel("accuracy %")
    _below(figure, panels[-1])
    return figure


def growth(rows: Rows) -> Figure:
    """Relative change of each layer's input, by bits."""
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    grid = figure.subplots(2, len(KINDS), sharex=True, sharey="row")
    for column, kind in enumerate(KINDS):
        have = [n for n in ORDERED if title(kind, n) in rows]
        for axes, norm in zip(grid[:, column], ("l2", "l1"), strict=True):
            for n in have:
                row = rows[title(kind, n)]
                count = sum(k.startswith(f"{norm}@") and "_" not in k for k in row)
                values = [row[f"{norm}@{k}"] for k in range(count)]
                axes.plot(range(count), values, "o-", ms=3, color=_COLOURS[n], label=_bits(n))
            _plain(axes)
            axes.set_ylim(0)
        grid[0, column].set_title(kind, fontsize=10)
        if have:
            ticks = ["picture", *(f"{k}" for k in range(1, count - 1)), "mean"]
            grid[1, column].set_xticks(range(count), ticks, fontsize=8)
        grid[1, column].set_xlabel("after convolution (mean: over all places)", fontsize=9)
    for axes, norm in zip(grid[:, 0], ("L2", "L1"), strict=True):
        axes.set_ylabel(f"relative change, {norm}", fontsize=9)
    _below(figure, grid[0, 0])
    figure.suptitle("The same transferred FGSM pictures for every network", fontsize=10)
    return figure


def quantiser(found: dict[str, dict[str, Any]]) -> Figure:
    """Before and after one quantiser, over eps."""
    figure = Figure(figsize=(4.6 * 2, 3.4 * len(found)), layout="constrained")
    grid = figure.subplots(len(found), 2, squeeze=False)
    colours = {"before": "#333333", 4: "#2c7fb8", 3: "#7fcdbb", 2: "#d95f0e"}
    for panels, (world, row) in zip(grid, found.items(), strict=True):
        small = WORLDS[world].budget.small
        times, unit = (1, "") if world == "digits" else (255, " in 255ths")
        for axes, norm in zip(panels, ("l2", "l1"), strict=True):
            for place in ("before", *QUANTISED):
                name = place if place == "before" else f"after {place}"
                values = [row[key(f"{name} {norm}", eps)] for eps in small]
                label = "before" if place == "before" else f"after, {place} bits"
                axes.plot(
                    [times * e for e in small], values, "o-", ms=4,
                    color=colours[place], lw=2 if place == "before" else 1.4, label=label,
                )  # fmt: skip
            axes.set(xscale="log", yscale="log")
            axes.set_xticks([times * e for e in small], [f"{times * e:g}" for e in small])
            axes.set_yticks([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1])
            axes.set_yticklabels(["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"])
            axes.minorticks_off()
            axes.set_xlabel(f"eps{unit}", fontsize=9)
            axes.set_ylabel(f"relative change, {norm.upper()}", fontsize=9)
            axes.set_title(f"{world}, first activation", fontsize=10)
            _plain(axes)
        panels[0].legend(fontsize=8, frameon=False)
    return figure


def draw(results: dict[str, Any], folder: Path) -> None:
    """All figures whose rows were measured."""
    digits, objects = results["rows"]["digits"], results["rows"]["objects"]
    shown: list[Kind] = ["vanilla", "non-expansive"]
    names = [title(kind, n) for kind in shown for n in FEW[::2] if title(kind, n) in digits]
    if digits:
        save(by_bits(digits), folder / "robustness_bits.png")
        save(growth(digits), folder / "robustness_growth.png")
    if names:
        save(by_radius(digits, "digits", names), folder / "robustness_eps.png")
    bundled = [name for name in BUNDLED if name in objects]
    if bundled:
        save(by_radius(objects, "objects", bundled), folder / "robustness_objects.png")
    rows = {"digits": digits.get(title("vanilla", 0)), "objects": objects.get(BUNDLED[0])}
    found = {world: row for world, row in rows.items() if row}
    if found:
        save(quantiser(found), folder / "robustness_quantiser.png")
