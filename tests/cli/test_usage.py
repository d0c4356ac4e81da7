from dataclasses import dataclass
from typing import Annotated

import pytest
import tyro

from sensorium.cli.options import UsageError
from sensorium.cli.usage import read_arguments, summarise


@dataclass(frozen=True)
class Example:
    """An example."""

    name: Annotated[str, tyro.conf.Positional]
    count: int | None = None
    kind: Annotated[str, tyro.conf.arg(name="as")] = "a"
    fast: bool = False


def read(*arguments: str) -> Example:
    return read_arguments(Example, "program example", arguments, description="what it does")


def test_fields_are_filled_from_the_arguments():
    assert read("x", "--count", "3", "--as", "b", "--fast") == Example("x", 3, "b", fast=True)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["missing: STR", "program example --help"]),
        (["x", "--cont", "3"], ["--cont", "did you mean --count?"]),
        (["x", "--count", "many"], ["--count", "expected INT", "many"]),
        (["x", "--count"], ["--count", "missing value"]),
        (["x", "y"], ["unrecognized options: y"]),
    ],
)
def test_wrong_usage_is_one_line(arguments, parts):
    with pytest.raises(UsageError) as caught:
        read(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    assert not set(message) & set("│╭╰─")
    for part in parts:
        assert part in message


def test_help_is_printed_to_stdout_and_exits_with_zero(capsys):
    with pytest.raises(SystemExit) as caught:
        read("--help")
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "what it does" in text
    assert "--count" in text


FRAMED = """\
╭─ Unrecognized options ──────────────────╮
│ Unrecognized options: --cont, 3         │
│ ─────────────────────────────────────── │
│ Perhaps you meant:                      │
│     --count INT                         │
│         help of --kind                  │
│ ─────────────────────────────────────── │
│ For full helptext, run program --help   │
╰─────────────────────────────────────────╯
"""
PLAIN = """\
 Unrecognized options
 -----------------------------------------
  Unrecognized options: --cont, 3
  -----------------------------------------
  Perhaps you meant:
      --count INT
          help of --kind
  -----------------------------------------
  For full helptext, run program --help

"""


@pytest.mark.parametrize("message", [FRAMED, PLAIN])
def test_both_of_tyros_layouts_are_read(message):
    assert summarise(message) == "unrecognized options: --cont, 3; did you mean --count?"


def test_a_message_of_another_form_is_still_a_line():
    assert summarise("") == "wrong usage"
    assert "\n" not in summarise("a\nb\nc\nd\n")
