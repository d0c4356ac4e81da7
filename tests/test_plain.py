from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.plain import from_plain, to_plain
from sensorium.recipe import Optimiser, Schedule, Stage


@dataclass(frozen=True)
class Inner:
    size: int
    scale: float = 1.0


@dataclass(frozen=True)
class Outer:
    inner: Inner
    names: tuple[str, ...] = ()
    pair: tuple[int, str] = (1, "a")
    nested: tuple[tuple[str, float], ...] = ()
    many: tuple[Inner, ...] = ()
    kind: Literal["a", "b", 3] = "a"
    maybe: Inner | None = None
    place: Path | None = None
    either: int | str = 0
    numbers: dict[str, float] = field(default_factory=dict)
    anything: Any = None
    yes: bool = True


inners = st.builds(Inner, st.integers(), st.floats(allow_nan=False, allow_infinity=False))
outers = st.builds(
    Outer,
    inner=inners,
    names=st.lists(st.text()).map(tuple),
    pair=st.tuples(st.integers(), st.text()),
    nested=st.lists(st.tuples(st.text(), st.floats(-1e9, 1e9))).map(tuple),
    many=st.lists(inners).map(tuple),
    kind=st.sampled_from(["a", "b", 3]),
    maybe=st.none() | inners,
    place=st.none() | st.sampled_from([Path("a/b"), Path("/c")]),
    either=st.integers() | st.text(),
    numbers=st.dictionaries(st.text(), st.floats(-1e9, 1e9)),
    anything=st.none() | st.text(),
    yes=st.booleans(),
)


@given(outers)
def test_there_and_back_through_json(value: Outer) -> None:
    assert from_plain(Outer, json.loads(json.dumps(to_plain(value)))) == value


@pytest.mark.parametrize(
    "value",
    [
        Stage("s", 3, Optimiser("adamw"), Schedule("steps", milestones=(0.4, 0.8))),
        Stage(weights=(("loss", 1.0), ("other", 0.5)), freeze=("body",)),
    ],
)
def test_stages_survive(value: Stage) -> None:
    assert from_plain(Stage, json.loads(json.dumps(to_plain(value)))) == value


def test_defaults_fill_in_and_whole_numbers_are_floats() -> None:
    assert from_plain(Outer, {"inner": {"size": 2, "scale": 3}}) == Outer(Inner(2, 3.0))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "x: key 'inner' is missing; Outer needs it"),
        ([], "x: expected an object with the keys of Outer, got []"),
        ({"inner": {"size": 1, "siez": 2}}, "x.inner: unknown key 'siez'; did you mean 'size'"),
        ({"inner": {"size": 1.5}}, "x.inner.size: expected int, got 1.5"),
        ({"inner": {"size": True}}, "x.inner.size: expected int, got True"),
        ({"inner": {"size": 1, "scale": "1"}}, "x.inner.scale: expected float, got '1'"),
        ({"inner": {"size": 1}, "names": "abc"}, "x.names: expected a list, got 'abc'"),
        ({"inner": {"size": 1}, "names": ["a", 1]}, "x.names[1]: expected str, got 1"),
        ({"inner": {"size": 1}, "pair": [1]}, "x.pair: expected a list of 2, got [1]"),
        ({"inner": {"size": 1}, "kind": "c"}, "x.kind: expected one of 'a', 'b', 3, got 'c'"),
        ({"inner": {"size": 1}, "maybe": 3}, "x.maybe: expected an object with the keys of Inner"),
        ({"inner": {"size": 1}, "either": 1.5}, "x.either: expected int or str, got 1.5"),
        ({"inner": {"size": 1}, "place": 3}, "x.place: expected Path, got 3"),
        ({"inner": {"size": 1}, "numbers": {"a": "b"}}, "x.numbers.a: expected float, got 'b'"),
        ({"inner": {"size": 1}, "yes": 1}, "x.yes: expected bool, got 1"),
        ({"inner": {"size": "a" * 999}}, "x.inner.size: expected int, got 'aaaa"),
    ],
)
def test_what_is_wrong_is_said_in_one_short_line(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match="x") as caught:
        from_plain(Outer, value, "x")
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 200


def test_what_has_no_plain_form() -> None:
    with pytest.raises(ValueError, match="which has no plain form"):
        to_plain({"a": object()})
