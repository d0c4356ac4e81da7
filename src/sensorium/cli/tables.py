"""Answers as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(share: float, width: int = 12) -> str:
    """A bar of ``width`` characters, filled to ``share`` (0..1) in eighths of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def clock(seconds: float) -> str:
    """``1:02.50``: minutes, seconds, hundredths (with hours where there are any)."""
    sign = "-" if seconds < 0 else ""
    hundredths = round(abs(seconds) * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest / 100:05.2f}"
    return f"{sign}{hours}:{minutes:02d}:{tail}" if hours else f"{sign}{minutes}:{tail}"


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> Table:
    """A table without frames; ``right`` holds the digits of the columns set flush right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for k, column in enumerate(columns):
        table.add_column(column, justify="right" if str(k) in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def actions_table(actions: Sequence[Mapping[str, Any]]) -> Table:
    """Start, end, label and score of each action."""
    rows = [
        [clock(a["start"]), clock(a["end"]), a["label"], f"{bar(a['score'])} {a['score']:.2f}"]
        for a in actions
    ]
    return plain_table(["start", "end", "label", "score"], rows, right="01")
