from __future__ import annotations

from sensorium.suggest import did_you_mean


def test_the_nearest_name_is_offered() -> None:
    assert did_you_mean("tsmm", ["tsn", "tsm"]) == "; did you mean 'tsm'? known: tsm, tsn"


def test_nothing_near_nothing_offered() -> None:
    assert did_you_mean("xyz", ["b", "a"]) == "; known: a, b"
    assert did_you_mean("xyz", []) == "; known: none"
