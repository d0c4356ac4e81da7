"""Tables of the quality of answers, for `write_docs.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from questions_scoring import over_seeds

Row = dict[str, Any]
Results = dict[str, Any]
Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]

KINDS = {
    "accuracy": "all",
    "accuracy/count": "count",
    "accuracy/exist": "exist",
    "accuracy/compare_integer": "compare number",
    "accuracy/compare_attribute": "compare attribute",
    "accuracy/query": "query",
}
_WAYS = (
    "pixels",
    "pixels, true programs",
    "true scenes",
    "true scenes, true programs",
    "pixels, few programs",
)
_NOT_RUN = "\nNot measured yet.\n"
_NETWORKS = ("film", "cnn-lstm", "lstm, blind", "commonest answer")


def percent(row: Row, name: str, digits: int = 1) -> str:
    """A share of 1 with its spread over the seeds, where there are several."""
    if name not in row:
        return ""
    spread = row.get(f"{name}_spread")
    more = "" if spread is None else f" ± {100 * spread:.{digits}f}"
    return f"{100 * row[name]:.{digits}f}{more}"


def main(table: Table, results: Results) -> str:
    """Answers by type of question."""
    rows = results["tables"].get("answers", {})
    names = [*(f"nsvqa: {way}" for way in _WAYS), *_NETWORKS]
    lines = [
        (
            name,
            *(percent(rows[name], kind, 2) for kind in KINDS),
            percent(rows[name], "program_match"),
            percent(rows[name], "no_answer", 2),
            percent(rows[name], "accuracy_with_guess", 2),
        )
        for name in names
        if name in rows
    ]
    head = ("%", *KINDS.values(), "program to the letter", "no answer", "with a guess")
    count = f"{results['scenes']:,} held-out scenes, ten questions each.\n\n"
    return f"\n{count}" + table(head, lines)


def budgets(table: Table, results: Results) -> str:
    """What every network was given."""
    lines: list[tuple[object, ...]] = []
    for part, about in results["weights"].items():
        steps = f"{about.get('steps', 0):,}"
        lines.append((part, f"{about['parameters']:,}", steps, about.get("trained_on", "")))
    for name, about in results["networks"].items():
        given = f"{about['pictures']:,} pictures"
        if "questions" in about:
            height, width = about["size"]
            given += f" at {width} x {height}, {about['questions']:,} questions with answers"
        steps = " + ".join(f"{n:,}" for n in about["steps"]) + f" of {about['batch']}"
        lines.append((name, f"{about['parameters']:,}", steps, given))
    return table(("", "parameters", "steps", "trained on"), lines)


def scenes(table: Table, results: Results) -> str:
    """How pictures are parsed."""
    if "scenes" not in results["tables"]:
        return _NOT_RUN
    row = results["tables"]["scenes"]["nsvqa"]
    names = {
        "recall": "blocks found",
        "precision": "found that are there",
        "right/size": "size",
        "right/color": "color",
        "right/material": "material",
        "right/shape": "shape",
        "right/all": "all four",
        "right/relation": "left or right, front or behind of two",
        "scene_exact": "whole scenes right",
        "mask_iou": "IoU of masks",
    }
    lines = [(label, percent(row, name, 2)) for name, label in names.items() if name in row]
    blame = results["tables"]["mistakes"]["nsvqa"]
    text = table((f"%, {row['blocks']:,.0f} blocks in {row['scenes']:,.0f} scenes", ""), lines)
    causes = f"{blame['scene']} of the scene, {blame['program']} of the program"
    more = f", {blame['either'] + blame['both']} of either or both" if blame["wrong"] else ""
    error = f"{row['position_error']:.3f}" if "position_error" in row else "-"
    return (
        f"{text}\nPositions are {error} off on each axis of the ground (a large block is 1.4 "
        f"wide). Wrong answers: {blame['wrong']}; the fault {causes}{more}.\n"
    )


def curve(table: Table, results: Results) -> str:
    """Answers on true scenes by the number of annotated programs (`questions_curve.py`)."""
    if "curve" not in results:
        return _NOT_RUN
    found = results["curve"]
    lines = []
    for count, tried in dict.fromkeys(map(_given, found["points"])):
        points = [p for p in found["points"] if _given(p) == (count, tried)]
        before, after = (
            over_seeds({str(p["seed"]): p[k] for p in points if k in p})
            for k in ("before", "after")
        )
        published = found["paper"].get(str(count))
        lines.append(
            (
                f"{count:,}",
                percent(before, "accuracy"),
                percent(before, "program_match"),
                "" if tried is None else f"{tried:,}",
                *(percent(after, kind) for kind in KINDS),
                percent(after, "program_match"),
                "" if published is None else f"{100 * published:g}",
            )
        )
    head = ("programs", "taught: answers", "to the letter", "steps of REINFORCE")
    head = (*head, *(f"after: {k}" for k in KINDS.values()), "to the letter", "paper")
    given = found["budget"]
    about = (
        f"{given['questions']:,} training questions, {given['tested']:,} held out; "
        f"{given['programs']:,} supervised steps, then REINFORCE on all answers. With all programs "
        "it is the parser of the recipe `nsvqa-questions`. The paper had 700,000 questions.\n\n"
    )
    return f"\n{about}" + table(head, lines)


def _given(point: Row) -> tuple[int, int | None]:
    """What a point of the curve was given: programs, and steps of REINFORCE."""
    return point["programs"], point.get("reinforce_steps")


def cogent(table: Table, results: Results) -> str:
    """Scene parsers trained on condition A, then on a little of B."""
    if "cogent a" not in results["tables"]:
        return _NOT_RUN
    on_a, on_b = (results["tables"][f"cogent {c}"] for c in ("a", "b"))
    lines = [
        (
            name,
            *(
                percent(where[name], figure)
                for where in (on_a, on_b)
                for figure in ("accuracy", "right/shape", "right/color", "scene_exact")
            ),
        )
        for name in on_a
    ]
    names = ("answers", "shape", "color", "scenes right")
    head = ("trained on, %", *(f"{c}: {n}" for c in ("A", "B") for n in names))
    count = f"{results['cogent_scenes']} held-out scenes of each condition, true programs.\n\n"
    return f"\n{count}" + table(head, lines)


TABLES: dict[str, Callable[[Table, Results], str]] = {
    "questions-main": main,
    "questions-budgets": budgets,
    "questions-scenes": scenes,
    "questions-curve": curve,
    "questions-cogent": cogent,
}
