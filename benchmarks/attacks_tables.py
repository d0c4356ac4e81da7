"""Tables of the attacks beside other libraries', for `write_docs.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Results = dict[str, Any]
Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]
LIBRARIES = ("foolbox", "torchattacks")
OUR_RULE = ("foolbox, our start", "torchattacks, whole picture")


def agreement(table: Table, results: Results) -> str:
    """Share broken by each library, and the largest or the median perturbation."""
    parts = []
    for name, found in results["networks"].items():
        lines = []
        for row in found["rows"]:
            shown = [row.get(lib) for lib in ("sensorium", *LIBRARIES)]
            ruled = next((row[lib] for lib in OUR_RULE if lib in row), None)
            shares = [_share(r) for r in (*shown, ruled)]
            sizes = ["" if r is None else _size(r, row["eps"]) for r in shown]
            seeds = row["seeds"] if row["seeds"] > 1 else ""
            lines.append((row["attack"], seeds, *shares, *sizes))
        few = min(row["samples"] for row in found["rows"])
        title = (
            f"\n{found['samples']} known pictures of {name}, budget {255 * found['eps']:.1f}/255 "
            f"(L2: {found['eps_l2']:g}), {found['steps']} steps; broken in %, of what is random "
            "with the deviation over seeds, then the largest change. Of attacks without a budget "
            f"the median change, of {few} pictures:\n\n"
        )
        names = ("ours", "Foolbox", "torchattacks")
        head = ("", "seeds", *names, "theirs, our rule", *(f"size: {n}" for n in names))
        parts.append(title + table(head, lines))
    return "".join(parts)


def speed(table: Table, results: Results) -> str:
    """Processor time of each library over ours."""
    lines = []
    for name, found in results["networks"].items():
        for row in found["rows"]:
            ratios = [f"{row[lib]['times_ours']:.2f}" if lib in row else "" for lib in LIBRARIES]
            lines.append((f"{name}: {row['attack']}", f"{row['sensorium']['ms']:.0f}", *ratios))
    counts = " or ".join(str(found["timed"]) for found in results["networks"].values())
    head = (f"{counts} pictures", "ours, ms", "Foolbox, times ours", "torchattacks")
    return table(head, lines)


def _share(row: Results | None) -> str:
    if row is None:
        return ""
    spread = row["broken_sd"]
    return f"{100 * row['broken']:.1f}" + ("" if spread is None else f" ± {100 * spread:.1f}")


def _size(row: Results, eps: float | None) -> str:
    if eps is not None:
        return f"{row['largest_norm']:.7f}"
    return "" if row["median_norm"] is None else f"{row['median_norm']:.4f}"


TABLES: dict[str, tuple[str, Callable[[Table, Results], str]]] = {
    "attacks-agreement": ("attacks_agreement", agreement),
    "attacks-speed": ("attacks_agreement", speed),
}
