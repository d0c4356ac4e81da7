"""Tables of the attacks beside other libraries', for `write_docs.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Results = dict[str, Any]
Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]
LIBRARIES = ("foolbox", "torchattacks")


def agreement(table: Table, results: Results) -> str:
    """Share broken by each library, and the largest or the median perturbation."""
    parts = []
    for name, found in results["networks"].items():
        lines = []
        for row in found["rows"]:
            shown = [row.get(lib) for lib in ("sensorium", *LIBRARIES)]
            shares = ["" if r is None else f"{100 * r['broken']:.1f}" for r in shown]
            sizes = ["" if r is None else _size(r, row["eps"]) for r in shown]
            lines.append((row["attack"], *shares, *sizes))
        title = (
            f"\n{found['samples']} known pictures of {name}, budget {255 * found['eps']:.1f}/255 "
            f"(L2: {found['eps_l2']:g}), {found['steps']} steps; broken in %, then the largest "
            f"change. Of attacks without a budget the median change, of {results['timed']} "
            "pictures:\n\n"
        )
        names = ("ours", "Foolbox", "torchattacks")
        parts.append(title + table(("", *names, *(f"size: {n}" for n in names)), lines))
    return "".join(parts)


def speed(table: Table, results: Results) -> str:
    """Processor time of each library over ours."""
    lines = []
    for name, found in results["networks"].items():
        for row in found["rows"]:
            ratios = [f"{row[lib]['times_ours']:.2f}" if lib in row else "" for lib in LIBRARIES]
            lines.append((f"{name}: {row['attack']}", f"{row['sensorium']['ms']:.0f}", *ratios))
    head = (f"{results['timed']} pictures", "ours, ms", "Foolbox, times ours", "torchattacks")
    return table(head, lines)


def _size(row: Results, eps: float | None) -> str:
    if eps is not None:
        return f"{row['largest_norm']:.7f}"
    return "" if row["median_norm"] is None else f"{row['median_norm']:.4f}"


TABLES: dict[str, tuple[str, Callable[[Table, Results], str]]] = {
    "attacks-agreement": ("attacks_agreement", agreement),
    "attacks-speed": ("attacks_agreement", speed),
}
