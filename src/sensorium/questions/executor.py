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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class _Value:
    """An output: its kind, and the items (set, object) or the word (all others)."""

    kind: Kind
    items: tuple[int, ...] = ()
    word: str = ""


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


class _Run:
    """The state of one execution."""

    def __init__(self, items: Sequence[Item], strict: bool) -> None:
        self.scene = items
        self.strict = strict
        self.values: list[_Value] = []
        self.trace: list[TraceStep] = []
        self.error = ""

    def take(self, step: Step, wrong: str) -> bool:
        """Carry out one step, unless something is ``wrong`` with it; whether it went well."""
        number = len(self.values)
        value = None
        try:
            if not wrong:
                value = self._value(step, [self.values[k] for k in step.inputs])
        except _StepError as failure:
            wrong = str(failure)
        if value is None:
            self.error = f"{_named(number, step)}: {wrong}"
            self.trace.append(TraceStep(step, number, None, None, self.error))
            return False
        self.values.append(value)
        if value.kind in ("set", "object"):
            self.trace.append(TraceStep(step, number, value.items, None))
        else:
            self.trace.append(TraceStep(step, number, None, value.word))
        return True

    def result(self) -> Execution:
        """The answer is the last value, when it is a word or a number."""
        error, answer = self.error, None
        if not error and not self.values:
            error = "the program is empty"
        if not error:
            error = _no_answer(len(self.values) - 1, self.trace[-1].step)
        if not error:
            answer = self.values[-1].word
        return Execution(answer, error, tuple(self.trace))

    def _value(self, step: Step, inputs: list[_Value]) -> _Value:
        """The meaning of each function (A6.4 of the published code, in our words)."""
        name, _, last = step.function.partition("_")
        gives = FUNCTIONS[step.function].gives
        match name:
            case "scene":
                return _Value("set", tuple(range(len(self.scene))))
            case "filter":
                kept = (i for i in inputs[0].items if self._of(i, last) == step.value)
                return _Value("set", tuple(kept))
            case "unique":
                return self._unique(inputs[0].items)
            case "relate":
                return _Value("set", self._related(inputs[0].items[0], step.value))
            case "same":
                anchor = inputs[0].items[0]
                word = self._of(anchor, last)
                alike = (
                    i for i in range(len(self.scene)) if i != anchor and self._of(i, last) == word
                )
                return _Value("set", tuple(alike))
            case "union":
                first, second = inputs[1].items, inputs[0].items
                return _Value("set", first + tuple(i for i in second if i not in first))
            case "intersect":
                both = (i for i in inputs[0].items if i in inputs[1].items)
                return _Value("set", tuple(both))
            case "count":
                return _Value("integer", word=str(len(inputs[0].items)))
            case "exist":
                return _Value("boolean", word=_yes(bool(inputs[0].items)))
            case "query":
                return _Value(gives, word=self._of(inputs[0].items[0], last))
        a, b = inputs[0].word, inputs[1].word
        match step.function:
            case "greater_than":
                return _Value("boolean", word=_yes(int(a) > int(b)))
            case "less_than":
                return _Value("boolean", word=_yes(int(a) < int(b)))
        return _Value("boolean", word=_yes(a == b))  # equal_*

    def _of(self, item: int, attribute: str) -> str:
        return str(getattr(self.scene[item], attribute))

    def _unique(self, items: tuple[int, ...]) -> _Value:
        if not items:
            raise _StepError("found no object, expected one")
        if self.strict and len(items) > 1:
            raise _StepError(f"found {len(items)} objects, expected exactly one")
        return _Value("object", items[:1])

    def _related(self, anchor: int, direction: str) -> tuple[int, ...]:
        axis, sign = _SIDES[direction]
        margin = MARGIN if self.strict else 0.0
        here = self.scene[anchor].position[axis]
        return tuple(
            i for i, item in enumerate(self.scene) if sign * (item.position[axis] - here) > margin
        )


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
    takes = FUNCTIONS[step.function].takes
    if len(step.inputs) != len(takes):
        plural = "" if len(takes) == 1 else "s"
        return f"needs {len(takes)} input{plural}, got {len(step.inputs)}"
    for kind, source in zip(takes, step.inputs, strict=True):
        if not 0 <= source < number:
            return f"takes the output of step {source}, which does not come before it"
        given = FUNCTIONS[program[source].function].gives
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
