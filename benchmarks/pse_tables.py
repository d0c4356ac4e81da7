"""Tables of the study of promotion and suppression, for `write_docs.py`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from pse_plots import KINDS, MAPS, gained, worked

Results = dict[str, Any]
Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]

_ALL = (*KINDS, "adverse")
_NOT_RUN = "\nNot measured yet.\n"
_MASKS = ("free", "inside", "shifted", "lowest", "outside")


def number(value: float | None, digits: int = 2) -> str:
    """A figure, or nothing where there is none."""
    return "" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def ranged(row: dict[str, float], digits: int = 2) -> str:
    """A mean with its interval."""
    if math.isnan(row["mean"]):
        return ""
    return f"{row['mean']:.{digits}f} ({row['low']:.{digits}f}–{row['high']:.{digits}f})"


def attacks(table: Table, results: Results) -> str:
    """What each attack does to cells."""
    rows = []
    for name, row in worked(results).items():
        norms = [number(row["norms"][n], 3 if n == "linf" else 2) for n in ("l1", "l2", "linf")]
        kinds = [ranged(row["kinds"][kind]) for kind in _ALL]
        used = number(row["cells_used"]["mean"])
        rank = number(row["proxy_rank"]["target"]["mean"])
        rows.append((name, number(row["success"]), *norms, used, *kinds, rank))
    head = ("", "success", "L1", "L2", "Linf", "cells changed", *_ALL, "rank of the proxy")
    side, count = results["side"], results["pictures"]
    text = (
        f"{count} pictures, random targets, cells of {side} x {side} pixels; `{results['network']}`"
    )
    return f"\n{text}{results.get('note', '')}.\n\n" + table(head, rows)


def whole(table: Table, results: Results) -> str:
    """What whole perturbations do, and by which regions."""
    rows = []
    for name, row in worked(results).items():
        kinds = [number(row["whole"][kind]) for kind in KINDS]
        logits = [f"{row['logits'][k]['mean']:+.1f}" for k in ("target", "true")]
        parts = []
        for what, sign in (("target", 1), ("true", -1)):
            values = [sign * v[what] for v in row["regions"].values()]
            parts.append(" / ".join(f"{v:.1f}" for v in values))
        rows.append((name, *logits, *kinds, *parts))
    head = ("", "target's logit", "true one's", *KINDS)
    return table((*head, "target raised by", "truth lowered by"), rows)


def unit_kinds(table: Table, results: Results) -> str:
    """Shares of the kinds among the units of the last layers."""
    rows = []
    for name, row in worked(results).items():
        for layer, share in row["units"].items():
            rows.append((f"{name}, `{layer}`", *(number(share[kind]) for kind in _ALL)))
    return table(("", *_ALL), rows)


def places(table: Table, results: Results) -> str:
    """Interpretability scores and cells inside the maps."""
    cells = worked(results)
    first = next(iter(cells.values()))["places"]
    rows: list[tuple[str, ...]] = []
    for name, row in cells.items():
        scores = [ranged(row["places"][m]["score"]) for m in MAPS]
        inside = [
            ranged(row["places"][m][kind])
            for m in (MAPS[0], MAPS[3])
            for kind in ("suppression", "promotion")
        ]
        rows.append((name, *scores, *inside))
    chances = [number(first[m]["chance"]) for m in MAPS]
    areas = [number(first[m]["area"]) for m in (MAPS[0], MAPS[0], MAPS[3], MAPS[3])]
    rows.append(("chance", *chances, *areas))
    names = [f"IS by {m}" for m in MAPS]
    short = [f"{k} cells in {m}" for m in (MAPS[0], MAPS[3]) for k in ("suppr.", "prom.")]
    return table(("", *names, *short), rows)


def kept(table: Table, results: Results) -> str:
    """What one kind does alone, and what is left without it."""
    rows = []
    for name, row in worked(results).items():
        found = row["kept"]
        for what in ("only", "without"):
            line = [f"{name}: {what}"]
            for value in ("hits", "gap"):
                for kind in KINDS:
                    mine = gained(found, f"{what} {kind}", value)
                    random = gained(found, f"{what} {kind}, random", value)
                    line.append(f"{mine:.2f} ({random:.2f})")
            rows.append(line)
    head = [f"{kind}: hits" for kind in KINDS] + [f"{kind}: share of the change" for kind in KINDS]
    return table(("as many random cells in brackets", *head), rows)


def refinement(table: Table, results: Results) -> str:
    """Attacks under a map's mask and its controls."""
    if "refinement" not in results:
        return _NOT_RUN
    found = results["refinement"]
    rows = []
    for name, maps in found.items():
        if name == "pictures":
            continue
        for place, masks in maps.items():
            cells = []
            for mask in _MASKS:
                row = masks[mask]
                cells.append(f"{row['success']:.2f} ({number(row['l2']) or '-'})")
            rows.append((f"{name} in {place}", *cells))
    text = f"\nShare of {found['pictures']} pictures that reach the target (their mean L2).\n\n"
    return text + table(("", *_MASKS), rows)


def units(table: Table, results: Results) -> str:
    """What units detect and how sensitive they are."""
    if "units" not in results:
        return _NOT_RUN
    rows = []
    for name, row in results["units"]["layers"].items():
        kinds = ", ".join(f"{n} {kind}" for kind, n in row["detectors"].items() if n)
        iou = f"{row['iou']:.3f} ({row['iou_by_chance']:.3f})"
        jsd = f"{row['jsd']:.3f}", f"{row['jsd_halves']:.3f} ({row['jsd_clean_halves']:.3f})"
        rows.append((f"`{name}`", row["units"], iou, kinds or "none", row["unique"], *jsd))
    head = ("", "units", "best IoU (by chance)", "detectors of", "concepts", "JSD")
    text = f"\n{results['units']['probes']} probe pictures, "
    text += f"{results['units']['pictures']} attacked ones (IFGSM 8/255).\n\n"
    return text + table((*head, "JSD of halves (clean halves)"), rows)


def relation(table: Table, results: Results) -> str:
    """Whether interpretable units are the sensitive ones."""
    if "units" not in results:
        return _NOT_RUN
    rows = []
    for name, row in results["units"]["layers"].items():
        for measure, one in row["relation"].items():
            rho = f"{one['rho']:+.2f} ({one['low']:+.2f} to {one['high']:+.2f})"
            top, rest = one["iou_of_most_sensitive_quarter"], one["iou_of_rest"]
            p = f"{one['p']:.3f}", f"{one['p_adjusted']:.3f}"
            rows.append((f"`{name}`, {measure}", rho, *p, f"{top:.3f}", f"{rest:.3f}"))
    head = ("", "Spearman's rho, 95 %", "p", "p (Holm)", "IoU, most sensitive quarter", "the rest")
    return table(head, rows)


def silencing(table: Table, results: Results) -> str:
    """Accuracy with units silenced."""
    if "silencing" not in results:
        return _NOT_RUN
    rows = []
    for name, found in results["silencing"].items():
        random = [n for n in found if n.startswith("random")]
        for k, count in enumerate(found["counts"]):
            line = [f"`{name}`, {count} units"]
            for what in ("clean", "attacked", "again"):
                mean = sum(found[n][what][k] for n in random) / len(random)
                pair = (found[n][what][k] for n in ("most sensitive", "least sensitive"))
                line.append(" / ".join(f"{v:.2f}" for v in (*pair, mean)))
            rows.append(line)
    one = next(iter(results["silencing"].values()))
    text = (
        f"\n{one['pictures']} pictures, IFGSM at {255 * one['eps']:g}/255, untargeted. Each cell: "
    )
    text += "most sensitive units / least sensitive / random ones (mean of three draws).\n\n"
    return text + table(("silenced", "not attacked", "attacked before", "attacked anew"), rows)


def video(table: Table, results: Results) -> str:
    """TSM on clips."""
    if "video" not in results:
        return _NOT_RUN
    found = results["video"]
    rows = []
    for name, row in found.items():
        if not isinstance(row, dict):
            continue
        if "kinds" not in row:
            rows.append((name, number(row["success"]), *[""] * 10))
            continue
        kinds = [number(row["kinds"][kind]["mean"]) for kind in _ALL]
        scores = [ranged(row["scores"][m]) for m in (MAPS[0], MAPS[3])]
        chance = number(row["chance"][MAPS[0]])
        frames = " ".join(f"{v:.2f}" for v in row["frames"]["target"])
        l2 = number(row["norms"]["l2"])
        rows.append((name, number(row["success"]), l2, *kinds, *scores, chance, frames))
    head = ("", "success", "L2", *_ALL, *(f"IS by {m}" for m in (MAPS[0], MAPS[3])), "chance")
    size = f"{found['clips']} clips of {found['frames']} frames, {found['size']} x {found['size']}"
    text = f"\n{size}; the target is the second likeliest move.\n\n"
    return text + table((*head, "share of what raises the target, by frame"), rows)


TABLES: dict[str, Callable[[Table, Results], str]] = {
    "pse-attacks": attacks,
    "pse-whole": whole,
    "pse-unit-kinds": unit_kinds,
    "pse-places": places,
    "pse-kept": kept,
    "pse-refinement": refinement,
    "pse-units": units,
    "pse-relation": relation,
    "pse-silencing": silencing,
    "pse-video": video,
}
