"""The executor of NS-VQA (arXiv:1810.02338, section 3.3): a program and a scene give an answer.

Plain form: one program, one scene, with the full trace; `packed` has the fast forms. There are two
readings of a program: `execute` takes a tree or graph of steps, however deep; `walk` takes raw
tokens and reads them as the published code does, with its two registers. Both share the meaning of
the functions:

- as published (``strict=False``): `unique` takes the first of several in list order, and relations
  hold however near two objects are;
- ``strict=True``: CLEVR's generator (arXiv:1612.06890): `unique` must find exactly one, and two
  objects closer than `scenes.MARGIN` along a direction do not stand in that relation.

Where ours differs: the published executor says "error" and no more, and prints a set of objects as
the answer where a program ends in one; here every failure says which step failed and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sensorium.worlds.blocks.programs import Program, ProgramError, Step, read_token
from sensorium.worlds.blocks.scenes import MARGIN, Item
from sensorium.worlds.blocks.vocabulary import FUNCTIONS, MOST, VALUES, Kind

END = "<END>"
SKIPPED = ("<NULL>", "<START>", "<UNK>")
"""Tokens without a function, over which the published executor steps."""

_SIDES: dict[str, tuple[int, int]] = {
    "left": (0, -1),
    "right": (0, 1),
    "behind": (1, -1),
    "front": (1, 1),
}
"""Which coordinate of `Item.position` a direction looks at, and its sign."""

_NAMES: dict[Kind, str] = {"set": "a set of objects", "object": "an object", "integer": "a number"}


@dataclass(frozen=True, slots=True)
class TraceStep:
    """What one step of a program gave.

    Attributes:
        step: that was carried out.
        number: of the step, in the order in which they are carried out, from 0.
        items: numbers of the selected items in list order, where it gives a set or an object.
        value: the word or number, where it gives one.
        error: why it failed, in one line; empty when it did not.
    """

    step: Step
    number: int
    items: tuple[int, ...] | None = None
    value: str | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """What a program gave on a scene.

    Attributes:
        answer: ``yes``, ``3``, ``cube``; ``None`` when there is none.
        error: why there is none, in one line that names the step; empty otherwise.
        trace: the steps that were carried out, up to the one that failed.
    """

    answer: str | None
    error: str
    trace: tuple[TraceStep, ...]


_TAKES = {name: function.takes for name, function in FUNCTIONS.items()}
_GIVES = {name: function.gives for name, function in FUNCTIONS.items()}
_FAMILIES = {name: name.partition("_")[0] for name in FUNCTIONS}
"""``filter``, ``query``, ``equal``, ``greater``: what a function's name begins with."""


def execute(program: Program, items: Sequence[Item], *, strict: bool = False) -> Execution:
    """Carry out a program on a scene.

    Args:
        program: steps in an order in which each comes after its inputs; the last one answers.
        items: the scene, in list order.
        strict: the generator's meaning of `unique` and of relations instead of the published one.

    Returns:
        The answer and the trace; for a program that is malformed, ill-typed or fails, the error.
    """
    run = _Run(items, strict)
    for number, step in enumerate(program):
        if not run.take(step, _unfit(step, program, number)):
            break
    result = run.result()
    unused = "" if result.error else _unused(program)
    return replace(result, answer=None, error=unused) if unused else result


def check(program: Program) -> None:
    """Whether a program is well formed: one end, every step after its inputs, kinds that fit.

    Raises:
        ProgramError: when it is not, in one line that names the step.
    """
    for number, step in enumerate(program):
        wrong = _unfit(step, program, number)
        if wrong:
            raise ProgramError(f"{_named(number, step)}: {wrong}")
    wrong = _no_answer(len(program) - 1, program[-1]) if program else "the program is empty"
    wrong = wrong or _unused(program)
    if wrong:
        raise ProgramError(wrong)


def walk(tokens: Sequence[str], items: Sequence[Item], *, strict: bool = False) -> Execution:
    """Carry out raw tokens, malformed ones too, as the published executor reads them.

    It reads from the first ``<END>`` (or the end of the list) to the left, steps over
    ``<NULL>``, ``<START>`` and ``<UNK>``, and keeps two values: the current one, which each
    function takes and replaces, and a saved one. ``scene`` saves the current value and starts
    anew; the second input of a function with two is the saved value, which is never cleared, so
    that a third ``scene`` is an error. On the programs of CLEVR this is the same as `execute`. It
    is more lenient where a program is no tree: what is left over is ignored, and a saved value can
    be taken twice.

    Args:
        tokens: from the output to the inputs, such as ``count filter_color[red] scene``.
        items: the scene, in list order.
        strict: as for `execute`.
    """
    run = _Run(items, strict)
    for step, wrong in _registered(tokens):
        if not run.take(step, wrong):
            break
    return run.result()


def check_tokens(tokens: Sequence[str]) -> None:
    """Whether `walk` can carry out tokens: the kinds fit, and there is an answer at the end.

    Raises:
        ProgramError: when it cannot, in one line that names the step.
    """
    number, last, wrong = -1, Step(""), "the program is empty"
    for number, (last, wrong) in enumerate(_registered(tokens)):
        if wrong:
            raise ProgramError(f"{_named(number, last)}: {wrong}")
    wrong = wrong if number < 0 else _no_answer(number, last)
    if wrong:
        raise ProgramError(wrong)


def _registered(tokens: Sequence[str]) -> Iterator[tuple[Step, str]]:
    """Tokens as steps in order of execution, each with why it does not fit; ends after one."""
    ended = list(tokens[: tokens.index(END)]) if END in tokens else list(tokens)
    steps: list[Step] = []
    saved: int | None = None
    for token in reversed(ended):
        if token in SKIPPED:
            continue
        step, number, wrong = _read(token), len(steps), ""
        if step.function != "scene":
            takes = FUNCTIONS[step.function].takes if step.function in FUNCTIONS else ()
            sources = (number - 1 if number else None, saved)
            step = replace(step, inputs=tuple(s for s in sources[: len(takes)] if s is not None))
        elif saved is None:
            saved = number - 1 if number else None
        else:
            wrong = "two branches are there already"
        wrong = wrong or _unfit(step, steps, number)
        steps.append(step)
        yield step, wrong
        if wrong:
            return


class _StepError(Exception):
    """A step that cannot be carried out on this scene."""


_Found = tuple[int, ...] | str
"""What a step gives: items (a set, an object) or a word (all others)."""


class _Run:
    """The state of one execution."""

    def __init__(self, items: Sequence[Item], strict: bool) -> None:
        self.scene = items
        self.strict = strict
        self.found: list[_Found] = []
        self.trace: list[TraceStep] = []
        self.error = ""
        self._columns: dict[str, list[str]] = {}

    def take(self, step: Step, wrong: str) -> bool:
        """Carry out one step, unless something is ``wrong`` with it; whether it went well."""
        number = len(self.found)
        if not wrong:
            try:
                found = self._carried_out(step)
            except _StepError as failure:
                wrong = str(failure)
        if wrong:
            self.error = f"{_named(number, step)}: {wrong}"
            self.trace.append(TraceStep(step, number, None, None, self.error))
            return False
        self.found.append(found)
        if isinstance(found, str):
            self.trace.append(TraceStep(step, number, None, found))
        else:
            self.trace.append(TraceStep(step, number, found))
        return True

    def result(self) -> Execution:
        """The answer is the last value, when it is a word or a number."""
        error = self.error or ("" if self.found else "the program is empty")
        error = error or _no_answer(len(self.found) - 1, self.trace[-1].step)
        last = "" if error else self.found[-1]
        return Execution(str(last) or None, error, tuple(self.trace))

    def _carried_out(self, step: Step) -> _Found:
        """The meaning of each function (A6.4 of the published code, in our words)."""
        kind = _FAMILIES[step.function]
        if kind == "scene":
            return tuple(range(len(self.scene)))
        first = self.found[step.inputs[0]]
        if len(step.inputs) == 2:
            second = self.found[step.inputs[1]]
            if isinstance(first, str) or isinstance(second, str):
                return _compared(kind, str(first), str(second))
            if kind == "intersect":
                return tuple([i for i in first if i in second])
            return second + tuple([i for i in first if i not in second])  # union
        assert not isinstance(first, str)
        match kind:
            case "filter":
                words = self._column(step.function)
                return tuple([i for i in first if words[i] == step.value])
            case "unique":
                return self._unique(first)
            case "relate":
                return self._related(first[0], step.value)
            case "same":
                words, anchor = self._column(step.function), first[0]
                word = words[anchor]
                return tuple([i for i, w in enumerate(words) if w == word and i != anchor])
            case "query":
                return self._column(step.function)[first[0]]
            case "count":
                return str(len(first))
        return _yes(bool(first))  # exist

    def _column(self, function: str) -> list[str]:
        """Of all items, the attribute in whose name a function ends."""
        if function not in self._columns:
            attribute = function.partition("_")[2]
            self._columns[function] = [str(getattr(item, attribute)) for item in self.scene]
        return self._columns[function]

    def _unique(self, items: tuple[int, ...]) -> tuple[int, ...]:
        if not items:
            raise _StepError("found no object, expected one")
        if self.strict and len(items) > 1:
            raise _StepError(f"found {len(items)} objects, expected exactly one")
        return items[:1]

    def _related(self, anchor: int, direction: str) -> tuple[int, ...]:
        axis, sign = _SIDES[direction]
        margin = MARGIN if self.strict else 0.0
        places = [item.position[axis] for item in self.scene]
        here = places[anchor]
        return tuple([i for i, x in enumerate(places) if sign * (x - here) > margin])


def _compared(kind: str, first: str, second: str) -> str:
    """``kind`` is ``equal``, ``greater`` or ``less``."""
    if kind == "equal":
        return _yes(first == second)
    return _yes(int(first) > int(second) if kind == "greater" else int(first) < int(second))


def candidates(token: str) -> tuple[str, ...]:
    """The answers that a program can give whose first token (its output) this is; none for others.

    Raises:
        ProgramError: when it is no token.
    """
    match FUNCTIONS[read_token(token).function].gives:
        case "boolean":
            return ("yes", "no")
        case "integer":
            return tuple(str(n) for n in range(MOST + 1))
        case "set" | "object":
            return ()
        case attribute:
            return VALUES[attribute]


def guess(token: str, generator: np.random.Generator) -> str | None:
    """A random answer of the right kind, for a program that failed.

    The published evaluation puts such guesses in the place of errors. They have nothing to do with
    the picture: nothing here calls this unasked, and an accuracy with guesses must say so.
    """
    options = candidates(token)
    return options[int(generator.integers(len(options)))] if options else None


@lru_cache(maxsize=256)
def _malformed(function: str, value: str) -> str:
    """Why there is no such function or value; empty when there is."""
    step = Step(function, value)
    try:
        return "" if read_token(step.token) == step else f"no function {function!r}"
    except ProgramError as error:
        return str(error)


def _read(token: str) -> Step:
    """A token as a step, without a look at whether there is such a function."""
    name, _, rest = token.partition("[")
    step = Step(name, rest.removesuffix("]"))
    return step if step.token == token else Step(token)


def _unfit(step: Step, program: Sequence[Step], number: int) -> str:
    """Why a step cannot follow those before it; empty when it can."""
    wrong = _malformed(step.function, step.value)
    if wrong:
        return wrong
    takes = _TAKES[step.function]
    if len(step.inputs) != len(takes):
        plural = "" if len(takes) == 1 else "s"
        return f"needs {len(takes)} input{plural}, got {len(step.inputs)}"
    for kind, source in zip(takes, step.inputs, strict=True):
        if not 0 <= source < number:
            return f"takes the output of step {source}, which does not come before it"
        given = _GIVES[program[source].function]
        if given != kind:
            said = _named(source, program[source])
            return f"takes {_kind_name(kind)}, got {_kind_name(given)} from {said}"
    return ""


def _unused(program: Program) -> str:
    """That a step's output is taken by none; empty when all are but the last."""
    used = {number for step in program for number in step.inputs}
    loose = next((k for k in range(len(program) - 1) if k not in used), None)
    if loose is None:
        return ""
    return f"{_named(loose, program[loose])}: no step takes its output; a program has one end"


def _no_answer(number: int, last: Step) -> str:
    """That the last step gives a set or an object; empty when it gives an answer."""
    kind = FUNCTIONS[last.function].gives
    if kind not in ("set", "object"):
        return ""
    return f"{_named(number, last)}: the program ends in {_kind_name(kind)}, expected an answer"


def _named(number: int, step: Step) -> str:
    return f"step {number} ({step.token})"


def _kind_name(kind: Kind) -> str:
    return _NAMES.get(kind, "yes or no" if kind == "boolean" else f"a {kind}")


def _yes(truth: bool) -> str:
    return "yes" if truth else "no"
