"""What `questions_quality.py` measures: scene parsers, NS-VQA from pixels and from truth, networks.

Every row of answers has ``accuracy``, ``accuracy/<type>``, ``no_answer`` and
``accuracy_with_guess`` (see `questions_scoring.scored`); rows with parsed programs also
``program_match``.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from questions_held_out import HeldOut
from questions_scoring import Listed, SceneTally, commonest, program_match, scored
from sensorium import images
from sensorium.questions.baselines import EndToEndSystem
from sensorium.questions.executor import execute
from sensorium.questions.parser import Parsed, QuestionParser
from sensorium.questions.scene_parser import SceneParser
from sensorium.questions.vocabulary import NULL, tokenise
from sensorium.worlds.blocks.programs import Program
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ANSWERS

Row = dict[str, Any]
Tables = dict[str, dict[str, Row]]
"""Figures by table and row."""
Seen = list[tuple[Item, ...]]
"""What is seen in each picture."""
_AT_ONCE = 32  # pictures


def seen_by(parser: SceneParser, held_out: HeldOut) -> tuple[Seen, Row]:
    """What a scene parser sees in every picture, and how that agrees with the truth."""
    seen: Seen = []
    tally, seconds = SceneTally(), 0.0
    for pictures in held_out.pictures(_AT_ONCE):
        begin = time.perf_counter()
        scenes = parser.parse(pictures)
        seconds += time.perf_counter() - begin
        for scene in scenes:
            tally.add(Listed(scene.items, scene.masks), held_out.listed(len(seen)))
            seen.append(scene.items)
    return seen, {**tally.figures(), "ms_per_picture": 1000 * seconds / len(seen)}


def answers_of(
    held_out: HeldOut, programs: Sequence[Program | None], seen: Seen
) -> list[str | None]:
    """What the programs give on what was seen; ``None`` where there is none."""
    return [
        None if program is None else execute(program, seen[question.image]).answer
        for question, program in zip(held_out.questions, programs, strict=True)
    ]


def parsed_by(parser: QuestionParser, held_out: HeldOut) -> list[Parsed]:
    """A program for every question."""
    return parser.parse([q.text for q in held_out.questions])


def nsvqa(
    scenes: SceneParser,
    parser: QuestionParser,
    held_out: HeldOut,
    few: QuestionParser | None = None,
    name: str = "nsvqa",
) -> Tables:
    """Four ways to answer: what is seen or what is true, with programs parsed or true.

    Args:
        scenes: sees.
        parser: writes programs.
        held_out: what is asked.
        few: a parser that learned from few programs, for a row beside the four.
        name: of the rows.
    """
    questions = held_out.questions
    truth: Seen = held_out.truth
    seen, figures = seen_by(scenes, held_out)
    parsed = parsed_by(parser, held_out)
    own: list[Program | None] = [p.program for p in parsed]
    annotated: list[Program | None] = [q.program for q in questions]
    match = program_match(questions, [p.tokens for p in parsed])

    def row(programs: list[Program | None], where: Seen) -> Row:
        return scored(questions, answers_of(held_out, programs, where))

    answers = {
        f"{name}: pixels": {**row(own, seen), "program_match": match},
        f"{name}: pixels, true programs": row(annotated, seen),
        f"{name}: true scenes": {**row(own, truth), "program_match": match},
        f"{name}: true scenes, true programs": row(annotated, truth),
    }
    if few is not None:
        less = parsed_by(few, held_out)
        match = program_match(questions, [p.tokens for p in less])
        answers[f"{name}: pixels, few programs"] = {
            **row([p.program for p in less], seen),
            "program_match": match,
        }
    return {
        "answers": answers,
        "scenes": {name: figures},
        "mistakes": {name: mistakes(held_out, own, seen)},
    }


def mistakes(held_out: HeldOut, programs: list[Program | None], seen: Seen) -> Row:
    """Of the wrong answers from pixels, how many have a scene, a program or both to blame.

    What is to blame is what must be made true for the answer to be right.
    """
    out = {"wrong": 0, "scene": 0, "program": 0, "either": 0, "both": 0}
    for question, program in zip(held_out.questions, programs, strict=True):
        true = held_out.truth[question.image]
        mine = seen[question.image]
        right = [
            p is not None and execute(p, where).answer == question.answer
            for p, where in ((program, mine), (program, true), (question.program, mine))
        ]
        if right[0]:
            continue
        out["wrong"] += 1
        cause = {(1, 0): "scene", (0, 1): "program", (1, 1): "either", (0, 0): "both"}
        out[cause[int(right[1]), int(right[2])]] += 1
    return out


# --- end to end -----------------------------------------------------------------------------------


@torch.no_grad()
def replies(system: EndToEndSystem, held_out: HeldOut) -> list[str]:
    """A network's answer to every question, picture by picture."""
    asked: dict[int, list[int]] = defaultdict(list)
    for number, question in enumerate(held_out.questions):
        asked[question.image].append(number)
    size = (system.config.height, system.config.width)
    out = [""] * len(held_out.questions)
    first = 0
    for pictures in held_out.pictures(_AT_ONCE):
        small = images.resize(pictures, size)
        for k, picture in enumerate(small):
            numbers = asked[first + k]
            words = [tokenise(held_out.questions[n].text) for n in numbers]
            rows = [torch.tensor(system.words.encode(w)) for w in words]
            question = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=NULL)
            best = system(picture[None], question[None])[0].argmax(-1)
            for n, answer in zip(numbers, best.tolist(), strict=True):
                out[n] = ANSWERS[answer]
        first += len(pictures)
    return out


def end_to_end(system: EndToEndSystem, held_out: HeldOut, name: str) -> Tables:
    """A network's row."""
    answers: list[str | None] = [*replies(system, held_out)]
    return {"answers": {name: scored(held_out.questions, answers)}}


def guesses(held_out: HeldOut, learned_on: Sequence[Question]) -> Tables:
    """Who knows the kind of a question and its commonest answer, and nothing else."""
    guess = commonest(learned_on)
    answers: list[str | None] = [guess(q) for q in held_out.questions]
    return {"answers": {"commonest answer": scored(held_out.questions, answers)}}


# --- CoGenT ---------------------------------------------------------------------------------------


def cogent(parser: SceneParser, held_out: HeldOut, name: str) -> Tables:
    """Scenes of one condition, and answers of true programs on what is seen there."""
    seen, figures = seen_by(parser, held_out)
    annotated: list[Program | None] = [q.program for q in held_out.questions]
    row = scored(held_out.questions, answers_of(held_out, annotated, seen))
    return {f"cogent {held_out.condition}": {name: {**figures, **row}}}
