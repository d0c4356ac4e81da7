"""Questions as CLEVR's JSON: read and written, in all the forms that are around.

CLEVR: arXiv:1612.06890. The released files and those of the published script differ. A step's name
is ``function`` in the first and ``type`` in the second, answers are strings in the first and truths
and numbers in the second, and the family's number counts over all templates in the first and inside
``template_filename`` in the second. A program is a chain (a list of steps that name their inputs by
number) or a tree (each step holds its inputs; the form of the networks that predict programs). Both
of each are read without being told; the test split has neither programs nor answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from sensorium.suggest import did_you_mean
from sensorium.worlds.blocks.families import FIRST_OF_FILE
from sensorium.worlds.blocks.programs import Program, ProgramError, Step
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.vocabulary import ANSWERS, FUNCTIONS

Dialect = Literal["released", "script"]
Form = Literal["chain", "tree"]


def write_questions(
    path: Path | str,
    questions: Iterable[Question],
    *,
    split: str = "",
    dialect: Dialect = "released",
    form: Form = "chain",
) -> None:
    """Writes a file in CLEVR's form, question by question, whole or not at all.

    Args:
        path: of the file.
        questions: what to write, in this order.
        split: of the whole file; by default that of the first question.
        dialect: as the released files, or as the published script writes them.
        form: of the programs.
    """
    path = Path(path)
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.write('{"questions": [')
            for number, question in enumerate(questions):
                split = split or question.split
                entry = _written(number, question, split, dialect, form)
                file.write((", " if number else "") + json.dumps(entry))
            file.write(f'], "info": {json.dumps(_info(split))}}}\n')
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _info(split: str) -> dict[str, str]:
    """What CLEVR's files say about themselves."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "version": "1.0",
        "split": split,
        "license": "Creative Commons Attribution (CC BY 4.0)",
    }


def _written(
    number: int, question: Question, split: str, dialect: Dialect, form: Form
) -> dict[str, Any]:
    """A question as an object."""
    entry: dict[str, Any] = {
        "split": question.split or split,
        "image_filename": question.filename,
        "image_index": question.image,
        "image": Path(question.filename).stem,
        "question_index": number,
        "question": question.text,
    }
    if question.family >= 0:
        first = FIRST_OF_FILE.get(question.template, 0) if dialect == "script" else 0
        entry["question_family_index"] = question.family - first
    if question.template and (dialect == "script" or question.template not in FIRST_OF_FILE):
        entry["template_filename"] = question.template
    if question.program:
        write = _chain if form == "chain" else _tree
        entry["program"] = write(question.program, "function" if dialect == "released" else "type")
    if question.answer:
        entry["answer"] = _plain(question.answer) if dialect == "script" else question.answer
    return entry


def _plain(answer: str) -> bool | int | str:
    """``yes`` and ``no`` as truths, numbers as numbers."""
    if answer in ("yes", "no"):
        return answer == "yes"
    return int(answer) if answer.isdigit() else answer


def _chain(program: Program, name: str) -> list[dict[str, Any]]:
    """A list of steps that name their inputs by number."""
    return [_step(step, name, list(step.inputs)) for step in program]


def _tree(program: Program, name: str) -> dict[str, Any]:
    """The last step, holding its inputs, which hold theirs."""
    built: list[dict[str, Any]] = []
    for step in program:
        built.append(_step(step, name, [built[i] for i in step.inputs]))
    return built[-1]


def _step(step: Step, name: str, inputs: list[Any]) -> dict[str, Any]:
    """A step as an object."""
    return {
        "inputs": inputs,
        name: step.function,
        "value_inputs": [step.value] if step.value else [],
    }


def read_questions(path: Path | str) -> list[Question]:
    """The questions of a file in any of CLEVR's forms.

    Raises:
        ValueError: when it is no such file, or a question in it is malformed, in one line that
            names the question.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: is not JSON ({error}); expected CLEVR's questions") from error
    entries = content.get("questions") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ValueError(f"{path}: has no list 'questions'; expected CLEVR's questions JSON")
    return [_read(entry, f"{path}: question {number}") for number, entry in enumerate(entries)]


def _read(entry: Any, where: str) -> Question:
    """An object as a question."""
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: expected an object, got {entry!r:.60}")
    text = _field(entry, "question", str, where)
    template = _field(entry, "template_filename", str, where, "")
    family = _field(entry, "question_family_index", int, where, -1)
    program: Program = ()
    if entry.get("program"):
        try:
            program = read_program(entry["program"])
        except ProgramError as error:
            raise ValueError(f"{where}: {error}") from error
    return Question(
        text=text,
        program=program,
        answer=_answer(entry.get("answer"), where),
        family=family + FIRST_OF_FILE.get(template, 0) if family >= 0 else -1,
        image=_field(entry, "image_index", int, where),
        template=template,
        filename=_field(entry, "image_filename", str, where, ""),
        split=_field(entry, "split", str, where, ""),
    )


def _field(entry: dict[str, Any], name: str, kind: type, where: str, default: Any = None) -> Any:
    """A value of the right type."""
    value = entry.get(name, default)
    if value is None:
        raise ValueError(f"{where}: has no {name!r}")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{where}: {name!r} must be a {kind.__name__}, got {value!r:.60}")
    return value


def _answer(value: Any, where: str) -> str:
    """An answer as a word; empty where there is none."""
    if value is None or value == "":
        return ""
    said = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    if said not in ANSWERS:
        raise ValueError(f"{where}: {value!r:.60} is none of CLEVR's 28 answers")
    return said


def read_program(value: Any) -> Program:
    """A program from its chain or its tree.

    The steps of a tree come out in the order in which CLEVR lists them: the branch of the first
    input before that of the second.

    Raises:
        ProgramError: when it is malformed.
    """
    if isinstance(value, dict):
        steps: list[Step] = []
        try:
            _read_tree(value, steps)
        except RecursionError as error:
            raise ProgramError("the program's tree is too deep; write it as a chain") from error
        return tuple(steps)
    if not isinstance(value, list):
        raise ProgramError(f"a program must be a list or an object, got {value!r:.60}")
    return tuple([_read_chain(number, entry) for number, entry in enumerate(value)])


def _read_chain(number: int, entry: Any) -> Step:
    """A step that names its inputs by number."""
    function, values, inputs = _parts(entry, number)
    for other in inputs:
        if type(other) is not int or not 0 <= other < number:
            raise ProgramError(
                f"step {number} ({function}) takes the output of step {other!r:.20}, which does "
                "not come before it"
            )
    return _step_of(number, function, values, tuple(inputs))


def _read_tree(entry: Any, steps: list[Step]) -> int:
    """Append a step that holds its inputs, after them; gives its number."""
    function, values, inputs = _parts(entry, len(steps))
    numbers = tuple([_read_tree(other, steps) for other in inputs])
    steps.append(_step_of(len(steps), function, values, numbers))
    return len(steps) - 1


def _parts(entry: Any, number: int) -> tuple[str, tuple[str, ...], list[Any]]:
    """A step's function, its values and its inputs, as they are written."""
    if not isinstance(entry, dict):
        raise ProgramError(f"step {number} must be an object, got {entry!r:.60}")
    function = entry.get("function", entry.get("type"))
    if not isinstance(function, str):
        raise ProgramError(f"step {number} has neither 'function' nor 'type'")
    values = entry.get("value_inputs", entry.get("side_inputs", []))
    inputs = entry.get("inputs", [])
    if not isinstance(values, list) or not isinstance(inputs, list):
        raise ProgramError(f"step {number} ({function}): 'inputs' and 'value_inputs' must be lists")
    if not all(isinstance(value, str) for value in values):
        raise ProgramError(f"step {number} ({function}): values must be words, got {values!r:.60}")
    return function, tuple(values), inputs


@lru_cache(maxsize=1 << 17)
def _step_of(number: int, function: str, values: tuple[str, ...], inputs: tuple[int, ...]) -> Step:
    """A step, checked; steps that are alike are one object, as a large file has millions."""
    if function not in FUNCTIONS:
        guess = did_you_mean(function, FUNCTIONS)
        raise ProgramError(f"step {number}: no function {function!r:.60}{guess}")
    wanted = FUNCTIONS[function]
    if len(inputs) != len(wanted.takes):
        raise ProgramError(
            f"step {number} ({function}) takes {len(wanted.takes)} inputs, got {len(inputs)}"
        )
    if len(values) != bool(wanted.values) or (values and values[0] not in wanted.values):
        expected = f"one of {', '.join(wanted.values)}" if wanted.values else "no value"
        raise ProgramError(f"step {number} ({function}) takes {expected}, got {list(values)!r:.60}")
    return Step(function, values[0] if values else "", inputs)
