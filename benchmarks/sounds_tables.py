"""The tables of ``results/sounds_*.json`` for the docs; `write_docs.py` puts them there."""

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


# --- speed ----------------------------------------------------------------------------------------


def speed(table: Table, results: Row) -> str:
    """What a video costs, how that grows, four threads, and where the time goes."""
    lines = [
        (
            name,
            f"{row['total_seconds']:.1f}",
            f"{row['times_real_time']:.1f}",
            f"{row['peak_mib']:.0f}",
            f"{row['above_loading_mib']:.0f}",
        )
        for name, row in results["threads 1"].items()
    ]
    head = ("video, one thread", "seconds", "times real time", "peak MiB", "above loading")
    text = table(head, lines)
    grown = results["growth"]
    text += (
        f"\nA video {grown['video']:g} times as long takes {grown['time']:.1f} times as long and "
        f"{grown['peak_memory']:.2f} times the memory (`{results['system']}`).\n"
    )
    if "four_threads" in results:
        four = results["four_threads"]
        text += (
            f"Four threads are {four['times_one_thread']:.2f} times as fast as one on a minute of "
            f"video, with a load of {four['load_average']:g} on the machine before.\n"
        )
    hot = [(f"`{row['function']}`", f"{100 * row['share']:.1f}") for row in results["hot_path"]]
    return text + "\nThe hot path of a minute:\n\n" + table(("function", "% of the time"), hot[:8])


def metrics(table: Table, results: Row) -> str:
    """BSS-Eval beside mir_eval's."""
    lines = [
        (
            name,
            row["mir_eval_ms"],
            row["sensorium_ms"],
            row["times_mir_eval"],
            row["times_mir_eval_in_use"],
            f"{row['largest_difference_db']:.0e}",
        )
        for name, row in results["mixtures"].items()
    ]
    head = (
        f"{results['seconds']:g} s at {results['rate']} Hz",
        "mir_eval, ms",
        "ours, ms",
        "times as fast",
        "five sets and the mixture",
        "largest difference, dB",
    )
    return table(head, lines)


def made_ready(table: Table, results: Row) -> str:
    """What ``sensorium prepare`` costs and gives."""
    lines = [
        (
            row["kept_as"],
            row["kb_per_picture"],
            "exact" if row["psnr_db"] is None else row["psnr_db"],
            f"{row['pixels_ms']:.1f}",
            f"{row['motions_ms']:.1f}",
        )
        for row in results["pictures"]
    ]
    head = ("pictures kept as", "kB each", "PSNR, dB", "ms for 3 (pixels)", "ms for 24 (motions)")
    text = table(head, lines) + "\nA training example, ms:\n\n"
    needs = list(results["example_ms"]["film"])
    rows = [
        (n, *(f"{row[need]:.1f}" for need in needs)) for n, row in results["example_ms"].items()
    ]
    cost = results["prepare"]
    return (
        text
        + table(("from", *needs), rows)
        + f"\nPreparing runs at {cost['times_real_time']:g} times real time and turns "
        f"{cost['film_mb_per_hour']} MB of film an hour into {cost['prepared_mb_per_hour']} MB.\n"
    )


def loading(table: Table, results: Row) -> str:
    """The loader beside the steps that it feeds."""
    lines = [
        (
            f"`{name}`",
            f"{row['loader_examples_per_second']:.0f}",
            f"{row['steps_examples_per_second']:.0f}",
            f"{row['together_examples_per_second']:.0f}",
            f"{row['loader_over_steps']:.1f}",
            f"{row['loader_over_steps_by_cpu']:.1f}",
            f"{row['load_average']:.1f}",
        )
        for name, row in results["systems"].items()
    ]
    head = (
        "examples a second",
        "one worker alone",
        "steps alone",
        "steps fed by the worker",
        "worker / steps",
        "by processor time",
        "load of the machine",
    )
    return table(head, lines)


FIGURES_OF: dict[str, Callable[[Table, Row], str]] = {
    "sounds_speed": speed,
    "sounds_metrics": metrics,
    "sounds_prepared": made_ready,
    "sounds_loading": loading,
}
"""By the name of the results, which is the table's with underscores."""
