"""Where a command speaks: its results on stdout, everything else on stderr.

With ``--json`` stdout carries one JSON object per line and nothing else, for a pipe to read.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from sensorium.cli.progress import Bar

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import RenderableType

EXPECTED = (ValueError, OSError, ImportError)
"""What the package raises for users; anything else is a bug of ours."""


def explain(error: BaseException, *, debug: bool = False) -> str:
    """What went wrong, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror.lower() + (f": {error.filename}" if error.filename else "")
    if isinstance(error, EXPECTED):
        return text or type(error).__name__
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory; use --device cpu, or smaller and fewer things at once"
    hint = "" if debug else "; this is a bug: run again with --debug to see where, and report it"
    return f"{type(error).__name__}: {text}{hint}"


class Console:
    """Prints results and errors.

    Args:
        json: print JSON lines instead of tables.
        debug: print a traceback with every error.
    """

    def __init__(self, *, json: bool = False, debug: bool = False) -> None:
        self.json = json
        self.debug = debug
        self.stdout: TextIO = sys.stdout
        self.stderr: TextIO = sys.stderr
        self._bar: Bar | None = None
        self._place = ""
        self._rich: RichConsole | None = None
        for stream in (self.stdout, self.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:  # file names may hold bytes that are no text
                reconfigure(errors="backslashreplace")

    @property
    def rich(self) -> RichConsole:
        """The rich console on stdout, made when first used."""
        if self._rich is None:
            from rich.console import Console as RichConsole

            self._rich = RichConsole(file=self.stdout, highlight=False)
        return self._rich

    def record(self, data: dict[str, Any]) -> None:
        """One input's answer as a JSON line; without ``--json`` nothing."""
        if self.json:
            self.stdout.write(json.dumps(data, allow_nan=False) + "\n")
            self.stdout.flush()

    def show(self, *things: RenderableType) -> None:
        """For people, on stdout; with ``--json`` nothing."""
        if not self.json:
            self.rich.print(
                *things, markup=False, soft_wrap=all(isinstance(t, str) for t in things)
            )

    def note(self, text: str) -> None:
        """A line on stderr."""
        if self._bar is None or not self._bar.print(text):
            print(text, file=sys.stderr, flush=True)  # not self.stderr: a bar may stand before it

    def error(self, error: BaseException, file: str | None = None) -> None:
        """One line on stderr (after the traceback under ``--debug``), and the file's record."""
        if self.debug:
            self.note("".join(traceback.format_exception(error)).rstrip())
        text = explain(error, debug=self.debug)
        named = text if file is None or file in text else f"{file}: {text}"
        self.note(f"error: {named}")
        if file is not None:
            self.record({"file": file, "error": named})

    @contextmanager
    def working(self, text: str) -> Iterator[Bar]:
        """Shows a progress bar while the block runs, if it runs for more than a second."""
        with Bar(f"{text}{self._place}", self.stderr) as bar:
            self._bar = bar
            try:
                yield bar
            finally:
                self._bar = None

    def each(self, files: Sequence[str], work: Callable[[str], None]) -> int:
        """Do ``work`` on each file, whatever happens to the others; returns the exit code.

        The code is 0 when all worked and 1 when some failed; of several the last line counts them.
        """
        failures = 0
        for number, file in enumerate(files, 1):
            self._place = f"  ({number} of {len(files)})" if len(files) > 1 else ""
            try:
                work(file)
            except BrokenPipeError:
                raise
            except Exception as error:
                failures += 1
                self.error(error, file)
        if failures and len(files) > 1:
            self.note(f"{failures} of {len(files)} failed")
        return 1 if failures else 0
