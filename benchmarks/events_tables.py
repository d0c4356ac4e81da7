"""Tables of the quality and the speed of stories, for `write_docs.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]
Results = dict[str, Any]
Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]
Column = tuple[str, Callable[[Row], str]]

SYSTEMS = ("wsdec, as bundled", "wsdec", "wsdec-paper")
TAKEN_AWAY = ("no cycle", "no regression", "no anchors")
CHANCE = (
    "uniform split, order known",
    "uniform split, order unknown",
    "whole video",
    "random anchors",
    "random spans",
)
TRUTH = ("full supervision", "nearest anchor", "true spans")
_NOT_RUN = "\nNot measured yet.\n"
_SHARES = ("miou", "recall1_iou0.3", "recall1_iou0.5", "cider_d", "soda", "f1")


def percent(row: Row, name: str, digits: int = 1) -> str:
    """A share of 1 as a percentage with its spread over the seeds, where there are several."""
    return number(row, name, digits, 100)


def number(row: Row, name: str, digits: int = 2, times: float = 1) -> str:
    """A figure with its spread over the seeds, where there are several."""
    if name not in row:
        return ""
    spread = row.get(f"{name}_spread")
    more = "" if spread is None else f" ± {times * spread:.{digits}f}"
    return f"{times * row[name]:.{digits}f}{more}"


def _meteor(rows: dict[str, Row]) -> str:
    """Which METEOR was measured."""
    return "meteor" if any("meteor" in row for row in rows.values()) else "meteor_exact_stem"


def _columns(names: dict[str, str], show: Callable[[Row, str], str]) -> list[Column]:
    return [(label, lambda row, name=name: show(row, name)) for name, label in names.items()]  # type: ignore[misc]


def _table(
    table: Table, rows: dict[str, Row], names: Iterable[str], columns: list[Column], needs: str
) -> str:
    """The rows that hold a figure."""
    lines = [
        (label, *(show(rows[label]) for _, show in columns))
        for label in names
        if needs in rows.get(label, {})
    ]
    return table(("", *(head for head, _ in columns)), lines) if lines else _NOT_RUN


def found(table: Table, results: Results) -> str:
    """Localisation: a sentence in, a span out."""
    rows = results["tables"]["test"]
    names = {"miou": "mIoU"}
    names |= {f"recall1_iou{t}": f"R@1 IoU {t}" for t in (0.3, 0.5, 0.7)}
    names |= {"miou_macro": "mIoU, by video", "recall1_iou0.5_macro": "R@1 IoU 0.5, by video"}
    names |= {"miou_overlapping": "mIoU, overlapping", "miou_alone": "mIoU, alone"}
    order = (*SYSTEMS, *TAKEN_AWAY, *CHANCE, *TRUTH)
    about = _about(results, "test")
    return about + _table(table, rows, order, _columns(names, percent), "miou")


def told(table: Table, results: Results) -> str:
    """Dense captioning: a video in, spans with sentences out."""
    rows = results["tables"]["test"]
    meteor = _meteor(rows)
    names = {"cider_d": "CIDEr-D", "bleu4": "BLEU-4", "rouge_l": "ROUGE-L", meteor: f"`{meteor}`"}
    names |= {"soda": "SODA", "recall": "recall", "precision": "precision", "f1": "F1"}
    columns = _columns(names, percent)
    columns.append(("predictions", lambda row: number(row, "predictions", 1)))
    columns.append(("in empty videos", lambda row: number(row, "predictions_on_empty", 1)))
    by_captions = [name for name in rows if name.endswith("told by captions only")]
    order = (*SYSTEMS, *TAKEN_AWAY, *CHANCE, *by_captions, *TRUTH)
    return _table(table, rows, order, columns, "cider_d")


def collapse(table: Table, results: Results) -> str:
    """Whether different sentences are found at different places."""
    rows = dict(results["tables"]["test"])
    some = next((row for row in rows.values() if "spread_true" in row), None)
    if some is None:
        return _NOT_RUN
    names = ("spread", "distinct", "shared")
    rows["the truth"] = {name: some[f"{name}_true"] for name in names}
    columns: list[Column] = [
        ("spread of the centres", lambda row: number(row, "spread", 3)),
        (
            f"different answers to {some['sentences_of_an_episode']:.1f} sentences",
            lambda row: number(row, "distinct", 1),
        ),
        ("mean IoU of two answers %", lambda row: percent(row, "shared")),
        ("mIoU of the labels %", lambda row: percent(row, "label_miou")),
        ("mIoU %", lambda row: percent(row, "miou")),
    ]
    order = (*SYSTEMS, *TAKEN_AWAY, "full supervision", "whole video", "random spans", "the truth")
    return _table(table, rows, order, columns, "spread")


def shares(table: Table, results: Results) -> str:
    """What of the supervised score is reached, and what of the way there from chance."""
    rows = results["tables"]["test"]
    full, chance = rows.get("full supervision", {}), rows.get("random spans", {})
    lines = []
    for label in (*SYSTEMS, *TAKEN_AWAY):
        row = rows.get(label, {})
        if "miou" not in row or "miou" not in full:
            continue
        cells = []
        for name in _SHARES:
            if name not in row or not full.get(name):
                cells.append("")
                continue
            start = chance.get(name, 0.0)
            way = full[name] - start
            gained = f" ({100 * (row[name] - start) / way:.0f})" if way > 0 else ""
            cells.append(f"{100 * row[name] / full[name]:.0f}{gained}")
        lines.append((label, *cells))
    return table(("%", *_SHARES), lines) if lines else _NOT_RUN


def sentences(table: Table, results: Results) -> str:
    """What is said of the true spans."""
    names = {"slot_kind": "instrument", "slot_colour": "colour", "slot_action": "what happens"}
    names |= {"slot_all": "all three", "exact": "the same words"}
    rows = results["tables"]["test"]
    trained = [name for name in rows if name.startswith("true spans, told by")]
    order = (*SYSTEMS, *TAKEN_AWAY, *trained, "full supervision")
    return _table(table, rows, order, _columns(names, percent), "slot_all")


def ablation(table: Table, results: Results) -> str:
    """One thing changed at a time, on validation episodes."""
    rows = results["tables"]["val"]
    names = {"miou": "mIoU", "recall1_iou0.5": "R@1 IoU 0.5", "label_miou": "mIoU of the labels"}
    names |= {"cider_d": "CIDEr-D", "soda": "SODA", "recall": "recall", "precision": "precision"}
    names |= {"f1": "F1"}
    columns = _columns(names, percent)
    columns.append(("predictions", lambda row: number(row, "predictions", 1)))
    order = ["wsdec", *(name for name in rows if name != "wsdec")]
    return _about(results, "val") + _table(table, rows, order, columns, "cider_d")


def budgets(table: Table, results: Results) -> str:
    """What every system was given."""
    lines = []
    for name, about in results["networks"].items():
        steps = ", ".join(f"{n:,} {phase}" for phase, n in about["steps"].items())
        steps += f", after {about['after']}" if about["after"] else ""
        minutes = [s["train_cpu_minutes"] for s in about["by_seed"].values() if s]
        lines.append(
            (
                name,
                f"{about['parameters']:,}",
                steps,
                f"{about['batch']} x {about['sentences'] or 'all'}",
                f"{about['episodes']:,} with{'' if about['spans'] else 'out'} spans",
                ", ".join(sorted(about["by_seed"])),
                f"{sum(minutes) / len(minutes):.1f}" if minutes else "",
            )
        )
    head = ("", "parameters", "steps", "videos x sentences", "episodes", "seeds", "CPU min")
    return table(head, lines) if lines else _NOT_RUN


def _about(results: Results, split: str) -> str:
    facts = results["episodes"].get(split)
    if not facts:
        return ""
    return (
        f"\n{facts['episodes']:,} episodes of {facts['seconds']:g} s with {facts['sentences']:,} "
        f"sentences, {100 * facts['overlapping_share']:.0f} % of whose events overlap others; "
        f"{facts['without_events']} episodes without any event. Mean width of an event: "
        f"{100 * facts['mean_width']:.1f} % of the episode.\n\n"
    )


def speed(table: Table, results: Results) -> str:
    """What a story costs."""
    rows = results["lengths"]
    lines: list[tuple[object, ...]] = [
        (
            "minutes of video in a minute of processor time",
            *(r["times_real_time_by_cpu"] for r in rows.values()),
        ),
        ("by the clock", *(r["times_real_time"] for r in rows.values())),
        ("times OpenCV's decoding of the film", *(r["times_opencv"] for r in rows.values())),
        ("peak memory, MiB", *(f"{r['peak_mib']:.0f}" for r in rows.values())),
        ("of it above loading", *(f"{r['above_loading_mib']:.0f}" for r in rows.values())),
    ]
    for part in next(iter(rows.values()))["parts_cpu_seconds"]:
        cells = (100 * r["parts_cpu_seconds"][part] / r["cpu_seconds"] for r in rows.values())
        lines.append((f"{part}, % of the time", *(f"{c:.0f}" for c in cells)))
    grown, nets = results["growth"], results["networks"]
    more = (
        f"\n{grown['video']:g} times the video takes {grown['cpu_time']:g} times the processor "
        f"time and {grown['peak_memory']:g} times the memory. The networks alone, with 15 random "
        f"starts and one round: {nets['wsdec']:g} minutes of features a minute, those of the "
        f"published sizes {nets['published sizes']:g}: {nets['ratio']:g} times as fast. Weights: "
        f"{results['system']}.\n"
    )
    return table(("", *rows), lines) + more


TABLES: dict[str, tuple[str, Callable[[Table, Results], str]]] = {
    "events-found": ("events_quality", found),
    "events-told": ("events_quality", told),
    "events-shares": ("events_quality", shares),
    "events-collapse": ("events_quality", collapse),
    "events-sentences": ("events_quality", sentences),
    "events-ablation": ("events_quality", ablation),
    "events-budgets": ("events_quality", budgets),
    "events-speed": ("events_speed", speed),
}
