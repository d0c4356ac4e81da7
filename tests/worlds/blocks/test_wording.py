"""How questions are worded: synonyms, parts that may go, "other", articles."""

from __future__ import annotations

import random

import pytest

from sensorium.worlds.blocks.families import Family
from sensorium.worlds.blocks.templates.drafting import Draft, block, slot
from sensorium.worlds.blocks.wording import SYNONYMS, say

SILENT = dict.fromkeys(block(1).split()) | dict.fromkeys(block(2).split())


def family(text: str) -> Family:
    """A family of two descriptions with one sentence."""
    draft = Draft()
    alike = draft.add("same_color", draft.filter(1, "_unique"))
    draft.filter(2, "_count", alike)
    return draft.done(("mine.json", 0), [text])


def said(text: str, **values: str) -> set[str]:
    """All that is said in many draws; ``Z2="small"`` fills ``<Z2>``."""
    filled = SILENT | {f"<{name}>": value for name, value in values.items()}
    rng = random.Random(0)
    return {say(family(text), filled, rng) for _ in range(200)}


def test_slots_are_named_as_clevrs() -> None:
    assert slot("R", 1) == "<R>"
    assert block(2) == "<Z2> <C2> <M2> <S2>"


def test_synonyms_and_empty_slots() -> None:
    assert said(f"Any {block(1)}?") == {"Any thing?", "Any object?"}
    assert said(f"Any {block(1)}s?", C="red", S="sphere") == {"Any red spheres?", "Any red balls?"}
    every = said(f"Any {block(1)}?", Z="small", C="red", M="metal", S="cube")
    assert len(every) == len(SYNONYMS["small"]) * len(SYNONYMS["metal"]) * len(SYNONYMS["cube"])
    assert "Any tiny red shiny block?" in every


def test_parts_in_brackets_may_go() -> None:
    assert said(f"[Now,] how many [of the] {block(1)}s [are there] ?", S="cylinder") == {
        f"{start} many {part}cylinders{end}?"
        for start in ("Now, how", "How")
        for part in ("of the ", "")
        for end in (" are there", "")
    }


def test_the_article_fits() -> None:
    assert said(f"Is a {block(1)} there?") == {"Is a thing there?", "Is an object there?"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"C": "red", "C2": "blue"}, {"Is a blue thing like the red thing?"}),
        ({"C": "red", "C2": "red"}, {"Is another red thing like the red thing?"}),
        ({"C2": "red"}, {"Is another red thing like the thing?"}),
        ({"C": "red", "Z2": "large"}, {"Is another large thing like the red thing?"}),
        ({"S": "cube", "S2": "cylinder"}, {"Is a cylinder like the cube?"}),
    ],
)
def test_other_goes_where_descriptions_exclude_each_other(
    values: dict[str, str], expected: set[str]
) -> None:
    sentences = said(f"Is another {block(2)} like the {block(1)}?", **values)
    plain = {"object": "thing", "an ": "a ", "big": "large", "block": "cube"}
    for word, same in plain.items():
        sentences = {s.replace(word, same) for s in sentences}
    assert sentences == expected


def test_any_other_loses_only_other() -> None:
    sentences = said(f"Does any other {block(2)} match the {block(1)}?", Z="small", Z2="large")
    assert "Does any large thing match the small thing?" in sentences
    assert not any("other" in s for s in sentences)
