"""Balancing of answers, against the rule worked by hand."""

from __future__ import annotations

import random

from sensorium.worlds.blocks.balancing import AGAIN, Balance
from sensorium.worlds.blocks.templates import FAMILIES

EXIST, COUNT = 85, 84


def given(number: int, **answers: int) -> Balance:
    """A balance after answers were given so often (``n3=2``: the answer 3, twice)."""
    balance = Balance(FAMILIES)
    balance.next_picture()
    for answer, times in answers.items():
        for _ in range(times):
            balance.note(number, answer.removeprefix("n"))
    return balance


def test_the_runner_up_holds_the_first_back() -> None:
    assert Balance(FAMILIES).refused(EXIST) == frozenset()
    assert given(EXIST, yes=1).refused(EXIST) == {"yes"}


def test_a_tenth_more_is_allowed() -> None:
    balance = Balance(FAMILIES)
    for answer, times in (("yes", 11), ("no", 10)):
        for _ in range(times):
            balance.note(EXIST, answer)
    assert balance.refused(EXIST) == frozenset()  # 11 is not more than 1.1 times 10
    balance.note(EXIST, "yes")
    assert balance.refused(EXIST) == {"yes"}


def test_the_median_holds_both_back() -> None:
    balance = given(COUNT, n0=26, n1=26)
    assert balance.refused(COUNT) == {"0", "1"}  # more than 5 times 5
    assert given(COUNT, n0=25, n1=25).refused(COUNT) == frozenset()
    often = {f"n{n}": 7 for n in range(2, 11)}
    assert given(COUNT, n0=35, n1=35, **often).refused(COUNT) == frozenset()
    assert given(COUNT, n0=36, n1=36, **often).refused(COUNT) == {"0", "1"}


def test_counts_start_again() -> None:
    balance = given(EXIST, yes=1)
    for _ in range(AGAIN - 1):
        balance.next_picture()
    assert balance.refused(EXIST) == {"yes"}
    balance.next_picture()
    assert balance.refused(EXIST) == frozenset()


def test_families_used_least_come_first() -> None:
    balance = Balance(FAMILIES)
    for number in range(90):
        if number not in (3, 40):
            balance.note(number, next(iter(balance._given[number])))
    order = balance.order(random.Random(1))
    assert set(order[:2]) == {3, 40}
    assert sorted(order) == list(range(90))
    orders = {tuple(balance.order(random.Random(seed))) for seed in range(5)}
    assert len(orders) == 5  # equals are not taken in blocks of one file
