"""The steps of a program in words: what each one did and what it gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensorium.questions.executor import TraceStep
    from sensorium.worlds.blocks.scenes import Item


def named(item: Item) -> str:
    """``large red metal cube``."""
    return f"{item.size} {item.color} {item.material} {item.shape}"


def counted(number: int) -> str:
    """``nothing``, ``1 thing``, ``2 things``."""
    return "nothing" if number == 0 else "1 thing" if number == 1 else f"{number} things"


def outcome(step: TraceStep, items: Sequence[Item]) -> str:
    """What a step gave: ``2 things: large red metal cube, small …``, ``yes``, or its error.

    The first step lists the whole scene; where a second branch starts with it, it is only counted.
    """
    if step.error:
        return f"failed: {reason(step)}"
    if step.value is not None:
        return step.value
    chosen = step.items or ()
    if step.step.function == "scene" and step.number:
        return counted(len(chosen))
    listed = ", ".join(named(items[i]) for i in chosen)
    if step.step.function == "unique":
        return listed
    return f"{counted(len(chosen))}{': ' if listed else ''}{listed}"


def reason(step: TraceStep) -> str:
    """Why a step failed, without its name: ``found no object, expected one``."""
    return step.error.removeprefix(f"step {step.number} ({step.step.token}): ")


def unsettled(trace: Sequence[TraceStep]) -> list[tuple[int, int]]:
    """Steps that were to pick the only thing and had several: number and how many."""
    out = []
    for number, step in enumerate(trace):
        if step.step.function == "unique" and step.step.inputs and not step.error:
            several = len(trace[step.step.inputs[0]].items or ())
            if several > 1:
                out.append((number, several))
    return out


def plain_steps(trace: Sequence[TraceStep], items: Sequence[Item]) -> list[dict[str, Any]]:
    """The trace in JSON types; steps and objects are numbered from 0, as in CLEVR's files."""
    return [
        {
            "step": number,
            "function": step.step.function,
            "value": step.step.value or None,
            "inputs": list(step.step.inputs),
            "objects": None if step.items is None else list(step.items),
            "result": step.value,
            "error": step.error or None,
            "text": outcome(step, items),
        }
        for number, step in enumerate(trace)
    ]


def plain_objects(items: Sequence[Item], scores: Sequence[float]) -> list[dict[str, Any]]:
    """Objects in JSON types, as NS-VQA's files list them, with their scores."""
    return [
        {
            "number": number,
            "size": item.size,
            "color": item.color,
            "material": item.material,
            "shape": item.shape,
            "position": [round(v, 3) for v in item.position],
            "score": round(score, 4),
        }
        for number, (item, score) in enumerate(zip(items, scores, strict=True))
    ]
