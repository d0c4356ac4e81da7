"""Programs: what a question asks, as functions that feed each other.

A program is a tuple of `Step`s in an order in which every step comes after its inputs; the last
one gives the answer (CLEVR's published form). The same program as tokens from the output to the
inputs is what NS-VQA's parser writes (arXiv:1810.02338):
``query_color unique filter_shape[cube] scene``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sensorium.suggest import did_you_mean
from sensorium.worlds.blocks.vocabulary import FUNCTIONS


@dataclass(frozen=True)
class Step:
    """One function of a program.

    Attributes:
        function: a name of `vocabulary.FUNCTIONS`.
        value: what it is given (``red`` for ``filter_color``); empty for none.
        inputs: numbers of the steps whose outputs it takes.
    """

    function: str
    value: str = ""
    inputs: tuple[int, ...] = ()

    @property
    def token(self) -> str:
        """``filter_color[red]``, ``count``."""
        return f"{self.function}[{self.value}]" if self.value else self.function


Program = tuple[Step, ...]


class ProgramError(ValueError):
    """A program that cannot be carried out, in one line."""


TOKENS: tuple[str, ...] = tuple(
    sorted(
        Step(name, value).token
        for name, function in FUNCTIONS.items()
        for value in function.values or ("",)
    )
)
"""All 40 tokens in order of the alphabet, which is that of NS-VQA's vocabulary."""


def read_token(token: str) -> Step:
    """``filter_color[red]`` as a step without inputs.

    Raises:
        ProgramError: when there is no such function, or it does not take that value.
    """
    name, _, rest = token.partition("[")
    if rest and not rest.endswith("]"):
        raise ProgramError(f"{token!r} has no closing bracket; write {token}]")
    value = rest.removesuffix("]")
    if name not in FUNCTIONS:
        raise ProgramError(f"no function {name!r}{did_you_mean(name, FUNCTIONS)}")
    values = FUNCTIONS[name].values
    if values and value not in values:
        raise ProgramError(f"{name} takes one of {', '.join(values)}, got {value!r}")
    if not values and rest:
        raise ProgramError(f"{name} takes no value, got {value!r}")
    return Step(name, value)


def to_tokens(program: Sequence[Step]) -> list[str]:
    """From the output to the inputs, the first input's branch first (prefix order).

    A step that two others use is written out for each.

    Raises:
        ProgramError: when the program is empty, or a step uses one that does not come before it.
    """
    if not program:
        raise ProgramError("the program is empty")
    out: list[str] = []
    waiting = [len(program) - 1]
    while waiting:
        number = waiting.pop()
        step = program[number]
        out.append(step.token)
        for other in reversed(step.inputs):
            if not 0 <= other < number:
                raise ProgramError(
                    f"step {number} ({step.token}) takes the output of step {other}, which does "
                    "not come before it"
                )
            waiting.append(other)
    return out


def from_tokens(tokens: Iterable[str]) -> Program:
    """The program of prefix tokens; steps come out in the order in which they are carried out.

    Raises:
        ProgramError: for an unknown token, and when branches are missing or left over.
    """
    steps: list[Step] = []
    ready: list[int] = []  # steps whose output nobody has taken yet, the latest last
    listed = list(tokens)
    if not listed:
        raise ProgramError("the program is empty")
    for token in reversed(listed):
        step = read_token(token)
        needed = len(FUNCTIONS[step.function].takes)
        if len(ready) < needed:
            raise ProgramError(f"{token} needs {needed} inputs, got {len(ready)}")
        inputs = tuple(ready.pop() for _ in range(needed))
        steps.append(Step(step.function, step.value, inputs))
        ready.append(len(steps) - 1)
    if len(ready) != 1:
        raise ProgramError(f"the program has {len(ready)} ends, expected one")
    return tuple(steps)
