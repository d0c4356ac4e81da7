"""The tables of ``results/sounds_quality.json`` for the docs; `write_docs.py` puts them there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]
Rows = dict[str, Row]
Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]

FIGURES = {
    "nsdr": "NSDR",
    "sdr": "SDR",
    "sir": "SIR",
    "sar": "SAR",
    "si_sdri": "SI-SDRi",
}
_TOP = 99.0  # dB: no artifacts at all


def decibels(row: Row, name: str) -> str:
    """A mean with its spread over the seeds."""
    if name not in row:
        return ""
    value, spread = row[name], row.get(f"{name}_spread")
    if value > _TOP:
        return "∞"
    return f"{value:.1f}" + ("" if spread is None else f" ± {spread:.1f}")


def share(row: Row, name: str) -> str:
    """Likewise of a share of 1."""
    if name not in row:
        return ""
    spread = row.get(f"{name}_spread")
    return f"{row[name]:.2f}" + ("" if spread is None else f" ± {spread:.2f}")


def scored(table: Table, rows: Rows, title: str) -> str:
    """Separation: one line a row, in dB; what separates best first."""
    ordered = sorted(rows.items(), key=lambda item: -item[1]["nsdr"])
    lines = [
        (name, *(decibels(row, figure) for figure in FIGURES), len(row["seeds"]))
        for name, row in ordered
    ]
    counted = next(iter(rows.values()))
    sources = (
        f"{counted['mixtures']} mixtures, {counted['n_scored']:.0f} sources scored, "
        f"{counted['n_silent']:.0f} silent, {counted['n_alone']:.0f} alone; dB, mean ± spread "
        "over seeds of training.\n\n"
    )
    return f"\n{title}: {sources}" + table(("", *FIGURES.values(), "seeds"), lines)


def different(table: Table, tables: dict[str, Rows]) -> str:
    """(a) Different instruments, two and three sources."""
    return "".join(
        scored(table, tables[f"different, {n} sources"], f"{n} different instruments")
        for n in (2, 3)
        if f"different, {n} sources" in tables
    )


def twins(table: Table, tables: dict[str, Rows]) -> str:
    """(b) The same instrument and look, and NSDR by how much the notes overlap."""
    rows = tables["twins"]
    bins = {
        (b["from"], b["to"]): b["mixtures"]
        for row in rows.values()
        for b in row.get("by_overlap", [])
        if len(row["seeds"]) == 1
    }
    head = ("NSDR by overlap", *(f"{low:g} to {high:g}" for low, high in sorted(bins)))
    lines = []
    for name, row in rows.items():
        found = {(b["from"], b["to"]): b["nsdr"] for b in row.get("by_overlap", [])}
        if name in OVERLAPPING:
            lines.append((name, *(f"{found[b]:.1f}" if b in found else "" for b in sorted(bins))))
    lines.append(("mixtures", *(bins[b] for b in sorted(bins))))
    return (
        scored(table, rows, "Two players of the same instrument and look")
        + "\n"
        + table(head, lines)
    )


OVERLAPPING = (
    "motions",
    "motions, one picture",
    "pixels on twins",
    "oracle binary mask, 128 log rows",
)


def concepts(table: Table, tables: dict[str, Rows]) -> str:
    """(c) One network alone."""
    accuracy, seen = tables.get("concepts, channels", {}), tables["concepts, segmentation"]
    names = dict.fromkeys(name.split(", sound ")[0] for name in tables.get("concepts", {}))
    lines = []
    for name in names:
        both = tables["concepts"][f"{name}, sound and pictures"]
        alone = tables["concepts"][f"{name}, sound alone"]
        lines.append(
            (
                name,
                decibels(both, "nsdr"),
                decibels(alone, "nsdr"),
                share(accuracy[name], "channel_accuracy"),
                len(both["seeds"]),
            )
        )
    head = ("", "NSDR, sound and pictures", "NSDR, sound alone", "right channel", "seeds")
    best = sorted(seen.items(), key=lambda item: -item[1]["miou"])
    areas = [(name, share(row, "miou"), len(row["seeds"])) for name, row in best]
    title = "\nPictures alone, mean IoU (threshold from validation):\n\n"
    return table(head, lines) + title + table(("", "mean IoU", "seeds"), areas)


def localisation(table: Table, tables: dict[str, Rows]) -> str:
    """(d) Whether the energy map peaks on who plays."""
    text = ""
    titles = {
        "localisation": "Two performers of different kinds",
        "localisation of twins": "Two look-alikes",
    }
    columns = {
        "one plays: in mask": "peak on the one who plays",
        "one plays: chance": "its share of the picture",
        "one plays: right_of_two": "nearer to the right one of the two",
        "both play: in mask": "both play: peak on either",
        "both play: chance": "their share of the picture",
    }
    for name, title in titles.items():
        if name in tables:
            lines = [
                (row, *(share(figures, c) for c in columns), f"{figures['scenes']:.0f}")
                for row, figures in tables[name].items()
            ]
            text += f"\n{title}:\n\n" + table(("", *columns.values(), "scenes"), lines)
    return text


TABLES: dict[str, Callable[[Table, dict[str, Rows]], str]] = {
    "sounds-different": different,
    "sounds-twins": twins,
    "sounds-concepts": concepts,
    "sounds-localisation": localisation,
}
