"""The log of a run, one row per step: ``log.jsonl`` and the same as ``log.csv``.

A resumed run repeats the steps after its checkpoint, so the log drops their rows when the first one
comes again: no row is missing and none is there twice.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from sensorium.store.atomic import write_text
from sensorium.training.step import Step

JSONL, CSV = "log.jsonl", "log.csv"


def row(step: Step) -> dict[str, Any]:
    """One step as a flat row; validation metrics have the prefix ``val/``."""
    return {
        "step": step.number,
        "stage": step.stage,
        "lr": step.lr,
        **step.losses,
        "examples_per_second": round(step.examples_per_second, 3),
        **{f"val/{name}": value for name, value in (step.validation or {}).items()},
    }


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's log; a last line that was cut short is left out."""
    path = folder / JSONL
    rows: list[dict[str, Any]] = []
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows


class Log:
    """Consumer that writes the log of the run in ``folder``; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._columns: list[str] = []
        self._rows: IO[str] | None = None
        self._table: IO[str] | None = None

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def __call__(self, step: Step) -> None:
        """Write one row to both files and hand it to the system."""
        new = row(step)
        if self._rows is None:
            self._open([r for r in read_rows(self.folder) if r["step"] < step.number])
        if not set(new) <= set(self._columns):
            self._open(read_rows(self.folder), more=list(new))
        assert self._rows is not None
        assert self._table is not None
        self._rows.write(json.dumps(new) + "\n")
        self._rows.flush()
        self._table.write(_csv([new], self._columns))
        self._table.flush()

    def _open(self, rows: list[dict[str, Any]], more: list[str] | None = None) -> None:
        """Rewrite both files with these rows (and columns), and open them for more."""
        self._close()
        self._columns = list(dict.fromkeys([k for r in [*rows] for k in r] + (more or [])))
        jsonl, table = self.folder / JSONL, self.folder / CSV
        write_text(jsonl, "".join(json.dumps(r) + "\n" for r in rows))
        header = ",".join(self._columns) + "\r\n" if self._columns else ""
        write_text(table, header + _csv(rows, self._columns))
        self._rows = jsonl.open("a", encoding="utf-8")
        self._table = table.open("a", encoding="utf-8", newline="")

    def _close(self) -> None:
        for file in (self._rows, self._table):
            if file is not None:
                file.close()
        self._rows = self._table = None


def _csv(rows: list[dict[str, Any]], columns: list[str]) -> str:
    text = io.StringIO()
    csv.DictWriter(text, columns, restval="").writerows(rows)
    return text.getvalue()
