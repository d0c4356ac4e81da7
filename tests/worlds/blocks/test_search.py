"""The search, against one that forgets where it has been, and sets of blocks as bits."""

from __future__ import annotations

import random
from dataclasses import replace

from sensorium.worlds.blocks.balancing import ANSWERS_OF
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.plans import Plan
from sensorium.worlds.blocks.scenes import Scene
from sensorium.worlds.blocks.search import BUDGET, Search
from sensorium.worlds.blocks.sets import ANYTHING, SceneSets, absent, is_single
from sensorium.worlds.blocks.templates import FAMILIES
from sensorium.worlds.blocks.vocabulary import DIRECTIONS, VALUES


def small(seed: int, blocks: int = 4) -> Scene:
    """A scene of a few blocks."""
    scene = place(seed)
    return replace(scene, blocks=scene.blocks[:blocks])


class Forgetful(set[tuple[object, ...]]):
    """Remembers nothing."""

    def __contains__(self, _: object) -> bool:
        return False


def test_remembering_hopeless_states_loses_no_question() -> None:
    found, saved = 0, 0
    for number, blocks in ((8, 2), (13, 3), (24, 2), (61, 2), (65, 3), (70, 2), (78, 2)):
        plan = Plan(FAMILIES[number])
        answers = ANSWERS_OF[plan.family.nodes[-1].gives]
        sets = SceneSets(small(1, blocks))
        for answer in answers[:4]:
            refused = frozenset(answers) - {answer}
            search, slow = (Search(plan, sets, random.Random(3), refused) for _ in range(2))
            slow._hopeless = Forgetful()
            one, other = search.find(), slow.find()
            assert slow.tried < BUDGET
            assert (one is None) == (other is None), (number, answer)
            assert one is None or one.answer == answer
            found += one is not None
            saved += slow.tried - search.tried
    assert found > 5
    assert saved > 1000


def test_sets_are_those_of_plain_lists() -> None:
    scene = place(5)
    sets, blocks = SceneSets(scene), scene.blocks
    everyone = range(len(blocks))

    def members(bits: int) -> list[int]:
        return [i for i in everyone if bits >> i & 1]

    assert members(sets.everything) == list(everyone)
    for key, found in sets.described.items():
        wanted = dict(zip(VALUES, key, strict=True))
        fitting = [
            i
            for i in everyone
            if all(v is None or getattr(blocks[i], a) == v for a, v in wanted.items())
        ]
        assert members(found) == fitting != []
        assert is_single(found) == (len(fitting) == 1)
    related = scene.related()
    for i in everyone:
        for d in DIRECTIONS:
            assert members(sets.related[d][1 << i]) == related[d][i].nonzero()[0].tolist()
        for a in VALUES:
            same = [j for j in everyone if getattr(blocks[j], a) == getattr(blocks[i], a)]
            assert members(sets.alike[a][1 << i]) == [j for j in same if j != i]
            assert sets.value(a, 1 << i) == getattr(blocks[i], a)


def test_idle_relations_are_told_apart() -> None:
    sets = SceneSets(place(5))
    for anchor in (1, 2, 4):
        telling, idle = sets.reached(anchor, frozenset(), is_single)
        assert all(is_single(f.found) and f.found != f.anywhere for f in telling)
        assert all(is_single(f.found) and f.found == f.anywhere for f in idle)
        assert telling
        assert idle


def test_absent_descriptions_fit_nothing() -> None:
    rng = random.Random(1)
    sets = SceneSets(place(5))
    for _ in range(50):
        key = absent(sets, frozenset({1}), rng.random)
        assert key is not None
        assert key[1] is None
        assert key not in sets.described
        assert key != ANYTHING
    whole = SceneSets(small(5, 1))
    assert absent(whole, frozenset({0, 1, 2, 3}), rng.random) is None
