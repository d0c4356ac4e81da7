"""Figures of the study of promotion and suppression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

COLOURS = {
    "suppression": "#3b4cc0",
    "balanced": "#c9c9c9",
    "promotion": "#b40426",
    "adverse": "#222222",
}
MAPS = ("C(x0, t0)", "C(x0, t)", "C(x', t0)", "C(x', t)")
KINDS = ("suppression", "balanced", "promotion")


def worked(results: dict[str, Any]) -> dict[str, Any]:
    """The attacks that ever reached their target."""
    return {name: row for name, row in results.get("cells", {}).items() if row["success"] > 0}


def save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")


def error(row: dict[str, float]) -> list[list[float]]:
    """Bars of an interval around its mean."""
    return [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]


def _plain(axes: Any) -> None:
    """Without the frame's upper and right side."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7)


def _attacks(axes: Any, names: list[str]) -> None:
    """Attacks along the bottom."""
    _plain(axes)
    broken = [n.replace(", ", ",\n") for n in names]
    axes.set_xticks(np.arange(len(names)), broken, rotation=35, ha="right", fontsize=8)


def kinds(cells: dict[str, Any]) -> Figure:
    """Shares of the kinds for each attack."""
    figure = Figure(figsize=(8, 0.42 * len(cells) + 1.3), layout="constrained")
    axes = figure.subplots()
    names = list(cells)
    left = np.zeros(len(names))
    for kind, colour in COLOURS.items():
        values = np.array([cells[n]["kinds"][kind]["mean"] for n in names])
        axes.barh(names, values, left=left, color=colour, label=kind)
        for k, value in enumerate(values):
            if value > 0.06:
                axes.text(
                    left[k] + value / 2, k, f"{value:.2f}", ha="center", va="center",
                    fontsize=8, color="black" if kind == "balanced" else "white",
                )  # fmt: skip
        left += values
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of the changed cells")
    axes.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def places(cells: dict[str, Any]) -> Figure:
    """Interpretability scores against chance; cells of each kind inside the maps."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = list(cells)
    at = np.arange(len(names))
    for k, name in enumerate(MAPS):
        rows = [cells[n]["places"][name]["score"] for n in names]
        bars = np.hstack([error(r) for r in rows])
        where, means = at + 0.15 * (k - 1.5), [r["mean"] for r in rows]
        left.errorbar(where, means, bars, fmt="o", ms=4, label=name)
    first = cells[names[0]]["places"][MAPS[0]]
    left.set_title("interpretability score by map (dashed: chance)", fontsize=10)
    for k, (name, mark) in enumerate(((MAPS[0], "o"), (MAPS[3], "s"))):
        for j, kind in enumerate(("suppression", "promotion")):
            rows = [cells[n]["places"][name][kind] for n in names]
            bars = np.hstack([error(r) for r in rows])
            where = at + 0.16 * (2 * k + j - 1.5)
            right.errorbar(
                where, [r["mean"] for r in rows], bars, fmt=mark, ms=4, color=COLOURS[kind],
                mfc="white" if k else COLOURS[kind], label=f"{kind} cells in {name}",
            )  # fmt: skip
    right.set_title("share of the cells that lie inside a map (dashed: its area)", fontsize=10)
    for axes, level in ((left, first["chance"]), (right, first["area"])):
        axes.axhline(level, color="black", lw=1, ls="--")
        axes.set(ylim=(0, 1))
        _attacks(axes, names)
        axes.legend(fontsize=7, frameon=False, ncols=2, loc="upper left")
    return figure


def kept(cells: dict[str, Any]) -> Figure:
    """What one kind does alone and what is left without it, beside as many random cells."""
    names = list(cells)
    figure = Figure(figsize=(13, 3.8), layout="constrained")
    panels = figure.subplots(1, 3)
    at = np.arange(len(names))
    jobs = (
        ("only", "hits", "target reached with one kind of cell only"),
        ("without", "hits", "target reached without one kind"),
        ("only", "gap", "share of the change of (target - true) by one kind only"),
    )
    for axes, (what, value, title) in zip(panels, jobs, strict=True):
        for k, kind in enumerate(KINDS):
            rows = [gained(cells[n]["kept"], f"{what} {kind}", value) for n in names]
            control = [gained(cells[n]["kept"], f"{what} {kind}, random", value) for n in names]
            where = at + 0.27 * (k - 1)
            axes.bar(where, rows, 0.25, color=COLOURS[kind], label=f"{what} {kind}")
            axes.plot(where, control, "_", color="black", ms=10, mew=1.6)
        axes.plot([], [], "_", color="black", label="as many random cells")
        axes.set(ylim=(0, 1.02))
        axes.set_title(title, fontsize=9)
        _attacks(axes, names)
        axes.legend(fontsize=7, frameon=False)
    return figure


def gained(kept_rows: dict[str, Any], name: str, value: str) -> float:
    """A share of hits, or of the change of the difference of both logits."""
    row, whole = kept_rows[name], kept_rows["all"]
    if value == "hits":
        return float(row["hits"])
    gap = whole["target_logit"] - whole["true_logit"]
    return float((row["target_logit"] - row["true_logit"]) / gap)


def units(found: dict[str, Any]) -> Figure:
    """IoU against sensitivity, for each layer."""
    layers = list(found["layers"])
    across = len(layers) if len(layers) < 5 else -(-len(layers) // 2)
    down = -(-len(layers) // across)
    figure = Figure(figsize=(2.3 * across + 0.4, 2.3 * down + 0.3), layout="constrained")
    panels = np.asarray(figure.subplots(down, across, squeeze=False)).ravel()
    for axes in panels[len(layers) :]:
        axes.axis("off")
    for axes, name in zip(panels, layers, strict=False):
        row = found["layers"][name]
        axes.plot(row["each"]["jsd of maxima"], row["each"]["iou"], ".", color="C0", ms=4)
        axes.axhline(row["iou_by_chance"], color="0.6", lw=0.8, ls="--")
        one = row["relation"]["jsd of maxima"]
        axes.set_title(f"{name}\nrho {one['rho']:+.2f}, p {one['p_adjusted']:.2g}", fontsize=8)
        _plain(axes)
    figure.supxlabel("Jensen–Shannon divergence under attack", fontsize=9)
    figure.supylabel("IoU with the best concept (dashed: chance)", fontsize=9)
    return figure


def silencing(found: dict[str, Any]) -> Figure:
    """Accuracy as units of a layer are silenced."""
    figure = Figure(figsize=(8.5, 2.6 * len(found)), layout="constrained")
    panels = figure.subplots(len(found), 3, squeeze=False)
    titles = {
        "clean": "not attacked",
        "attacked": "attacked before",
        "again": "attacked anew, through the silenced",
    }
    for row, (name, figures) in zip(panels, found.items(), strict=True):
        for axes, (what, text) in zip(row, titles.items(), strict=True):
            _curves(axes, figures, what)
            axes.set_title(f"{name}: {text}", fontsize=8)
        row[0].set_ylabel("accuracy", fontsize=8)
    panels[0, 0].legend(fontsize=7, frameon=False)
    figure.supxlabel("units silenced", fontsize=9)
    return figure


def _curves(axes: Any, found: dict[str, Any], what: str) -> None:
    """Accuracy against the number of silenced units."""
    counts = found["counts"]
    random = np.array([found[n][what] for n in found if n.startswith("random")])
    axes.fill_between(counts, random.min(0), random.max(0), color="0.8", lw=0, label="random units")
    axes.plot(counts, random.mean(0), color="0.5", lw=1)
    for name, colour in (("most sensitive", "C3"), ("least sensitive", "C0")):
        axes.plot(counts, found[name][what], "o-", ms=3, color=colour, label=name)
    axes.set(ylim=(0, 1.02))
    _plain(axes)


def draw(results: dict[str, Any], folder: Path) -> None:
    """All figures whose part is done."""
    cells = worked(results)
    if cells:
        save(kinds(cells), folder / "pse_kinds.png")
        save(places(cells), folder / "pse_places.png")
        save(kept(cells), folder / "pse_kept.png")
    if "units" in results:
        save(units(results["units"]), folder / "pse_units.png")
    if "silencing" in results:
        save(silencing(results["silencing"]), folder / "pse_silencing.png")
