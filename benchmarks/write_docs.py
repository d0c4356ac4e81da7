"""Puts the figures of ``results/*.json`` into the README and the docs, between their markers.

    python benchmarks/write_docs.py [--check]

A table named ``x`` stands between ``<!-- table: x -->`` and ``<!-- end -->``. With ``--check``
nothing is written, and the exit code says whether something would have been.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attacks_tables
import blocks_tables
import events_tables
import expressions_tables
import pse_tables
import questions_tables
import robustness_int8_tables
import robustness_tables
import sounds_tables

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MARKED = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Results = dict[str, Any]


def load(name: str) -> Results:
    """The committed results of a benchmark."""
    results: Results = json.loads((RESULTS / f"{name}.json").read_text())
    return results


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; the first column is left-aligned."""
    head = list(head)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def machine(results: Results) -> str:
    """One line on where the figures come from."""
    m = results["machine"]
    return (
        f"\n{m['cpu']}, {m['cores']} cores, Python {m['python']}, torch {m['torch']}, "
        f"{m['date']}; `benchmarks/results/{results['benchmark']}.json`.\n"
    )


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def with_spread(row: Results) -> str:
    spread = row["top1_spread"]
    return percent(row["top1_mean"]) + ("" if spread is None else f" ± {100 * spread:.1f}")


def actions_main() -> str:
    results = load("actions_quality")
    rows = [
        (
            f"`{name}`",
            with_spread(row),
            percent(row["pair_accuracy_mean"]),
            f"{row['reversal_difference_max']:.1g}",
            f"{row['parameters']:,}",
            f"{row['mega_macs']:.1f}",
            row["frames"],
        )
        for name, row in results["main"].items()
    ]
    head = ("", "top-1 %", "pair %", "reversal", "parameters", "M MAC", "frames")
    return table(head, rows) + machine(results)


def actions_ablation() -> str:
    results = load("actions_quality")
    rows = [
        (name, with_spread(row), len(row["seeds"]), row["steps"], f"{row['parameters']:,}")
        for name, row in results["ablation"].items()
    ]
    return table(("", "top-1 %", "seeds", "steps", "parameters"), rows) + machine(results)


def actions_classes() -> str:
    results = load("actions_quality")["main"]
    names = list(results)
    classes = next(iter(results.values()))["per_class_mean"]
    rows = [(c, *(percent(results[n]["per_class_mean"][c]) for n in names)) for c in classes]
    return table(("class", *(f"`{n}`" for n in names)), rows)


def actions_episodes() -> str:
    results = load("actions_episodes")
    rows = [
        (
            f"`{name}`",
            percent(row["recall"]),
            percent(row["recall_alone"]),
            percent(row["precision"]),
            percent(row["false_alarms"]),
        )
        for name, row in results["systems"].items()
    ]
    head = (
        f"{results['episodes']} episodes",
        "moves found %",
        "of those that do not overlap %",
        "actions right %",
        "called out of domain %",
    )
    return table(head, rows) + machine(results)


def flat(results: Results, prefix: str = "") -> Iterable[tuple[str, object]]:
    """Scalars of nested results with their paths."""
    for key, value in results.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}: ")
        elif isinstance(value, int | float | str | bool) or value is None:
            yield f"{prefix}{key}".replace("_", " "), value


def plain(name: str) -> Callable[[], str]:
    """Every figure of a benchmark, line by line."""

    def write() -> str:
        results = load(name)
        body = {k: v for k, v in results.items() if k not in ("benchmark", "machine")}
        return table(("", "value"), flat(body)) + machine(results)

    return write


def actions_speed() -> str:
    results = load("actions_speed")
    parts = []
    for batch, rows in results["clips"].items():
        paths = list(rows["tsm"])
        lines = [
            (f"`{n}`", *(f"{r[p]['median_ms']:.0f}" if p in r else "" for p in paths))
            for n, r in rows.items()
        ]
        fast = (f"{rows['tsm'][p]['times_as_fast_as_fp32']:.2f}" for p in paths)
        lines.append(("`tsm`, times as fast", *fast))
        parts.append(f"\nMilliseconds (median), {batch}:\n\n" + table(("", *paths), lines))
    shift = results["shift_overhead"]
    lines = [
        (n, *(f"{row[n]['of_min_percent']:+.1f}" for row in shift.values()))
        for n in ("tsm", "tsm-slices")
    ]
    for backbone, rows in results["streaming"].items():
        name = f"streamed frame, {backbone}"
        over = (f"{row['overhead']['of_min_percent']:+.1f}" for row in rows.values())
        times = (f"{row['2d_ms']:.1f} -> {row['stream_ms']:.1f} ms" for row in rows.values())
        lines += [(name, *over), (f"{name}, 2D -> TSM", *times)]
    head = ("% over the 2D network (least times)", *shift)
    parts.append("\nWhat the shift costs:\n\n" + table(head, lines))
    memory = results["peak_memory"]
    paths = list(memory["mib"]["tsm"])
    lines = [
        (f"`{n}`", *("" if r.get(p) is None else f"{r[p]:.0f}" for p in paths))
        for n, r in memory["mib"].items()
    ]
    title = f"\nPeak memory in MiB, network and batch of {memory['batch']}:\n\n"
    parts.append(title + table(("", *paths), lines))
    return "".join(parts) + machine(results)


def actions_exports() -> str:
    results = load("actions_speed")
    rows = [
        (
            f"`{name}`",
            row["form"],
            f"{row['int8_convolutions']}/{row['int8_convolutions'] + row['float_convolutions']}",
            percent(row["top1_fp32"]),
            percent(row["top1"]),
            percent(row["agreement"]),
            f"{row['eager_ms']:.2f}",
            f"{row['ms']:.2f}",
            f"{row['megabytes_fp32']:.2f}",
            f"{row['megabytes']:.2f}",
        )
        for name, row in results["exports"].items()
    ]
    head = ("", "form", "convolutions in int8", "top-1 % fp32", "int8", "same answer %")
    head = (*head, "eager ms", "int8 ms", "MB fp32", "int8")
    return table(head, rows) + machine(results)


def media_speed() -> str:
    results = load("media_speed")
    rows = []
    for clip, jobs in results["clips"].items():
        for job, row in jobs.items():
            rows.append(
                (f"{clip}: {job}", row["sensorium_fps"], row["opencv_fps"], row["times_opencv"])
            )
    head = ("", "Sensorium, frames/s", "OpenCV, frames/s", "ratio")
    return table(head, rows) + machine(results)


def media_fuzz() -> str:
    results = load("media_fuzz")
    kinds = results["by_kind"]
    outcomes = {
        "read": "the damage changes nothing",
        "read_with_problems": "read, and the damage named",
        "refused": "refused in one line",
        "unnoticed": "read, decodes differently, nothing to notice it by",
    }
    rows = [
        (text, *(kinds[k].get(key, 0) for k in kinds), results[key])
        for key, text in outcomes.items()
    ]
    bad = [(key.replace("_", " "), *("" for _ in kinds), results[key]) for key in BAD]
    return table(("", *kinds, f"all {results['variants']}"), [*rows, *bad]) + machine(results)


BAD = ("crashed", "hung", "other_error")


def resume() -> str:
    results = load("resume_torture")
    yes = {True: "yes", False: "no"}
    rows = [
        ("kills of a running process", results["kills_of_a_running_process"]),
        ("of these at random moments", results["kills_at_random_moments"]),
        ("same rows in the log as an unbroken run", yes[results["same_log_rows"]]),
        ("same final metrics", yes[results["same_final_metrics"]]),
        ("same weights, bit for bit", yes[results["same_weights"]]),
        ("unreadable checkpoints", results["unreadable_checkpoints"]),
    ]
    return table((f"`{results['recipe']}`, {results['steps']} steps", ""), rows) + machine(results)


def sounds(name: str) -> Callable[[], str]:
    """A table of the quality of sound."""

    def write() -> str:
        results = load("sounds_quality")
        return sounds_tables.TABLES[name](table, results["tables"]) + machine(results)

    return write


def sounds_cost(name: str) -> Callable[[], str]:
    """A table of what sound costs."""

    def write() -> str:
        results = load(name)
        return sounds_tables.FIGURES_OF[name](table, results) + machine(results)

    return write


def blocks(name: str) -> Callable[[], str]:
    """A table of the blocks world or of the executor."""

    def write() -> str:
        source, make = blocks_tables.TABLES[name]
        results = load(source)
        return make(table, results) + machine(results)

    return write


def questions(name: str) -> Callable[[], str]:
    """A table of the quality of answers."""

    def write() -> str:
        results = load("questions_quality")
        return questions_tables.TABLES[name](table, results) + machine(results)

    return write


def events(name: str) -> Callable[[], str]:
    """A table of the quality or the speed of stories."""

    def write() -> str:
        source, make = events_tables.TABLES[name]
        if not (RESULTS / f"{source}.json").exists():
            return "\nNot measured yet.\n"
        results = load(source)
        return make(table, results) + machine(results)

    return write


def expressions(name: str) -> Callable[[], str]:
    """A table of the quality or the speed of expressions."""

    def write() -> str:
        source, make = expressions_tables.TABLES[name]
        if not (RESULTS / f"{source}.json").exists():
            return "\nNot measured yet.\n"
        results = load(source)
        return make(table, results) + machine(results)

    return write


def attacks(name: str) -> Callable[[], str]:
    """A table of the attacks beside other libraries'."""

    def write() -> str:
        source, make = attacks_tables.TABLES[name]
        if not (RESULTS / f"{source}.json").exists():
            return "\nNot measured yet.\n"
        results = load(source)
        return make(table, results) + machine(results)

    return write


def pse(name: str) -> Callable[[], str]:
    """A table of the study of promotion and suppression."""

    def write() -> str:
        if not (RESULTS / "pse_study.json").exists():
            return "\nNot measured yet.\n"
        results = load("pse_study")
        return pse_tables.TABLES[name](table, results) + machine(results)

    return write


def robustness(name: str) -> Callable[[], str]:
    """A table of robustness: of its quality, or of integers against their simulation."""
    real = robustness_int8_tables.TABLES
    source = "robustness_int8" if name in real else "robustness_quality"

    def write() -> str:
        if not (RESULTS / f"{source}.json").exists():
            return "\nNot measured yet.\n"
        results = load(source)
        made = {**robustness_tables.TABLES, **real}[name](table, results)
        return made + machine(results)

    return write


TABLES: dict[str, Callable[[], str]] = {
    "actions-main": actions_main,
    "actions-ablation": actions_ablation,
    "actions-classes": actions_classes,
    "actions-episodes": actions_episodes,
    "actions-speed": actions_speed,
    "actions-exports": actions_exports,
    "world-speed": plain("world_speed"),
    "portraits-speed": plain("portraits_speed"),
    "media-speed": media_speed,
    "media-fuzz": media_fuzz,
    "resume": resume,
    **{name: sounds(name) for name in sounds_tables.TABLES},
    **{name: blocks(name) for name in blocks_tables.TABLES},
    **{name: questions(name) for name in questions_tables.TABLES},
    **{name: events(name) for name in events_tables.TABLES},
    **{name: attacks(name) for name in attacks_tables.TABLES},
    **{name: pse(name) for name in pse_tables.TABLES},
    **{name: expressions(name) for name in expressions_tables.TABLES},
    **{name: robustness(name) for name in robustness_tables.TABLES},
    **{name: robustness(name) for name in robustness_int8_tables.TABLES},
    **{name.replace("_", "-"): sounds_cost(name) for name in sounds_tables.FIGURES_OF},
}


def filled(text: str) -> str:
    """A page with its tables made anew."""
    return MARKED.sub(lambda m: f"{m[1]}{TABLES[m[2]]()}{m[3]}", text)


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = []
    for page in PAGES:
        text = page.read_text()
        new = filled(text)
        if new != text:
            stale.append(page.relative_to(ROOT))
            if not check:
                page.write_text(new)
    for page in stale:
        print(f"{page}: {'does not agree with the results; run make docs' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
