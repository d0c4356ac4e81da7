"""The executor's forms: whether they agree, and how many questions a second each answers.

``python benchmarks/questions_executor.py`` places 10,000 scenes, asks 100,000 questions of all 90
families (about two minutes), and carries their programs out by every form, by both readings and
both meanings, and corrupted ones too. Then it times each form on one thread, in processor time,
medians of rounds. A million questions are these on ten copies of the scenes; the copies lie apart
in memory. ``compiled_run`` is what an evaluation repeats, ``compiled_and_run`` has the reading and
typing of the programs from an array of tokens with it, and ``everything`` also the packing of the
scenes from arrays. The published
executor's 76,000 a second are our measurement of the released code on one core of another machine;
as a measure of this one, the same semantics rebuilt on Python lists (``published_executor.py``) is
timed as well.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from published_executor import corrupted, published
from report import RESULTS, versions, write_results
from sensorium.questions.compiled import Compiled
from sensorium.questions.executor import execute, walk
from sensorium.questions.packed import PackedScenes, execute_tokens
from sensorium.seeds import derive, split_seed
from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.programs import TOKENS, Program, to_tokens
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ANSWERS, ATTRIBUTES, MOST, VALUES

PUBLISHED = 76_000
NUMBER = {token: k for k, token in enumerate(TOKENS)}


@dataclass
class Asked:
    """Questions about scenes."""

    scenes: list[tuple[Item, ...]]
    about: list[int]
    programs: list[Program]
    tokens: list[list[str]]
    answers: list[str]
    families: set[int]


def ask(scenes: int, each: int) -> Asked:
    engine = Engine(derive(0, "executor"))
    asked = Asked([], [], [], [], [], set())
    for index in range(scenes):
        scene = place(split_seed("test", index))
        asked.scenes.append(scene.items)
        for question in engine.ask(scene, each):
            asked.about.append(index)
            asked.programs.append(question.program)
            asked.tokens.append(to_tokens(question.program))
            asked.answers.append(question.answer)
            asked.families.add(question.family)
    return asked


def padded(tokens: list[list[str]]) -> Tensor:
    """``[N, L]``; tokens without a function are padding, as the published executor has it."""
    out = torch.full((len(tokens), max(map(len, tokens))), -1)
    for row, listed in zip(out, tokens, strict=True):
        row[: len(listed)] = torch.tensor([NUMBER.get(t, -1) for t in listed])
    return out


def numbers(answers: list[str | None]) -> Tensor:
    return torch.tensor([ANSWERS.index(a) if a in ANSWERS else -1 for a in answers])


def agreement(asked: Asked) -> dict[str, Any]:
    """How many answers differ from the engine's, or on corrupted programs from the plain form's."""
    about = torch.tensor(asked.about)
    truth, tokens = numbers(asked.answers), padded(asked.tokens)
    rng = random.Random(derive(0, "corrupted"))
    broken = [corrupted(rng, t) for t in asked.tokens]
    items = [asked.scenes[k] for k in asked.about]
    differ: dict[str, int] = {}
    failed = 0
    for strict in (False, True):
        packed = PackedScenes.pack(asked.scenes, strict=strict)
        told = "strict" if strict else "as published"
        forms: dict[str, list[str | None] | Tensor] = {
            "plain, program": [
                execute(p, i, strict=strict).answer
                for p, i in zip(asked.programs, items, strict=True)
            ],
            "plain, tokens": [
                walk(t, i, strict=strict).answer for t, i in zip(asked.tokens, items, strict=True)
            ],
            "in step": execute_tokens(tokens, packed.take(about)),
            "compiled, programs": Compiled(asked.programs).run(packed, about),
            "compiled, tokens": Compiled.from_tokens(tokens).run(packed, about),
        }
        for name, found in forms.items():
            found = found if isinstance(found, Tensor) else numbers(found)
            differ[f"{name}, {told}"] = int((found != truth).sum())
        plain = numbers(
            [walk(t, i, strict=strict).answer for t, i in zip(broken, items, strict=True)]
        )
        failed += int((plain < 0).sum())
        wrong = padded(broken)
        for name, found in {
            "in step": execute_tokens(wrong, packed.take(about)),
            "compiled, tokens": Compiled.from_tokens(wrong).run(packed, about),
        }.items():
            differ[f"{name}, corrupted, {told}"] = int((found != plain).sum())
        if not strict:
            rebuilt = [published([*t, "<END>"], i) for t, i in zip(broken, items, strict=True)]
            differ["published rebuilt, corrupted"] = int((numbers(rebuilt) != plain).sum())
    return {
        "programs": len(asked.programs),
        "families": len(asked.families),
        "corrupted_programs": len(broken),
        "corrupted_that_fail": round(failed / 2 / len(broken), 4),
        "longest_program": max(map(len, asked.tokens)),
        "mean_program": round(sum(map(len, asked.tokens)) / len(asked.tokens), 2),
        "answers_that_differ": differ,
    }


def seconds(run: Callable[[], Any], rounds: int) -> float:
    """Median processor time; one round before is not counted."""
    taken = []
    for _ in range(rounds + 1):
        begun = time.process_time()
        run()
        taken.append(time.process_time() - begun)
    return statistics.median(taken[1:])


def rate(count: int, run: Callable[[], Any], rounds: int) -> int:
    return round(count / seconds(run, rounds))


def tensors(scenes: list[tuple[Item, ...]]) -> tuple[Tensor, Tensor, Tensor]:
    values = torch.full((len(scenes), MOST, 4), -1, dtype=torch.int8)
    positions = torch.zeros(len(scenes), MOST, 3, dtype=torch.float64)
    for s, items in enumerate(scenes):
        for i, item in enumerate(items):
            values[s, i] = torch.tensor([VALUES[a].index(item.value(a)) for a in ATTRIBUTES])
            positions[s, i] = torch.tensor(item.position, dtype=torch.float64)
    return values, positions, torch.tensor([len(items) for items in scenes])


def race(asked: Asked, size: int, rounds: int) -> dict[str, Any]:
    """Questions a second of the vectorised forms."""
    tokens, about = padded(asked.tokens), torch.tensor(asked.about)
    copies = -(-size // len(tokens))
    many = tokens.repeat(copies, 1)[:size]
    where = torch.cat([about + c * len(asked.scenes) for c in range(copies)])[:size]
    there = int(where.max()) + 1
    values = [t.repeat(copies, *[1] * (t.ndim - 1))[:there] for t in tensors(asked.scenes)]
    packed = PackedScenes.from_tensors(*values)
    own = packed.take(where)
    compiled = Compiled.from_tokens(many)

    def everything() -> Tensor:
        return Compiled.from_tokens(many).run(PackedScenes.from_tensors(*values), where)

    row = {
        "questions": size,
        "scenes": len(packed),
        "compiled_run": rate(size, lambda: compiled.run(packed, where), rounds),
        "compiling_tokens": rate(size, lambda: Compiled.from_tokens(many), rounds),
        "compiled_and_run": rate(
            size, lambda: Compiled.from_tokens(many).run(packed, where), rounds
        ),
        "everything": rate(size, everything, rounds),
        "in_step": rate(size, lambda: execute_tokens(many, own), min(rounds, 3)),
    }
    for name in ("compiled_run", "compiled_and_run", "everything", "in_step"):
        row[f"{name}_times_published"] = round(row[name] / PUBLISHED, 1)
    print(row, flush=True)
    return row


def speed(asked: Asked, sizes: list[int], rounds: int) -> dict[str, Any]:
    """Questions a second of each form at each size."""
    some = range(min(3000, len(asked.programs)))
    items = [asked.scenes[asked.about[k]] for k in some]
    figures: dict[str, Any] = {
        "plain, with trace": rate(
            len(some),
            lambda: [execute(asked.programs[k], items[k]) for k in some],
            rounds,
        ),
        "published rebuilt on lists": rate(
            len(some),
            lambda: [published([*asked.tokens[k], "<END>"], items[k]) for k in some],
            rounds,
        ),
        "at": {},
    }
    for size in sizes:
        figures["at"][f"{size:,}"] = race(asked, size, rounds)
    packed_from = tensors(asked.scenes)
    figures["packing_scenes_from_items"] = rate(
        len(asked.scenes), lambda: PackedScenes.pack(asked.scenes), min(rounds, 3)
    )
    figures["packing_scenes_from_tensors"] = rate(
        len(asked.scenes), lambda: PackedScenes.from_tensors(*packed_from), min(rounds, 3)
    )
    figures["compiling_programs"] = rate(
        len(asked.programs), lambda: Compiled(asked.programs), min(rounds, 3)
    )
    return figures


def first_call(*, cached: bool = False) -> float:
    """Processor time of compiling (or of loading what was compiled before), in a new process."""
    code = (
        "import time, torch\n"
        "from sensorium.questions.compiled import Compiled\n"
        "from sensorium.questions.packed import PackedScenes\n"
        "scenes, tokens = PackedScenes.pack([()]), torch.zeros(1, 1, dtype=torch.int64)\n"
        "begun = time.process_time()\n"
        "Compiled.from_tokens(tokens).run(scenes, tokens[0])\n"
        "print(time.process_time() - begun)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | ({} if cached else {"NUMBA_CACHE_DIR": folder})
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    return round(float(done.stdout), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=10_000)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 200_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.process_time()
    asked = ask(args.scenes, args.each)
    print(f"asked {len(asked.programs)} in {time.process_time() - begun:.0f} s", flush=True)
    agreed = agreement(asked)
    print(agreed, flush=True)
    payload = {
        "unit": "questions (scenes where it says so) a second of processor time, one thread",
        "published_executor": PUBLISHED,
        "first_call_seconds": {"ever": first_call(), "in_a_process": first_call(cached=True)},
        "agreement": agreed,
        "speed": speed(asked, args.sizes, args.rounds),
        "versions": versions("torch", "numba", "numpy"),
    }
    print(write_results("questions_executor", payload, args.out))


if __name__ == "__main__":
    main()
