"""How many annotated programs NS-VQA's question parser needs, before and after REINFORCE.

    python benchmarks/questions_curve.py [--counts 90 270 500 1000 0] [--answers 600] [--seeds 0]
        [--collect] [--quick]

For each number of annotations a parser is trained on them, measured, taught further by REINFORCE on
the answers of all training questions, and measured again: answers on true scenes by type of
question, and programs that are the annotated ones to the letter. 0 is the recipe
``nsvqa-questions``, which learns from all programs. The test questions are held out: nothing is
chosen on them. Runs that are there are kept. Writes ``results/questions_curve.json``.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from report import write_results
from sensorium import store, training
from sensorium.questions.datasets.question_table import QuestionTable
from sensorium.questions.datasets.questions import QuestionData, QuestionExamples
from sensorium.questions.metrics import KINDS, kind_of
from sensorium.questions.packed import PackedScenes, execute_tokens
from sensorium.questions.parser import QuestionParser
from sensorium.questions.question_stages import question_stages, small_parser
from sensorium.questions.recipes import nsvqa_questions, nsvqa_tiny
from sensorium.questions.systems import NSVQASystem
from sensorium.questions.vocabulary import END, PROGRAM_WORDS, SPECIALS
from sensorium.recipe import Recipe

ROOT = Path(__file__).parent.parent
PAPER = {90: 64.0, 180: 85.0, 270: 99.8}
"""Answers in percent with 700,000 training questions (arXiv:1810.02338, figure 4, read off)."""


@dataclass(frozen=True)
class Budget:
    """How much of everything.

    Attributes:
        questions: training questions whose answers are known.
        held_out: questions to choose the best step on.
        tested: held-out questions that are reported.
        programs: supervised steps.
        answers: steps of REINFORCE.
    """

    questions: int = 40_000
    held_out: int = 1_000
    tested: int = 10_000
    programs: int = 1000
    answers: int = 600


QUICK = Budget(questions=600, held_out=40, tested=100, programs=6, answers=3)


def recipes(count: int, seed: int, budget: Budget, cache: Path) -> tuple[Recipe, Recipe]:
    """The supervised run, and the one by REINFORCE that goes on from it (`Recipe.init`)."""
    data = QuestionData(
        count=count,
        questions=budget.questions,
        held_out=budget.held_out,
        cache=cache,
        seed=seed,
    )
    first, second = question_stages(data, budget.programs, budget.answers)
    tiny = nsvqa_tiny().system  # the other networks only take room here
    base = replace(
        nsvqa_questions(),
        data=data,
        system=replace(tiny, parser=small_parser(data)),
        seed=seed,
        precision="bf16",
        batch=64,
        workers=0,
        validate_every=250,
        save_every=250,
    )
    return replace(base, stages=(first,)), replace(base, stages=(second,))


def point(
    count: int, seed: int, budget: Budget, folder: Path, train: bool = True
) -> dict[str, Any]:
    """One number of annotations with one seed: figures before and after REINFORCE."""
    taught, tried = recipes(count, seed, budget, folder / "cache")
    first, second = places(count, seed, budget, folder)
    if train:
        training.train(taught, first, resume=True, bar=False)
        training.train(replace(tried, init=str(first / "system")), second, resume=True, bar=False)
    table = replace(taught.data, held_out=budget.tested).table("test")
    return {
        "programs": count,
        "seed": seed,
        "reinforce_steps": budget.answers,
        "before": measure(parser_of(first), table),
        "after": measure(parser_of(second), table),
    }


def places(count: int, seed: int, budget: Budget, folder: Path) -> tuple[Path, Path]:
    """The folders of the two runs of a point."""
    place = folder / f"{count}-seed{seed}"
    return place / "programs", place / f"answers-{budget.answers}"


def everything(budget: Budget, folder: Path, train: bool = True) -> dict[str, Any]:
    """All programs: the recipe of the bundled parser, both stages in one run."""
    quick = budget == QUICK
    recipe = recipes(0, 0, budget, folder / "cache")[0] if quick else nsvqa_questions()
    run = folder.with_name("quick-parser" if quick else "parser")
    if train:
        training.train(recipe, run, resume=True, bar=False)
    data = replace(recipe.data, held_out=budget.tested, cache=folder / "cache")
    figures = measure(parser_of(run), data.table("test"))
    return {"programs": recipe.data.questions, "seed": recipe.seed, "after": figures}


def parser_of(run: Path) -> QuestionParser:
    """The parser that a run has given."""
    system = store.load(run / "system")
    assert isinstance(system, NSVQASystem)
    return system.parser


@torch.no_grad()
def measure(parser: QuestionParser, table: QuestionTable, batch: int = 250) -> dict[str, float]:
    """Shares of right answers on true scenes, of programs to the letter, and of failed programs.

    ``equivalent`` is the share of right answers among programs that are not to the letter.
    """
    questions = QuestionExamples(table, parser.words, ("program", "answer")).questions
    order = np.argsort((questions != 0).sum(1), kind="stable")
    scenes = PackedScenes.from_tensors(
        torch.from_numpy(table.values),
        torch.from_numpy(table.positions),
        torch.from_numpy(table.counts),
    )
    right, same, failed = (np.zeros(len(table), bool) for _ in range(3))
    parser.eval()
    for first in range(0, len(table), batch):
        rows = order[first : first + batch]
        decoded = parser.decode(torch.from_numpy(questions[rows].astype(np.int64)))
        written = decoded.texts()
        before = (decoded.tokens == END).cumsum(1) == 0
        functions = torch.where(before, decoded.tokens - len(SPECIALS), -1).clamp(min=-1)
        answers = execute_tokens(
            functions, scenes.take(torch.from_numpy(table.scenes[rows]).long())
        )
        right[rows] = answers.numpy() == table.answers[rows]
        failed[rows] = answers.numpy() < 0
        for row, tokens in zip(rows, written, strict=True):
            same[row] = tuple(PROGRAM_WORDS.decode(table.programs[row].tolist())) == tokens
    kinds = np.array([kind_of(PROGRAM_WORDS.words[row[1]]) for row in table.programs])
    out = {
        "accuracy": float(right.mean()),
        **{f"accuracy/{k}": float(right[kinds == k].mean()) for k in KINDS if (kinds == k).any()},
        "program_match": float(same.mean()),
        "failed": float(failed.mean()),
    }
    if not same.all():
        out["equivalent"] = float(right[~same].mean())
    return out


def curve(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """All points, the first seed of all counts before the others."""
    torch.set_num_threads(1)
    for seed in options.seeds:
        for steps in options.answers:
            budget = QUICK if options.quick else replace(Budget(), answers=steps)
            for count in options.counts:
                last = places(count, seed, budget, folder)[1]
                if count and not (options.collect and not (last / "system").exists()):
                    yield point(count, seed, budget, folder, not options.collect)
    if 0 in options.counts:
        yield everything(QUICK if options.quick else Budget(), folder, not options.collect)


def show(figures: dict[str, Any]) -> None:
    """A line for each of before and after."""
    for name in ("before", "after"):
        if name not in figures:
            continue
        values = "  ".join(f"{k.split('/')[-1]} {100 * v:.2f}" for k, v in figures[name].items())
        print(f"{figures['programs']:6} programs, {name:6} REINFORCE: {values}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[90, 180, 270, 500, 1000, 0])
    parser.add_argument("--answers", type=int, nargs="+", default=[600], help="REINFORCE's steps")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "questions" / "curve")
    parser.add_argument("--collect", action="store_true", help="only runs that are there")
    parser.add_argument(
        "--quick", action="store_true", help="a minute, for a look at the machinery"
    )
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    folder = options.folder / "quick" if options.quick else options.folder
    points = []
    for figures in curve(options, folder):
        points.append(figures)
        show(figures)
    if not options.quick:
        paper = {str(k): v / 100 for k, v in PAPER.items()}
        payload = {"budget": vars(Budget()), "paper": paper, "points": points}
        print(write_results("questions_curve", payload))


if __name__ == "__main__":
    main()
