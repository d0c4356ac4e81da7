import pickle
from collections import Counter

import pytest

from sensorium.worlds.portraits import identity, split_seed
from sensorium.worlds.portraits.actions import UNITS
from sensorium.worlds.portraits.people import BEARDS, HAIR_STYLES, SPLITS


def test_nobody_is_in_two_splits():
    people = {split: {split_seed(split, i) for i in range(500)} for split in SPLITS}
    assert all(len(seeds) == 500 for seeds in people.values())
    assert len(set().union(*people.values())) == 4 * 500


def test_an_unknown_split_or_person_is_refused():
    with pytest.raises(ValueError, match="train, val, test, judges, got 'dev'"):
        split_seed("dev", 0)
    with pytest.raises(ValueError, match="0 or more, got -1"):
        split_seed("train", -1)


def test_a_person_is_the_same_every_time_and_nobody_else():
    assert identity(5) == identity(5)
    assert identity(5) != identity(6)
    assert len({identity(seed) for seed in range(50)}) == 50
    assert pickle.loads(pickle.dumps(identity(5))) == identity(5)


def test_style_has_a_factor_per_action_unit():
    who = identity(3)
    assert len(who.style) == len(UNITS)
    assert all(0.7 < s < 1.3 for s in who.style)


def test_groups_are_all_met_and_independent_of_the_split():
    counts = {split: Counter[str]() for split in SPLITS}
    for split in SPLITS:
        for i in range(200):
            groups = identity(split_seed(split, i)).groups()
            assert set(groups) == {"skin", "age", "glasses", "beard", "hair"}
            counts[split].update(f"{k}={v}" for k, v in groups.items())
    for split in SPLITS:
        assert set(counts[split]) == set(counts["train"])
        for group, count in counts[split].items():
            assert abs(count - counts["train"][group]) < 70
    hair = {name.split("=")[1] for name in counts["train"] if name.startswith("hair=")}
    assert hair == set(HAIR_STYLES)
    assert {identity(s).beard for s in range(300)} == set(BEARDS)
