"""Reads the command line with tyro; what it does not understand becomes one line."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from contextlib import redirect_stderr
from typing import Any, TypeVar

import tyro

from sensorium.cli.options import Command, UsageError

Read = TypeVar("Read")
_UNION = re.compile(r"no type matching \{None\}\|(\S+) could be instantiated from (.*)")
_RULE = re.compile(r"^ *[─-]{4,} *$", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}([^\s,]+)", re.MULTILINE)  # an argument; its help text stands deeper
CONFIG = (tyro.conf.FlagCreatePairsOff,)


def help_of(kind: type[Command]) -> str:
    """A command's help: what it does, and examples."""
    examples = "\n".join(f"  {example}" for example in kind.EXAMPLES)
    return f"{kind.__doc__}\n\nFor example:\n{examples}"


def read_arguments(
    kind: type[Read], prog: str, arguments: Sequence[str], *, description: str, default: Any = None
) -> Read:
    """An instance of the dataclass ``kind``, filled from the arguments.

    Raises:
        UsageError: when they do not fit.
        SystemExit: with code 0, after ``--help`` was printed.
    """
    box = io.StringIO()
    given = {} if default is None else {"default": default}
    try:
        with redirect_stderr(box):
            read: Read = tyro.cli(
                kind,
                prog=prog,
                args=list(arguments),
                description=description,
                config=CONFIG,
                **given,
            )
            return read
    except SystemExit as exit:
        if exit.code in (0, None):
            raise
        raise UsageError(f"{summarise(box.getvalue())}; see {prog} --help") from None


def summarise(message: str) -> str:
    """What tyro's framed message says, in one line: the complaint, and what it suggests first.

    The frame is drawn where stdout takes UTF-8; elsewhere lines stand under the title.
    """
    framed = message.startswith("╭")
    lines = message.splitlines()[1:-1] if framed else message.splitlines()[2:]
    plain = textwrap.dedent("\n".join(line.strip("│").rstrip() for line in lines))
    complaint, *suggestions = [part.strip("\n") for part in _RULE.split(plain)]
    complaint = " ".join(complaint.split()).split(" Got errors:")[0]
    complaint = _UNION.sub(r"expected \1, got \2", complaint)
    if complaint.startswith("Unrecognized"):
        options = [word for part in suggestions for word in _ENTRY.findall(part) if "--" in word]
        complaint += f"; did you mean {options[0]}?" if options else ""
    elif complaint.startswith("Missing from"):
        complaint = f"missing: {', '.join(_ENTRY.findall(_RULE.split(plain)[0]))}"
    return complaint[:1].lower() + complaint[1:].rstrip(".") if complaint else "wrong usage"
