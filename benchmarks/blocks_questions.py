"""The question engine of the blocks world: what it asks, how fast, and how the search goes.

    python benchmarks/blocks_questions.py [--scenes 1000] [--quick]

Writes ``results/blocks_questions.json``. Scenes are of the validation split. Every program is
carried out by `sensorium.questions.executor`, which shares no code with the engine; a question is
degenerate when the whole scene in the place of one of its relations leaves what the answer is read
from as it is (the number, the value, the set asked to exist, the two things compared), and "by the
answer" when it leaves the answer itself (of yes and no one is often left by chance). Rates count
the process's own time on one core, scenes at hand. ``strict`` is the published script's behaviour.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from report import write_results
from sensorium.questions.executor import execute
from sensorium.seeds import split_seed
from sensorium.worlds.blocks.balancing import Balance
from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.families import Family
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.plans import Plan
from sensorium.worlds.blocks.programs import Program, Step, from_tokens, to_tokens
from sensorium.worlds.blocks.question_json import read_questions, write_questions
from sensorium.worlds.blocks.questions import KINDS, Question
from sensorium.worlds.blocks.scenes import Item, Scene
from sensorium.worlds.blocks.search import BUDGET, Search
from sensorium.worlds.blocks.sets import SceneSets
from sensorium.worlds.blocks.templates import FAMILIES
from sensorium.worlds.blocks.wording import say

PUBLISHED = {
    "questions_per_second": 23,
    "count": 23.6,
    "exist": 13.5,
    "query": 36.0,
    "compare_attribute": 17.9,
    "compare_integer": 9.0,
}
"""Of the published generator: 20,000 questions on 2,000 scenes, one core, percent by type."""

SEED = 1
Asked = list[tuple[Scene, Question]]


def ask(scenes: Sequence[Scene], *, strict: bool) -> tuple[Asked, float]:
    """Ten questions about each scene, and the seconds that took."""
    engine = Engine(SEED, strict_official=strict)
    start = time.process_time()
    asked = [(scene, question) for scene in scenes for question in engine.ask(scene)]
    return asked, time.process_time() - start


def read_from(program: Program, items: Sequence[Item]) -> object:
    """What the answer is read from, by the executor; ``None`` where a step fails."""
    run = execute(program, items, strict=True)
    if run.error:
        return None
    last, trace = program[-1], run.trace
    if last.function == "exist" or len(last.inputs) == 2:
        return [trace[i].value or trace[i].items for i in last.inputs]
    return run.answer


def without(program: Program, number: int) -> Program:
    """The program with the whole scene in the place of one step; what fed that step is gone."""
    steps = [Step("scene") if n == number else step for n, step in enumerate(program)]
    return from_tokens(to_tokens(steps))


def degeneracy(asked: Asked) -> dict[str, Any]:
    """How many questions with relations are degenerate, by template file."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for scene, question in asked:
        program, items = question.program, scene.items
        relations = [n for n, step in enumerate(program) if step.function == "relate"]
        if not relations:
            continue
        shorter = [without(program, n) for n in relations]
        true = read_from(program, items)
        row = rows[question.template]
        row["questions"] += 1
        row["degenerate"] += any(read_from(p, items) == true for p in shorter)
        answers = [execute(p, items, strict=True).answer for p in shorter]
        row["by_the_answer"] += question.answer in answers
    total = sum(rows.values(), Counter())
    listed = {name: rows[name] for name in sorted(rows)} | {"all": total}
    return {
        n: {k: r[k] for k in ("questions", "degenerate", "by_the_answer")}
        for n, r in listed.items()
    }


def facts(asked: Asked) -> dict[str, Any]:
    """What was asked and answered."""
    questions = [question for _, question in asked]
    wrong = sum(execute(q.program, s.items, strict=True).answer != q.answer for s, q in asked)
    lengths = Counter(len(q.program) for q in questions)
    words = [q.text.replace(";", " ;").replace(",", " ,").rstrip("?.").split() for q in questions]
    families = Counter(q.family for q in questions)
    kinds = Counter(q.kind for q in questions)
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for question in questions:
        answers[question.kind or ""][question.answer] += 1
    return {
        "questions": len(questions),
        "wrong_by_the_executor": wrong,
        "families": len(families),
        "questions_per_family": [min(families.values()), max(families.values())],
        "percent_by_type": {k: round(100 * kinds[k] / len(questions), 1) for k in KINDS},
        "answers_by_type": {k: dict(answers[k].most_common()) for k in KINDS},
        "program_lengths": {str(n): lengths[n] for n in sorted(lengths)},
        "longest_question_in_words": max(map(len, words)),
        "mean_question_in_words": round(float(np.mean([len(w) for w in words])), 1),
        "different_words": len({word for listed in words for word in listed}),
        "different_sentences": len({q.text for q in questions}),
        "degeneracy": degeneracy(asked),
    }


def profile(scenes: Sequence[Scene], families: Sequence[Family], *, strict: bool) -> dict[str, Any]:
    """How many fillings the searches try, and where the time goes: the engine's loop, opened."""
    plans = [Plan(family, strict) for family in families]
    balance, rng = Balance(families), random.Random(SEED)
    spent = dict.fromkeys(("sets", "search", "wording"), 0.0)
    tried: dict[str, list[int]] = {"found": [], "nothing found": []}
    for scene in scenes:
        balance.next_picture()
        start = time.process_time()
        sets = SceneSets(scene)
        spent["sets"] += time.process_time() - start
        found = 0
        for number in balance.order(rng):
            start = time.process_time()
            search = Search(plans[number], sets, rng, balance.refused(number))
            filled = search.find()
            between = time.process_time()
            spent["search"] += between - start
            tried["found" if filled else "nothing found"].append(search.tried)
            if filled:
                balance.note(number, filled.answer)
                say(families[number], filled.values, rng)
                spent["wording"] += time.process_time() - between
                found += 1
            if found == 10:
                break
    rows = {name: _spread(counts) for name, counts in tried.items()}
    total = sum(spent.values())
    return {
        "fillings_tried": rows,
        "share_of_time": {name: round(seconds / total, 3) for name, seconds in spent.items()},
    }


def _spread(counts: list[int]) -> dict[str, float]:
    """How often, and how many fillings."""
    if not counts:
        return {"searches": 0}
    return {
        "searches": len(counts),
        "mean": round(float(np.mean(counts)), 1),
        "median": float(np.median(counts)),
        "percentile_99": float(np.percentile(counts, 99)),
        "most": max(counts),
        "over_budget": sum(count > BUDGET for count in counts),
    }


def files(asked: Asked) -> dict[str, Any]:
    """Rates of CLEVR's JSON, and whether the questions come back as they were."""
    questions = [question for _, question in asked]
    rates: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "questions.json"
        for form in ("chain", "tree"):
            start = time.process_time()
            write_questions(
                path, questions, dialect="script", form="tree" if form == "tree" else "chain"
            )
            between = time.process_time()
            back = read_questions(path)
            end = time.process_time()
            rates[form] = {
                "written_per_second": round(len(questions) / (between - start)),
                "read_per_second": round(len(questions) / (end - between)),
                "the_same": back == questions,
            }
    return rates


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="50 scenes, nothing written")
    args = parser.parse_args()
    count = 50 if args.quick else args.scenes
    scenes = [replace(place(split_seed("val", i)), index=i) for i in range(count)]
    results: dict[str, Any] = {"scenes": count, "seed": SEED, "published": PUBLISHED}
    results["texts"] = sum(len(family.texts) for family in FAMILIES)
    for name, strict in (("ours", False), ("strict", True)):
        some = scenes if not strict else scenes[: max(1, count // 2)]
        asked, seconds = ask(some, strict=strict)
        rate = len(asked) / seconds
        results[name] = {
            "questions_per_second": round(rate),
            "times_published": round(rate / PUBLISHED["questions_per_second"], 1),
            **facts(asked),
            "search": profile(some[:300], FAMILIES, strict=strict),
        }
        if not strict:
            results["files"] = files(asked)
    show(results)
    if not args.quick:
        print(write_results("blocks_questions", results))


def show(results: dict[str, Any]) -> None:
    """Print what matters."""
    for name in ("ours", "strict"):
        row = results[name]
        print(f"{name}: {row['questions']} questions, {row['questions_per_second']} per second")
        print(f"  wrong by the executor: {row['wrong_by_the_executor']}")
        print(f"  families: {row['families']}, {row['questions_per_family']} questions each")
        for kind in KINDS:
            answers = ", ".join(f"{a} {n}" for a, n in row["answers_by_type"][kind].items())
            print(f"  {kind} {row['percent_by_type'][kind]} % ({PUBLISHED[kind]}): {answers}")
        for file, counts in row["degeneracy"].items():
            print(f"  {file}: {counts}")
        print(f"  search: {row['search']}")
    print(f"files: {results['files']}")


if __name__ == "__main__":
    main()
