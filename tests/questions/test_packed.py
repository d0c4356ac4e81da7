"""The vectorised forms give the plain form's answers, on whole and on corrupted programs."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sensorium.questions.compiled import Compiled
from sensorium.questions.executor import execute, walk
from sensorium.questions.packed import PackedScenes, execute_tokens
from sensorium.worlds.blocks.programs import TOKENS, Program, Step, from_tokens
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ANSWERS, ATTRIBUTES, VALUES

_spec = importlib.util.spec_from_file_location(
    "published_executor", Path(__file__).parents[2] / "benchmarks" / "published_executor.py"
)
rebuilt = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rebuilt)

SETS = ("scene", "union", "intersect", "filter_size", "filter_color")


def numbers(programs: Sequence[Sequence[str]]) -> Tensor:
    """Tokens as numbers, padded left and right; what has no function is padding too."""
    longest = max(len(p) for p in programs) + 2
    out = torch.full((len(programs), longest), -1)
    for k, tokens in enumerate(programs):
        at = k % (longest - len(tokens) + 1)
        row = [TOKENS.index(t) if t in TOKENS else -1 for t in tokens]
        out[k, at : at + len(row)] = torch.tensor(row, dtype=torch.int64)
    return out


def answers(found: Tensor) -> list[str | None]:
    return [ANSWERS[k] if k >= 0 else None for k in found.tolist()]


def mixture(count: int, seed: int) -> tuple[list[list[str]], list[tuple[Item, ...]]]:
    """Programs, every second one corrupted, and scenes of 0 to 10 items."""
    rng = random.Random(seed)
    programs = [rebuilt.typed(rng) for _ in range(count)]
    programs[1::2] = [rebuilt.corrupted(rng, p) for p in programs[1::2]]
    return programs, [rebuilt.some_items(rng, rng.randint(0, 10)) for _ in range(count)]


@pytest.mark.parametrize("strict", [False, True])
def test_all_forms_agree(strict):
    programs, scenes = mixture(4000, 11)
    expected = [
        walk(tokens, items, strict=strict).answer
        for tokens, items in zip(programs, scenes, strict=True)
    ]
    packed = PackedScenes.pack(scenes, strict=strict)
    tokens = numbers(programs)
    assert answers(execute_tokens(tokens, packed)) == expected
    order = torch.randperm(len(scenes), generator=torch.Generator().manual_seed(0))
    shuffled = packed.take(order)
    back = torch.empty_like(order)
    back[order] = torch.arange(len(order))
    assert answers(Compiled.from_tokens(tokens).run(shuffled, back)) == expected
    assert 300 < sum(a is not None for a in expected) < 3000


def test_order_matters_in_these_programs_and_is_kept():
    """`unique` of several after a `union`: the lowest number is not the answer."""
    rng = random.Random(5)
    scenes = [rebuilt.some_items(rng, rng.randint(4, 10)) for _ in range(3000)]
    filters = [t for t in TOKENS if t.startswith("filter") and "color" not in t]
    programs, not_lowest = [], 0
    for _ in scenes:
        a, b, c = (rng.choice(filters) for _ in range(3))
        query = rng.choice(["query_color", "query_size", "query_shape", "query_material"])
        programs.append([query, "unique", c, rng.choice(["union", c]), "union", a, "scene"])
        programs[-1] += [b, "scene"]
    expected = [walk(p, s).answer for p, s in zip(programs, scenes, strict=True)]
    packed = PackedScenes.pack(scenes)
    tokens = numbers(programs)
    assert answers(execute_tokens(tokens, packed)) == expected
    assert answers(Compiled.from_tokens(tokens).run(packed, torch.arange(3000))) == expected
    for program, items, answer in zip(programs, scenes, expected, strict=True):
        trace = walk(program, items).trace
        merged = trace[-3].items
        not_lowest += bool(merged) and min(merged) != merged[0] and answer is not None
    assert not_lowest > 250


def test_trees_with_many_branches_and_shared_steps():
    rng = random.Random(2)
    programs: list[Program] = []
    for k in range(1500):
        program = from_tokens(rebuilt.typed(rng, branches=4))
        if k % 3 == 0 and program[-1].function == "count":  # compare with a set in its midst
            last = len(program) - 1
            midst = rng.choice([n for n, s in enumerate(program) if s.function in SETS])
            again = (Step("count", "", (midst,)), Step("greater_than", "", (last + 1, last)))
            program = (*program, *again)
        programs.append(program)
    scenes = [rebuilt.some_items(rng, rng.randint(1, 10)) for _ in programs]
    for strict in (False, True):
        expected = [
            execute(p, s, strict=strict).answer for p, s in zip(programs, scenes, strict=True)
        ]
        packed = PackedScenes.pack(scenes, strict=strict)
        compiled = Compiled(programs)
        assert answers(compiled.run(packed, torch.arange(len(scenes)))) == expected
        assert not len(compiled.malformed)
    shared = [
        p for p in programs if len({k for s in p for k in s.inputs}) < sum(len(s.inputs) for s in p)
    ]
    assert len(shared) > 50
    branches = [sum(s.function == "scene" for s in p) for p in programs]
    assert max(branches) > 3


def test_unions_of_unions_keep_their_order():
    rng = random.Random(4)
    programs, scenes = [], []
    for _ in range(1500):
        tokens = ["query_size", "unique", *["union"] * 4]
        for _ in range(5):
            tokens += [f"filter_color[{rng.choice(VALUES['color'][:4])}]", "scene"]
        if rng.random() < 0.5:
            tokens[2:2] = ["filter_shape[cube]"]
        if rng.random() < 0.5:
            tokens = [*tokens[:2], "intersect", "filter_size[small]", "scene", *tokens[2:]]
        programs.append(from_tokens(tokens))
        scenes.append(rebuilt.some_items(rng, 10))
    expected = [execute(p, s).answer for p, s in zip(programs, scenes, strict=True)]
    found = Compiled(programs).run(PackedScenes.pack(scenes), torch.arange(1500))
    assert answers(found) == expected
    assert {None, "large", "small"} <= set(expected)


def test_malformed_programs_do_not_harm_the_others():
    scene = rebuilt.some_items(random.Random(0), 5)
    fine = from_tokens(["count", "scene"])
    loop = (Step("scene"), Step("count", "", (1,)))
    three = (Step("scene"), Step("count", "", (0, 0, 0)))
    leftover = (Step("scene"), *fine[:1], Step("count", "", (1,)))
    compiled = Compiled([fine, loop, (), three, leftover, fine, (Step("scene"),)])
    found = answers(compiled.run(PackedScenes.pack([scene]), torch.zeros(7, dtype=torch.int64)))
    assert found == ["5", None, None, None, None, "5", None]
    assert compiled.malformed.tolist() == [1, 2, 3, 4, 6]
    for number, program in ((1, loop), (2, ()), (3, three), (4, leftover)):
        assert compiled.error(number) == execute(program, scene).error != ""
    assert compiled.error(0) == ""


def test_errors_of_tokens_are_those_of_the_walk():
    programs, _ = mixture(400, 3)
    compiled = Compiled.from_tokens(numbers(programs))
    full = rebuilt.some_items(random.Random(1), 10)
    for k, tokens in enumerate(programs):
        assert (k in compiled.malformed.tolist()) == bool(compiled.error(k))
        error = walk(tokens, full).error
        if "unique): found no object" not in error:
            assert compiled.error(k) == error


def test_programs_can_be_long():
    chain = ["count", *["filter_color[red]"] * 10_000, "scene"]
    wide = ["count", *["union"] * 5_000, *["scene"] * 5_001]
    items = rebuilt.some_items(random.Random(0), 6)
    red = sum(i.color == "red" for i in items)
    packed = PackedScenes.pack([items])
    found = Compiled([from_tokens(chain), from_tokens(wide)]).run(
        packed, torch.zeros(2, dtype=torch.int64)
    )
    assert answers(found) == [str(red), "6"]
    shorter = numbers([[*chain[:1000], "scene"]])
    assert answers(execute_tokens(shorter, packed)) == [str(red)]


def test_tensors_are_packed_as_items_are():
    rng = random.Random(9)
    scenes = [rebuilt.some_items(rng, n) for n in (0, 3, 10, 7)]
    values = torch.full((4, 10, 4), -1, dtype=torch.int8)
    positions = torch.full((4, 10, 3), float("nan"), dtype=torch.float64)
    for s, items in enumerate(scenes):
        for i, item in enumerate(items):
            row = [VALUES[a].index(item.value(a)) for a in ATTRIBUTES]
            values[s, i] = torch.tensor(row, dtype=torch.int8)
            positions[s, i] = torch.tensor(item.position, dtype=torch.float64)
    counts = torch.tensor([0, 3, 10, 7], dtype=torch.int8)
    for strict in (False, True):
        packed = PackedScenes.from_tensors(values, positions, counts, strict=strict)
        facts, expected = packed.facts, PackedScenes.pack(scenes, strict=strict).facts
        assert torch.equal(facts, expected)


def test_scenes_may_be_narrow_and_wide():
    rng = random.Random(1)
    programs = [rebuilt.corrupted(rng, rebuilt.typed(rng)) for _ in range(800)]
    tokens = numbers(programs)
    values = torch.zeros(800, 3, 4, dtype=torch.int8)
    narrow = PackedScenes.from_tensors(
        values, torch.zeros(800, 3, 3), torch.full((800,), 2, dtype=torch.int64)
    )
    gray = Item("large", "gray", "rubber", "cube", (0.0, 0.0, 0.0))
    expected = [walk(p, (gray, gray)).answer for p in programs]
    assert answers(execute_tokens(tokens, narrow)) == expected
    none = PackedScenes.from_tensors(
        values[:, :0], torch.zeros(800, 0, 3), torch.zeros(800, dtype=torch.int64)
    )
    assert answers(execute_tokens(tokens, none)) == [walk(p, ()).answer for p in programs]
    wide = [rebuilt.some_items(rng, 15) for _ in programs]
    expected = [walk(p, s).answer for p, s in zip(programs, wide, strict=True)]
    expected = [a if a in ANSWERS else None for a in expected]  # counts of 11 to 15
    packed = PackedScenes.pack(wide)
    assert answers(execute_tokens(tokens, packed)) == expected
    assert answers(Compiled.from_tokens(tokens).run(packed, torch.arange(800))) == expected


def test_nothing_is_nothing():
    packed = PackedScenes.pack([])
    assert len(packed) == 0
    assert execute_tokens(torch.zeros(0, 5, dtype=torch.int64), packed).shape == (0,)
    assert Compiled([]).run(packed, torch.zeros(0, dtype=torch.int64)).shape == (0,)
    one = PackedScenes.pack([()])
    assert execute_tokens(torch.full((1, 4), -1), one).tolist() == [-1]
    assert execute_tokens(torch.zeros(1, 0, dtype=torch.int64), one).tolist() == [-1]


def test_bad_input_is_told():
    item = Item("large", "red", "metal", "cube", (0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="scene 1 has 16 objects, expected at most 15"):
        PackedScenes.pack([(), (item,) * 16])
    pink = Item("large", "pink", "metal", "cube", (0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="object 1 of scene 0 has color 'pink', expected one of"):
        PackedScenes.pack([(item, pink)])
    values = torch.full((2, 10, 4), -1, dtype=torch.int8)
    with pytest.raises(ValueError, match="counts of 1 to 11 objects and 44 unknown values"):
        PackedScenes.from_tensors(values, torch.zeros(2, 10, 3), torch.tensor([1, 11]))
    packed = PackedScenes.pack([(item,)])
    with pytest.raises(ValueError, match="got 2 programs and 1 scenes"):
        execute_tokens(torch.zeros(2, 3, dtype=torch.int64), packed)
    with pytest.raises(ValueError, match="got tokens 0 to 40, expected -1"):
        execute_tokens(torch.tensor([[0, 40]]), packed)
    with pytest.raises(ValueError, match="got tokens -2 to 3, expected -1"):
        Compiled.from_tokens(torch.tensor([[-2, 3]]))
    compiled = Compiled([from_tokens(["count", "scene"])])
    with pytest.raises(ValueError, match="got 2 image numbers for 1 programs"):
        compiled.run(packed, torch.tensor([0, 0]))
    with pytest.raises(ValueError, match="image numbers 1 to 1, expected 0 to 0"):
        compiled.run(packed, torch.tensor([1]))


def test_any_kind_of_whole_numbers_will_do():
    programs, scenes = mixture(200, 6)
    packed, tokens = PackedScenes.pack(scenes), numbers(programs)
    expected = Compiled.from_tokens(tokens).run(packed, torch.arange(200))
    narrow = tokens.to(torch.int32).T.contiguous().T
    every_second = torch.arange(400, dtype=torch.int32)[::2] // 2
    assert torch.equal(Compiled.from_tokens(narrow).run(packed, every_second), expected)
