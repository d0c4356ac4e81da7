from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sensorium.plain import from_plain, to_plain
from sensorium.store import system_of
from sensorium.training import recipe, recipes


def test_every_recipe_is_named_described_and_plain() -> None:
    for name, make in recipes().items():
        made = make()
        assert made.name == name
        assert made.description
        own = [stage.data for stage in made.stages if stage.data is not None]
        bare = [replace(stage, data=None) for stage in made.stages]
        for part in (made.data, made.system, *bare, *own):
            assert from_plain(type(part), json.loads(json.dumps(to_plain(part)))) == part
        assert system_of(made.system).Config is type(made.system)


def test_unknown_recipe_is_guessed() -> None:
    with pytest.raises(ValueError, match="unknown recipe 'tsm-tinny'; did you mean 'tsm-tiny'"):
        recipe("tsm-tinny")
    assert recipe("tsm-tiny").name == "tsm-tiny"


def test_system_of_a_foreign_config() -> None:
    with pytest.raises(ValueError, match="no system takes a dict; expected one of TSM"):
        system_of({})
