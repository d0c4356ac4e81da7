"""`main`: from the arguments to an exit code.

0: all worked. 1: some input failed. 2: wrong usage. 130: stopped by Ctrl-C. 141: stdout was closed.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any

import tyro

from sensorium.cli.animating import Animate
from sensorium.cli.asking import Ask
from sensorium.cli.attacking import Attack
from sensorium.cli.checking import Check
from sensorium.cli.console import Console, explain
from sensorium.cli.converting import Convert
from sensorium.cli.describing import Describe
from sensorium.cli.evaluating import Evaluate, read_evaluate
from sensorium.cli.explaining import Explain
from sensorium.cli.exporting import Export
from sensorium.cli.informing import Info
from sensorium.cli.listing import Models
from sensorium.cli.options import Command, UsageError
from sensorium.cli.portraying import Portray
from sensorium.cli.preparing import Prepare
from sensorium.cli.recognizing import Recognize
from sensorium.cli.separating import Separate
from sensorium.cli.training import Train, read_train
from sensorium.cli.usage import CONFIG, help_of, read_arguments
from sensorium.cli.watching import Watch
from sensorium.cli.worlds import Build, Perform
from sensorium.suggest import did_you_mean

COMMANDS: dict[str, type[Command]] = {
    "watch": Watch,
    "recognize": Recognize,
    "separate": Separate,
    "describe": Describe,
    "ask": Ask,
    "animate": Animate,
    "info": Info,
    "explain": Explain,
    "attack": Attack,
    "models": Models,
    "train": Train,
    "evaluate": Evaluate,
    "export": Export,
    "convert": Convert,
    "perform": Perform,
    "build": Build,
    "portray": Portray,
    "check": Check,
    "prepare": Prepare,
}

OWN_READERS: dict[str, Callable[[list[str]], Command]] = {
    "train": read_train,
    "evaluate": read_evaluate,
}
"""Commands whose options depend on the name that comes first."""

DESCRIPTION = """See what happens in a video; train, measure and ship the systems that do.

  sensorium watch concert.mp4   a report about a video: start here
  sensorium COMMAND --help      options and examples of a command
  sensorium --version
  sensorium --tyro-write-completion bash FILE   tab completion (or zsh, fish, tcsh)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line (default: this process's); returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        command = read_command(arguments)
        if command is None:
            return 0
        return run(command)
    except UsageError as error:
        print(f"sensorium: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # quiet at exit, too
        return 141
    except KeyboardInterrupt as stop:
        print(f"sensorium: stopped{''.join(f'; {a}' for a in stop.args)}", file=sys.stderr)
        return 130
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        print(f"error: {explain(error, debug='--debug' in arguments)}", file=sys.stderr)
        return 1


def read_command(arguments: list[str]) -> Command | None:
    """The command that the arguments ask for; ``None`` when they asked for help or the version.

    Raises:
        UsageError: when they do not fit.
    """
    first = arguments[0] if arguments else "--help"
    if first == "--version":
        from importlib.metadata import version

        print(f"sensorium {version('sensorium')}")
        return None
    try:
        if first.startswith("-"):
            return _read_top(arguments or ["--help"])
        if first not in COMMANDS:
            raise UsageError(f"no command {first!r}{did_you_mean(first, COMMANDS)}")
        if first in OWN_READERS:
            return OWN_READERS[first](arguments[1:])
        kind = COMMANDS[first]
        return read_arguments(kind, f"sensorium {first}", arguments[1:], description=help_of(kind))
    except SystemExit:  # help or completion was printed
        return None


def _read_top(arguments: list[str]) -> Command | None:
    """Help, completion, or options before the command."""
    if arguments[0] not in ("-h", "--help") and not arguments[0].startswith("--tyro-"):
        raise UsageError(f"got {arguments[0]}, expected a command first; see sensorium --help")
    tyro.extras.subcommand_cli_from_dict(
        {**COMMANDS}, prog="sensorium", description=DESCRIPTION, args=arguments, config=CONFIG
    )
    return None


def run(command: Command) -> int:
    """Runs a command; whatever else prints to stdout goes to stderr, so that records stay whole."""
    console = Console(json=command.speech.json, debug=command.speech.debug)
    with warnings.catch_warnings(), redirect_stdout(console.stderr):
        notes = _Notes(console)
        warnings.showwarning = notes.show
        logger = logging.getLogger("sensorium")
        logger.addHandler(notes)
        try:
            return command.run(console)
        finally:
            logger.removeHandler(notes)


class _Notes(logging.Handler):
    """Warnings and the package's log as one line each, the same one once."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self.console = console
        self.shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """A line of the log."""
        self.show(record.getMessage())

    def show(self, message: Warning | str, *_where: Any, **_how: Any) -> None:
        """A warning."""
        text = " ".join(str(message).split())
        if text not in self.shown:
            self.shown.add(text)
            self.console.note(f"note: {text}")
