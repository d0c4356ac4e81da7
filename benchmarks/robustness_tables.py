"""Tables of the quality of robustness, for `write_docs.py`."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from typing import Any

from events_tables import number, percent
from robustness_measures import QUANTISED, key
from robustness_runs import BUNDLED, FEW, KINDS, WORLDS, title

Row = dict[str, Any]
Results = dict[str, Any]
Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]
Column = tuple[str, Callable[[Row], str]]

NAIVE = {"fgsm": "FGSM (naive)", "pgd_last": "PGD, last iterate (naive)"}
BLACK = {"transfer": "transfer (black box)", "square": "random search (black box)"}
ORDERED = (0, 8, 6, 5, 4, 3, 2)
SEEN = ("vanilla", "non-expansive")
_NOT_RUN = "\nNot measured yet.\n"
_MAIN = WORLDS["digits"].budget.main
_EPS = WORLDS["digits"].budget.eps
_OBJECTS = WORLDS["objects"].budget.eps


def radius(eps: float) -> str:
    """In words."""
    return f"{eps:g}" if eps in _EPS else f"{255 * eps:g}/255"


def counted(row: Row, name: str) -> int:
    """Layers that a figure is known of."""
    return sum(k.startswith(f"{name}@") and not k.endswith("_spread") for k in row)


def _columns(names: dict[str, str], eps: float) -> list[Column]:
    return [
        (f"{label} {radius(eps)}", lambda row, n=name: percent(row, key(n, eps)))  # type: ignore[misc]
        for name, label in names.items()
    ]


def _attacked(eps: float, more: Iterable[float] = (), black: bool = True) -> list[Column]:
    """Without attack, naive, worst case, black box."""
    columns: list[Column] = [("clean %", lambda row: percent(row, "clean"))]
    columns += _columns(NAIVE, eps)
    columns += _columns({"robust": "**worst case**"}, eps)
    for other in more:
        columns += _columns({"robust": "worst case"}, other)
    return columns + (_columns(BLACK, eps) if black else [])


def _table(table: Table, rows: dict[str, Row], names: Iterable[str], columns: list[Column]) -> str:
    """The rows that were measured."""
    lines = [(name, *(show(rows[name]) for _, show in columns)) for name in names if name in rows]
    return table(("", *(head for head, _ in columns)), lines) if lines else _NOT_RUN


def _about(results: Results, world: str) -> str:
    """What was done to how many pictures."""
    budget = results["budgets"][world]
    return (
        f"\n{budget['pictures']} held-out pictures are attacked in each row. Worst case: FGSM, PGD "
        f"({budget['naive']} steps), PGD on the margin ({budget['steps']} steps, "
        f"{budget['restarts']} restarts, best iterate), APGD on cross entropy and margin, PGD with "
        f"the gradient of the copy in full precision, transfer, random search "
        f"({budget['queries']} queries).\n\n"
    )


def bits(table: Table, results: Results) -> str:
    """Every number of bits."""
    names = [title(kind, n) for kind in KINDS for n in ORDERED]
    columns = _attacked(_MAIN, more=(0.05,))
    return _about(results, "digits") + _table(table, results["rows"]["digits"], names, columns)


def clean(table: Table, results: Results) -> str:
    """Accuracy without attack."""
    rows = results["rows"]["digits"]
    lines = [
        (kind, *(percent(rows.get(title(kind, n), {}), "clean") for n in ORDERED)) for kind in KINDS
    ]
    return table(("% without attack", *(f"{n} bits" if n else "full" for n in ORDERED)), lines)


def radii(table: Table, results: Results) -> str:
    """The worst case over eps, the naive figure beside it."""
    rows = results["rows"]["digits"]
    lines = []
    for kind in KINDS:
        for n in FEW:
            row = rows.get(title(kind, n), {})
            if not row:
                continue
            cells = []
            for eps in _EPS:
                plain = percent(row, key("pgd_last", eps)).split(" ")[0]
                cells.append(f"{percent(row, key('robust', eps))} ({plain})")
            lines.append((title(kind, n), *cells, percent(row, "whole_range")))
    head = ("worst case % (naive: PGD's last iterate)", *(f"eps {eps:g}" for eps in _EPS))
    head = (*head, "eps 0.5, PGD")
    return table(head, lines) if lines else _NOT_RUN


def attacks(table: Table, results: Results) -> str:
    """Each attack by itself."""
    rows = results["rows"]["digits"]
    chosen = [title(kind, n) for n in FEW for kind in SEEN]
    chosen = [name for name in chosen if any(k.startswith("alone: ") for k in rows.get(name, {}))]
    if not chosen:
        return _NOT_RUN
    names = dict.fromkeys(k for name in chosen for k in rows[name] if k.startswith("alone: "))
    last = "alone: worst of these"
    ordered = [*(k for k in names if k != last), last]
    lines = [
        (k.removeprefix("alone: "), *(percent(rows[name], k).split(" ")[0] for name in chosen))
        for k in ordered
    ]
    return table((f"accuracy %, eps {_MAIN:g}, one seed", *chosen), lines)


def growth(table: Table, results: Results) -> str:
    """Relative change of each layer's input."""
    rows = results["rows"]["digits"]
    names = [title(kind, n) for kind in SEEN for n in ORDERED if title(kind, n) in rows]
    names += [title("raw penalty", n) for n in FEW if title("raw penalty", n) in rows]
    if not names:
        return _NOT_RUN
    count = counted(rows[names[0]], "l2")
    lines = []
    for name in names:
        cells = (
            " / ".join(number(rows[name], f"{norm}@{k}").split(" ")[0] for norm in ("l2", "l1"))
            for k in range(count)
        )
        lines.append((name, *cells))
    head = ("L2 / L1", "picture", *(f"layer {k}" for k in range(1, count)))
    return table(head, lines)


def quantiser(table: Table, results: Results) -> str:
    """Before and after one quantiser."""
    parts = []
    for world, chosen in WORLDS.items():
        name = title("vanilla", 0) if world == "digits" else "dq-full"
        row = results["rows"][world].get(name, {})
        if key("before l2", chosen.budget.small[0]) not in row:
            continue
        lines = []
        for place in ("before", *(f"after {n}" for n in QUANTISED)):
            cells = (
                " / ".join(
                    number(row, key(f"{place} {norm}", eps), 3).split(" ")[0]
                    for norm in ("l2", "l1")
                )
                for eps in chosen.budget.small
            )
            lines.append((place if place == "before" else f"{place} bits", *cells))
        head = (f"{world}, L2 / L1", *(f"eps {radius_of(e, world)}" for e in chosen.budget.small))
        parts.append("\n" + table(head, lines))
    return "".join(parts) or _NOT_RUN


def radius_of(eps: float, world: str) -> str:
    """In the units of a world."""
    return f"{eps:g}" if world == "digits" else f"{255 * eps:g}/255"


def norms(table: Table, results: Results) -> str:
    """By how much each layer can enlarge a change."""
    rows = results["rows"]["digits"]
    names = [title(kind, 4) for kind in KINDS if title(kind, 4) in rows]
    names += (
        [title("raw penalty", 4, "folded")] if title("raw penalty", 4, "folded") in rows else []
    )
    if not names:
        return _NOT_RUN
    count = counted(rows[names[0]], "norm_raw")
    lines = []
    for name in names:
        for norm in ("raw", "folded", "operator"):
            if norm == "folded" and name.startswith("non-expansive"):
                continue
            cells = (number(rows[name], f"norm_{norm}@{k}").split(" ")[0] for k in range(count))
            what = {"raw": "weights", "folded": "with the norm's scale", "operator": "convolution"}
            lines.append((f"{name}: {what[norm]}", *cells))
    return table(("largest singular value", *(f"layer {k}" for k in range(1, count + 1))), lines)


def adversarial(table: Table, results: Results) -> str:
    """Trained on attacked pictures, at the same number of passes."""
    names = [title(kind, n, more) for n in FEW for kind in KINDS for more in ("", "adversarial")]
    columns = _attacked(_MAIN, more=(0.05, 0.2))
    return _table(table, results["rows"]["digits"], names, columns)


def squeezed(table: Table, results: Results) -> str:
    """Behind feature squeezing."""
    names = [title(kind, n, more) for kind in SEEN for n in FEW for more in ("", "squeezed")]
    columns = _attacked(_MAIN, more=(0.025, 0.05))
    return _table(table, results["rows"]["digits"], names, columns)


def parts(table: Table, results: Results) -> str:
    """One thing changed at a time."""
    rows = results["rows"]["digits"]
    order: list[str] = []
    for n in (4, 2):
        for kind in KINDS:
            own = title(kind, n)
            order += [own, *(k for k in rows if k.startswith(f"{own}, "))]
    order = [name for name in order if not name.endswith(("squeezed", "adversarial"))]
    return _table(table, rows, order, _attacked(_MAIN))


def objects(table: Table, results: Results) -> str:
    """The bundled weights."""
    rows = results["rows"]["objects"]
    columns: list[Column] = [("clean %", lambda row: percent(row, "clean"))]
    for eps in _OBJECTS:
        columns += _columns({"robust": "**worst case**"}, eps)
    for eps in _OBJECTS[1:]:
        columns += _columns({"fgsm": "FGSM (naive)"}, eps)
        columns += _columns({"pgd_last": "PGD, last (naive)"}, eps)
        columns += _columns({"transfer": "transfer"}, eps)
    return _about(results, "objects") + _table(table, rows, BUNDLED, columns)


def objects_growth(table: Table, results: Results) -> str:
    """Relative change of each layer's input, bundled weights."""
    rows = results["rows"]["objects"]
    names = [name for name in BUNDLED if name in rows]
    if not names:
        return _NOT_RUN
    count = counted(rows[names[0]], "l2")
    lines = [
        (
            f"`{name}`",
            *(f"{rows[name][f'l2@{k}']:.2f} / {rows[name][f'l1@{k}']:.2f}" for k in range(count)),
        )
        for name in names
    ]
    return table(("L2 / L1", "picture", *(f"layer {k}" for k in range(1, count))), lines)


def claimed(table: Table, results: Results) -> str:
    """Each claim and what was found."""
    lines = []
    for claim in results["claims"]:
        for k, part in enumerate(claim["parts"]):
            values = part["by_seed"]
            mean = f"{100 * part['mean']:+.1f}" if values else ""
            spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
            text = f"**{claim['claim']}**" if k == 0 else ""
            lines.append((text, part["measured"], mean + spread, len(values), part["verdict"]))
    return table(("claim", "judged by", "points", "seeds", "verdict"), lines)


def budgets(table: Table, results: Results) -> str:
    """What every network was given."""
    lines = []
    for name, about in results["networks"].items():
        if "steps" not in about:
            continue
        system, rate = about["system"], about["optimiser"]["lr"]
        minutes = [s["train_cpu_minutes"] for s in about["by_seed"].values() if s]
        lines.append(
            (
                name,
                f"{about['parameters']:,}",
                f"{about['steps']} x {about['batch']}",
                about["passes_a_step"] * about["steps"],
                f"{rate:g}",
                f"{system['beta']:g}" + (f", {system['penalty']}" if system["beta"] else ""),
                f"{system['clip']:g}",
                f"{system['scale']:g}",
                ", ".join(sorted(about["by_seed"])),
                f"{60 * statistics.mean(minutes):.0f}" if minutes else "",
            )
        )
    head = ("", "parameters", "steps x pictures", "passes", "lr", "beta", "bound", "logits times")
    left = ", ".join(results["not_run"])
    more = f"\nNot run: {left}.\n" if left else ""
    return (table((*head, "seeds", "CPU s"), lines) if lines else _NOT_RUN) + more


TABLES: dict[str, Callable[[Table, Results], str]] = {
    "robustness-bits": bits,
    "robustness-clean": clean,
    "robustness-eps": radii,
    "robustness-attacks": attacks,
    "robustness-growth": growth,
    "robustness-quantiser": quantiser,
    "robustness-norms": norms,
    "robustness-adversarial": adversarial,
    "robustness-squeezed": squeezed,
    "robustness-parts": parts,
    "robustness-objects": objects,
    "robustness-objects-growth": objects_growth,
    "robustness-claims": claimed,
    "robustness-budgets": budgets,
}
