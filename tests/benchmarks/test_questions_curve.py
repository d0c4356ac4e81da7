"""The curve over annotated programs: its measuring, and that it runs."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import questions_curve
from sensorium.questions.datasets.questions import QuestionData
from sensorium.questions.metrics import answer_of, kind_of
from sensorium.questions.parser import ParserConfig, QuestionParser
from sensorium.questions.vocabulary import PROGRAM_WORDS
from sensorium.training.randomness import seeded
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ANSWERS, ATTRIBUTES, VALUES

DATA = QuestionData(questions=200, held_out=90)


def test_measures_agree_with_plain_execution():
    table = DATA.table("test")
    with seeded(0):
        config = DATA.adapt(ParserConfig(hidden=8, embedding=8, longest=4))
        parser = QuestionParser(config)
    figures = questions_curve.measure(parser, table, batch=32)
    right, same, kinds = [], [], []
    for row, parsed in enumerate(parser.parse(table.texts)):
        scene = int(table.scenes[row])
        items = [
            Item(
                *(VALUES[a][v] for a, v in zip(ATTRIBUTES, table.values[scene, k], strict=True)),
                tuple(table.positions[scene, k].tolist()),
            )
            for k in range(int(table.counts[scene]))
        ]
        true = tuple(PROGRAM_WORDS.decode(table.programs[row].tolist()))
        right.append(answer_of(parsed.tokens, items) == ANSWERS[table.answers[row]])
        same.append(parsed.tokens == true)
        kinds.append(kind_of(true[0]))
    assert 0 < sum(right) < len(right)
    assert figures["accuracy"] == pytest.approx(sum(right) / len(right))
    assert figures["program_match"] == pytest.approx(sum(same) / len(same))
    counts = [r for r, kind in zip(right, kinds, strict=True) if kind == "count"]
    assert figures["accuracy/count"] == pytest.approx(sum(counts) / len(counts))


def test_a_point_of_the_curve_is_made_once(tmp_path):
    budget = replace(questions_curve.QUICK, questions=100, tested=20, programs=2, answers=1)
    first = questions_curve.point(90, 0, budget, tmp_path)
    assert set(first) == {"programs", "seed", "reinforce_steps", "before", "after"}
    assert first["programs"] == 90
    assert 0 <= first["after"]["accuracy"] <= 1
    weights = tmp_path / "90-seed0" / "answers-1" / "system" / "model.safetensors"
    written = weights.stat().st_mtime_ns
    assert questions_curve.point(90, 0, budget, tmp_path) == first
    assert weights.stat().st_mtime_ns == written
