"""Options that several commands share, and how their help texts read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol

import tyro

if TYPE_CHECKING:
    from sensorium.cli.console import Console

Files = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE…", help_behavior_hint="")
]
Count = Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")]
Name = Annotated[str, tyro.conf.arg(metavar="NAME")]
Folder = Annotated[str, tyro.conf.arg(metavar="DIR")]
OptionalFolder = Annotated[str | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")]
OptionalFile = Annotated[str | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")]
OptionalName = Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]
Device = Annotated[str, tyro.conf.arg(metavar="auto|cpu|cuda|mps")]


class UsageError(Exception):
    """The command line is not understood: one line, exit code 2."""


@dataclass(frozen=True)
class Speech:
    """How a command speaks."""

    json: bool = False
    """Print one JSON object per line on stdout, and everything else on stderr."""

    debug: bool = False
    """Show tracebacks."""


SPEECH = Speech()
Speaking = Annotated[Speech, tyro.conf.arg(name="")]


class Command(Protocol):
    """What every command has: options, examples for its help, and `run`."""

    EXAMPLES: ClassVar[tuple[str, ...]]

    @property
    def speech(self) -> Speech:
        """How it speaks."""

    def run(self, console: Console) -> int:
        """Does the job; returns the exit code."""


def need_files(files: tuple[str, ...], command: str) -> None:
    """Refuses an empty list of files.

    Raises:
        UsageError: when there are none.
    """
    if not files:
        raise UsageError(
            f"{command}: got no file, expected at least one: sensorium {command} FILE…"
        )
