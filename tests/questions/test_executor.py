"""Hand-worked programs, the published executor rebuilt, and everything that can be malformed."""

from __future__ import annotations

import importlib.util
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sensorium.questions.executor import (
    Execution,
    candidates,
    check,
    check_tokens,
    execute,
    guess,
    walk,
)
from sensorium.seeds import split_seed
from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.programs import ProgramError, Step, from_tokens, to_tokens
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ANSWERS

_spec = importlib.util.spec_from_file_location(
    "published_executor", Path(__file__).parents[2] / "benchmarks" / "published_executor.py"
)
rebuilt = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rebuilt)

#  seen from above, x to the right, y to the viewer:
#  0 large red metal cube     at (0, 0)
#  1 small blue rubber sphere at (1, 1)        right of and in front of 0
#  2 small red rubber cube    at (-1, 2)       left of all, in front of all
#  3 large blue metal sphere  at (1.1, -1)     a little right of 1, behind all
ITEMS = (
    Item("large", "red", "metal", "cube", (0.0, 0.0, 0.7)),
    Item("small", "blue", "rubber", "sphere", (1.0, 1.0, 0.35)),
    Item("small", "red", "rubber", "cube", (-1.0, 2.0, 0.35)),
    Item("large", "blue", "metal", "sphere", (1.1, -1.0, 0.7)),
)
RED_CUBE = "unique filter_material[metal] filter_shape[cube] scene"
BALL = "unique filter_size[small] filter_shape[sphere] scene"


def both(tokens: str, *, strict: bool = False) -> Execution:
    """The same by both readings."""
    listed = tokens.split()
    tree = execute(from_tokens(listed), ITEMS, strict=strict)
    assert walk([*listed, "<END>"], ITEMS, strict=strict) == tree
    return tree


@pytest.mark.parametrize(
    ("tokens", "answer"),
    [
        ("count scene", "4"),
        ("count filter_color[green] scene", "0"),
        ("exist filter_color[green] scene", "no"),
        ("exist filter_color[blue] scene", "yes"),
        (f"query_size {RED_CUBE}", "large"),
        (f"query_color {RED_CUBE}", "red"),
        (f"query_material {BALL}", "rubber"),
        (f"query_shape {BALL}", "sphere"),
        (f"count relate[left] {RED_CUBE}", "1"),
        (f"count relate[right] {RED_CUBE}", "2"),
        (f"count relate[front] {RED_CUBE}", "2"),
        (f"count relate[behind] {RED_CUBE}", "1"),
        (f"count same_color {RED_CUBE}", "1"),
        (f"count same_size {RED_CUBE}", "1"),
        (f"count same_material {RED_CUBE}", "1"),
        (f"count same_shape {RED_CUBE}", "1"),
        ("count union filter_color[red] scene filter_shape[cube] scene", "2"),
        ("count intersect filter_color[blue] scene filter_size[large] scene", "1"),
        ("equal_integer count filter_color[red] scene count filter_color[blue] scene", "yes"),
        ("greater_than count scene count filter_color[red] scene", "yes"),
        ("less_than count scene count filter_color[red] scene", "no"),
        ("greater_than count filter_color[red] scene count scene", "no"),
        (f"equal_color query_color {RED_CUBE} query_color {BALL}", "no"),
        (f"equal_size query_size {BALL} query_size {BALL}", "yes"),
        (f"equal_material query_material {RED_CUBE} query_material {BALL}", "no"),
        (f"equal_shape query_shape {RED_CUBE} query_shape {RED_CUBE}", "yes"),
    ],
)
def test_every_function_by_hand(tokens, answer):
    for strict in (False, True):
        execution = both(tokens, strict=strict)
        assert (execution.answer, execution.error) == (answer, "")


def test_unique_takes_the_first_of_several_unless_strict():
    tokens = "query_size unique filter_color[red] scene"
    assert both(tokens).answer == "large"
    strict = both(tokens, strict=True)
    assert strict.answer is None
    assert strict.error == "step 2 (unique): found 2 objects, expected exactly one"


def test_unique_after_a_union_takes_the_branch_that_is_carried_out_first():
    """The right branch in prefix order; the published code keeps it in the saved register."""
    tokens = "query_color unique union filter_color[red] scene filter_color[blue] scene"
    execution = both(tokens)
    assert execution.answer == "blue"
    assert execution.trace[4].items == (1, 3, 0, 2)


def test_strict_relations_need_a_margin():
    tokens = f"count relate[right] {BALL}"  # 3 stands 0.1 to the right of 1
    assert both(tokens).answer == "1"
    assert both(tokens, strict=True).answer == "0"


def test_nothing_stands_beside_itself_or_what_is_level():
    level = (ITEMS[0], Item("small", "blue", "rubber", "sphere", (0.0, 0.0, 0.3)))
    for side in ("left", "right", "front", "behind"):
        tokens = f"count relate[{side}] unique filter_color[red] scene"
        assert execute(from_tokens(tokens.split()), level).answer == "0"


def test_the_trace_tells_what_each_step_gave():
    execution = both(f"count relate[right] {RED_CUBE}")
    assert [step.number for step in execution.trace] == [0, 1, 2, 3, 4, 5]
    assert [step.items for step in execution.trace] == [
        *((0, 1, 2, 3), (0, 2), (0,), (0,), (1, 3)),
        None,
    ]
    assert execution.trace[-1].value == "2"
    assert execution.trace[2].step.token == "filter_material[metal]"


def test_the_trace_ends_with_the_step_that_failed():
    execution = both("query_size unique filter_color[green] scene")
    assert execution.answer is None
    assert execution.error == "step 2 (unique): found no object, expected one"
    assert [step.error for step in execution.trace] == ["", "", execution.error]
    assert execution.trace[1].items == ()


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ((), "the program is empty"),
        ((Step("scene"),), "step 0 (scene): the program ends in a set of objects"),
        ((Step("scene"), Step("unique", "", (0,))), "step 1 (unique): the program ends in an obj"),
        ((Step("scene"), Step("size")), "step 1 (size): no function 'size'"),
        (
            (Step("scene"), Step("scene"), Step("count", "", (1,))),
            "step 0 (scene): no step takes its output; a program has one end",
        ),
        ((Step("scene"), Step("cuont", "", (0,))), "step 1 (cuont): no function 'cuont'; did you"),
        (
            (Step("scene"), Step("count", "", (1,))),
            "step 1 (count): takes the output of step 1, wh",
        ),
        ((Step("scene"), Step("count", "", (-1,))), "takes the output of step -1, which does"),
        (
            (Step("count", "", (1,)), Step("scene", "", (0,))),
            "step 0 (count): takes the output of ",
        ),
        ((Step("scene"), Step("count", "", (0, 0))), "step 1 (count): needs 1 input, got 2"),
        ((Step("scene"), Step("union", "", (0,))), "step 1 (union): needs 2 inputs, got 1"),
        ((Step("scene"), Step("filter_color", "pink", (0,))), "filter_color takes one of gray, re"),
        ((Step("scene"), Step("filter_color", "", (0,))), "filter_color takes one of gray, red"),
        ((Step("scene"), Step("count", "red", (0,))), "count takes no value, got 'red'"),
        ((Step("scene"), Step("query_size", "", (0,))), "takes an object, got a set of objects fr"),
        (
            (Step("scene"), Step("count", "", (0,)), Step("unique", "", (1,))),
            "step 2 (unique): takes a set of objects, got a number from step 1 (count)",
        ),
    ],
)
def test_malformed_programs_are_told_in_a_line_that_names_the_step(program, said):
    execution = execute(program, ITEMS)
    assert execution.answer is None
    assert said in execution.error
    assert "\n" not in execution.error
    with pytest.raises(ProgramError) as told:
        check(program)
    assert str(told.value) == execution.error


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ("", "the program is empty"),
        ("<END> count scene", "the program is empty"),
        ("<NULL> <UNK>", "the program is empty"),
        ("count", "step 0 (count): needs 1 input, got 0"),
        ("union scene", "step 1 (union): needs 2 inputs, got 1"),
        ("scene scene scene", "step 2 (scene): two branches are there already"),
        ("count filter_color[red scene", "'filter_color[red' has no closing bracket; write"),
        ("equal_shape query_size unique scene query_shape unique scene", "takes a shape, got a si"),
        ("relate[left] unique scene", "step 2 (relate[left]): the program ends in a set of obj"),
    ],
)
def test_malformed_tokens_are_told_in_a_line_that_names_the_step(tokens, said):
    execution = walk(tokens.split(), ITEMS)
    assert execution.answer is None
    assert said in execution.error
    with pytest.raises(ProgramError) as told:
        check_tokens(tokens.split())
    assert str(told.value) == execution.error


def test_the_walk_is_as_lenient_as_the_published_code():
    """A saved value can be taken twice, and what is left over is ignored; a tree has neither."""
    twice = ["count", "intersect", "union", "filter_color[red]", "scene", "scene"]
    over = ["count", "scene", "scene", "<END>", "count"]
    assert walk(twice, ITEMS).answer == walk(over, ITEMS).answer == "4"
    check_tokens(twice)
    for tokens in (twice, over[:3]):
        with pytest.raises(ProgramError):
            from_tokens(tokens)


def test_the_walk_is_the_published_executor_on_whole_and_on_corrupted_programs():
    rng = random.Random(7)
    answered = failed = 0
    for trial in range(4000):
        items = rebuilt.some_items(rng, rng.randint(0, 10))
        tokens = rebuilt.typed(rng)
        if trial % 2:
            tokens = rebuilt.corrupted(rng, tokens)
        expected = rebuilt.published([*tokens, "<END>", "<NULL>"], items)
        expected = expected if expected in ANSWERS else None
        got = walk([*tokens, "<END>", "<NULL>"], items)
        assert got.answer == expected, (tokens, got)
        assert (got.answer is None) == bool(got.error)
        answered += expected is not None
        failed += expected is None
    assert min(answered, failed) > 800


def test_the_generator_and_the_executor_agree_on_questions_of_all_families():
    engine = Engine(3)
    asked = []
    for index in range(60):
        scene = place(split_seed("test", index))
        asked += [(scene, question) for question in engine.ask(scene, 10)]
    assert len({question.family for _, question in asked}) == 90
    for scene, question in asked:
        check(question.program)
        for strict in (False, True):
            assert execute(question.program, scene.items, strict=strict).answer == question.answer
        assert walk(to_tokens(question.program), scene.items).answer == question.answer


def test_places_may_be_wrong_by_less_than_half_the_margin():
    """Blocks are placed 0.4 apart along every direction, so errors below 0.2 change no answer."""
    rng = random.Random(1)
    engine = Engine(4)
    asked = 0
    for index in range(25):
        scene = place(split_seed("test", index))
        seen = tuple(
            replace(item, position=tuple(x + rng.uniform(-0.199, 0.199) for x in item.position))
            for item in scene.items
        )
        for question in engine.ask(scene, 10):
            assert execute(question.program, seen).answer == question.answer
            asked += any(step.function == "relate" for step in question.program)
    assert asked > 80


def test_programs_can_be_long():
    chain = ["count", *["filter_color[red]"] * 10_000, "scene"]
    assert both(" ".join(chain)).answer == "2"
    wide = ["count", *["union"] * 5_000, *["scene"] * 5_001]  # more branches than two registers
    assert execute(from_tokens(wide), ITEMS).answer == "4"
    assert walk(wide, ITEMS).error == "step 2 (scene): two branches are there already"


def test_a_step_can_be_used_twice():
    shared = (Step("scene"), Step("filter_color", "red", (0,)), Step("union", "", (1, 1)))
    for _ in range(200):  # written out as a tree this would be 2^200 steps
        shared = (*shared, Step("union", "", (len(shared) - 1, len(shared) - 2)))
    assert execute((*shared, Step("count", "", (len(shared) - 1,))), ITEMS).answer == "2"


def test_a_count_beyond_ten_is_told_as_it_is():
    assert execute(from_tokens(["count", "scene"]), ITEMS * 3).answer == "12"


def test_guesses_are_of_the_right_kind():
    assert candidates("exist") == candidates("equal_shape") == ("yes", "no")
    assert candidates("count") == tuple(str(n) for n in range(11))
    assert candidates("query_shape") == ("cube", "sphere", "cylinder")
    assert candidates("scene") == ()
    generator = np.random.default_rng(0)
    assert {guess("query_size", generator) for _ in range(50)} == {"large", "small"}
    assert guess("unique", generator) is None
    with pytest.raises(ProgramError, match="no function 'cuont'"):
        guess("cuont", generator)
