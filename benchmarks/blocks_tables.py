"""Tables of the blocks world and of the executor of questions, for `write_docs.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Results = dict[str, Any]
Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]


def speed(table: Table, results: Results) -> str:
    """Pictures a second by their size, and where the time of one goes."""
    lines = [
        (
            f"{row['width']} x {row['height']}",
            f"{row['pictures_per_second']:.1f}",
            f"{row['scenes_placed_per_second']:,}",
        )
        for row in results["rates"]
    ]
    text = table(("one core", "pictures a second", "scenes placed a second"), lines)
    profile = results["profile"]
    parts = [
        (name, f"{ms:.2f}", f"{100 * profile['share'][name]:.0f}")
        for name, ms in profile["ms"].items()
    ]
    title = f"\nOf the {profile['ms_per_picture']:.1f} ms of a picture of 480 x 320:\n\n"
    return text + title + table(("", "ms", "%"), parts)


def asking(table: Table, results: Results) -> str:
    """The question engine beside the published one."""
    ours, published = results["ours"], results["published"]
    least, most = ours["questions_per_family"]
    lines: list[tuple[object, ...]] = [
        (
            "questions a second, one core",
            f"{ours['questions_per_second']:,}",
            published["questions_per_second"],
        ),
        ("families that occur", ours["families"], ""),
        ("questions per family, least to most", f"{least} to {most}", ""),
        (
            f"answers that the executor contradicts, of {ours['questions']:,}",
            ours["wrong_by_the_executor"],
            "",
        ),
    ]
    lines += [
        (f"{kind.replace('_', ' ')}, % of the questions", share, published.get(kind, ""))
        for kind, share in ours["percent_by_type"].items()
    ]
    text = table((f"{results['scenes']:,} scenes", "ours", "published"), lines)
    answers = [
        (kind.replace("_", " "), ", ".join(f"{a} {n}" for a, n in counts.items()))
        for kind, counts in ours["answers_by_type"].items()
    ]
    return text + "\nAnswers:\n\n" + table(("type", "how often each"), answers)


def executing(table: Table, results: Results) -> str:
    """The executor's forms: whether they agree, and how fast they are."""
    agreement, speeds = results["agreement"], results["speed"]
    differ = sum(agreement["answers_that_differ"].values())
    lines = [
        (
            count,
            f"{row['compiled_run']:,}",
            f"{row['compiled_run_times_published']:g}",
            f"{row['everything']:,}",
            f"{row['in_step']:,}",
        )
        for count, row in speeds["at"].items()
    ]
    head = ("questions", "compiled", "times the published", "with reading and packing", "in step")
    about = (
        f"{agreement['programs']:,} programs of {agreement['families']} families and "
        f"{agreement['corrupted_programs']:,} corrupted ones, every form, as published and strict: "
        f"{differ} answers differ. Questions a second of processor time, one thread; the plain "
        f"form with its trace makes {speeds['plain, with trace']:,}, the published executor "
        f"{results['published_executor']:,}.\n\n"
    )
    return f"\n{about}" + table(head, lines)


TABLES: dict[str, tuple[str, Callable[[Table, Results], str]]] = {
    "blocks-speed": ("blocks_speed", speed),
    "blocks-questions": ("blocks_questions", asking),
    "questions-executor": ("questions_executor", executing),
}
"""The results and the table, by the table's name."""
