"""Blocks that share an attribute with another."""

from __future__ import annotations

from sensorium.worlds.blocks.families import Family
from sensorium.worlds.blocks.templates.drafting import LETTERS, Draft, block, slot
from sensorium.worlds.blocks.templates.phrases import asking

_FILE = "same_relate.json"
_ORDER = ("size", "color", "material", "shape")


def same_relate() -> list[Family]:
    """Whether any and how many, without and with a description; then the other attributes."""
    families: list[Family] = []
    for kind in ("exist", "count", "filter_exist", "filter_count"):
        for attribute in _ORDER:
            families.append(_number(len(families), kind, attribute))
    for shared in _ORDER:
        for asked in _ORDER:
            if asked != shared:
                families.append(_other(len(families), shared, asked))
    return families


def _number(number: int, kind: str, attribute: str) -> Family:
    """Whether any other block shares ``attribute``, or how many do."""
    draft = Draft()
    alike = draft.add(f"same_{attribute}", draft.filter(1, "_unique"))
    silent = [slot(LETTERS[attribute], 1)]
    if kind.startswith("filter"):
        draft.filter(2, kind.removeprefix("filter"), alike)
        silent.append(slot(LETTERS[attribute], 2))
    else:
        draft.add(kind, alike)
    texts = {
        "exist": _any_thing,
        "count": _things,
        "filter_exist": _any_block,
        "filter_count": _blocks,
    }[kind](attribute, f"the {block(1)}")
    return draft.done((_FILE, number), texts, silent)


def _other(number: int, shared: str, asked: str) -> Family:
    """What the one other block that shares an attribute is like."""
    draft = Draft()
    alike = draft.add(f"same_{shared}", draft.filter(1, "_unique"))
    draft.add(f"query_{asked}", draft.filter(2, "_unique", alike))
    named = f"the other {block(2)}"
    texts = [
        *asking(asked, f"{named} with the same {shared} as the {block(1)}", short=True),
        *asking(asked, f"{named} that shares the {shared} of the {block(1)}", short=True)[:2],
        f"What {asked} is {named} of the same {shared} as the {block(1)}?",
        f"Another {block(2)} matches the {block(1)} in {shared}; what is its {asked}?",
    ]
    silent = [slot(LETTERS[a], n) for a, n in ((shared, 1), (shared, 2), (asked, 2))]
    return draft.done((_FILE, number), texts, silent)


def _any_thing(attribute: str, named: str) -> list[str]:
    """Whether anything shares the attribute."""
    return [
        f"Does any other thing have the same {attribute} as {named}?",
        f"Does anything else share the {attribute} of {named}?",
        f"Is there another object with the {attribute} of {named}?",
        f"Can you see anything else that has the same {attribute} as {named}?",
        f"Do any other objects match {named} in {attribute}?",
    ]


def _things(attribute: str, named: str) -> list[str]:
    """How many things share the attribute."""
    return [
        f"How many other things have the same {attribute} as {named}?",
        f"How many [of the] other objects share the {attribute} of {named}?",
        f"Count the other things that match {named} in {attribute}.",
        f"Look at {named}; how many other objects have that {attribute}?",
        f"What is the number of other things with the {attribute} of {named}?",
    ]


def _any_block(attribute: str, named: str) -> list[str]:
    """Whether anything that fits a description shares the attribute."""
    other = block(2)
    return [
        f"Does any other {other} have the same {attribute} as {named}?",
        f"Do any other {other}s share the {attribute} of {named}?",
        f"Is there another {other} with the {attribute} of {named}?",
        f"Can you see another {other} that matches {named} in {attribute}?",
    ]


def _blocks(attribute: str, named: str) -> list[str]:
    """How many that fit a description share the attribute."""
    other = block(2)
    return [
        f"How many other {other}s share the {attribute} of {named}?",
        f"How many other {other}s with the same {attribute} as {named} are there?",
        f"Count the other {other}s that match {named} in {attribute}.",
        f"What is the number of other {other}s that have the {attribute} of {named}?",
    ]
