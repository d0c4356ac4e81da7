"""A progress bar on stderr that appears after a second, and only on a terminal."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

DELAY_SECONDS = 1.0


class Bar:
    """Shows a text, a bar, a count and the times gone and left, while its ``with`` block runs.

    Args:
        text: what is being done.
        stream: where to draw; nothing is drawn unless it is a terminal.
    """

    def __init__(self, text: str, stream: TextIO) -> None:
        self.text = text
        self.stream = stream
        self.terminal = stream.isatty()
        self.done, self.total = 0, 0
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Bar:
        if self.terminal:
            self._timer = threading.Timer(DELAY_SECONDS, self._start)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
            if self._progress is not None:
                self._progress.stop()
            self._progress = None

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        with self._lock:
            if self._timer is None:  # finished meanwhile
                return
            columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
            counting = [BarColumn(), MofNCompleteColumn()] if self.total else []
            times = [TimeElapsedColumn(), *([TimeRemainingColumn()] if self.total else [])]
            self._progress = Progress(
                *columns, *counting, *times, console=Console(file=self.stream), transient=True
            )
            self._task = self._progress.add_task(
                self.text, total=self.total or None, completed=self.done
            )
            self._progress.start()

    def update(self, done: int, total: int, text: str | None = None) -> None:
        """So much is done, of so much."""
        with self._lock:
            self.done, self.total, self.text = done, total, text or self.text
            if self._progress is not None and self._task is not None:
                self._progress.update(
                    self._task, completed=done, total=total or None, description=self.text
                )

    def print(self, text: str) -> bool:
        """A line above the bar; whether there was one to print above."""
        with self._lock:
            if self._progress is None:
                return False
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
            return True
