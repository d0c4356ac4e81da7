"""Two blocks' attributes compared, and two numbers of blocks."""

from __future__ import annotations

from sensorium.worlds.blocks.families import Family
from sensorium.worlds.blocks.templates.drafting import LETTERS, Draft, block, slot
from sensorium.worlds.blocks.templates.phrases import standing

_ORDER = ("size", "color", "material", "shape")


def comparison() -> list[Family]:
    """Whether two blocks share an attribute; each may be found by way of a relation."""
    by_relation = ((True, False), (False, True), (True, True))
    order = [(attribute, (False, False)) for attribute in _ORDER]
    order += [(attribute, sides) for attribute in _ORDER for sides in by_relation]
    return [_comparison(n, attribute, *sides) for n, (attribute, sides) in enumerate(order)]


def _comparison(number: int, attribute: str, first: bool, second: bool) -> Family:
    """Whether two blocks share ``attribute``; ``first`` and ``second``: by way of a relation."""
    draft, description, relations = Draft(), 0, 0
    ends: list[int] = []
    asked: list[int] = []
    described: list[int] = []  # by which description each of the two is found
    for by_relation in (first, second):
        description += 1
        node = draft.filter(description, "_unique")
        if by_relation:
            description, relations = description + 1, relations + 1
            node = draft.related(node, relations, description, "_unique")
        ends.append(node)
        described.append(description)
        asked.append(draft.add(f"query_{attribute}", node))
    draft.add(f"equal_{attribute}", *asked)
    letter = LETTERS[attribute]
    silent = [slot(letter, n) for n in described]
    if number == 4:  # CLEVR's file has the first description here, not the third
        silent = [slot(letter, 2), slot(letter, 1)]
    texts = [
        text
        for style in (0, 1)
        for text in _alike(attribute, *_sides(first, second, style))[style::2]
    ]
    return draft.done(("comparison.json", number), texts, silent, [(ends[0], ends[1])])


def _sides(first: bool, second: bool, style: int) -> tuple[str, str]:
    """Phrases for the two blocks, with their articles."""
    sides, description, relations = [], 0, 0
    for by_relation in (first, second):
        description += 1
        named = f"the {block(description)}"
        if by_relation:
            description, relations = description + 1, relations + 1
            named = f"the {standing(description, relations, named, many=False)[style]}"
        sides.append(named)
    return sides[0], sides[1]


def _alike(attribute: str, one: str, two: str) -> list[str]:
    """Whether two blocks share the attribute: an even number of sentences."""
    texts = [
        f"Do {one} and {two} match in {attribute}?",
        f"Are {one} and {two} [both] of the same {attribute}?",
        f"Does {one} have [exactly] the same {attribute} as {two}?",
        f"Is {one} [of] the same {attribute} as {two}?",
        f"Do {one} and {two} have [one and] the same {attribute}?",
        f"Is the {attribute} of {one} also that of {two}?",
    ]
    if attribute == "size":
        texts += [f"Is {one} as big as {two}?", f"Are {one} and {two} equal in size?"]
    if attribute == "material":
        texts += [
            f"Is {one} made of [exactly] the same material as {two}?",
            f"Are {one} and {two} made of one material?",
        ]
    return texts


_COMPARED = {
    "equal_integer": (
        "Are there [exactly] as many {} as {}?",
        "Is the number of {} equal to that of {}?",
        "Are {} and {} equal in number?",
        "Do we see the same number of {} and {}?",
    ),
    "less_than": (
        "Are there fewer {} than {} [in all]?",
        "Is the number of {} smaller than that of {}?",
        "Are {} fewer in number than {}?",
        "Do we see fewer {} than {}?",
    ),
    "greater_than": (
        "Are there more {} than {} [in all]?",
        "Is the number of {} larger than that of {}?",
        "Are {} greater in number than {}?",
        "Do we see more {} than {}?",
    ),
}


def compare_integer() -> list[Family]:
    """Whether there are as many, fewer or more of one than of the other."""
    families: list[Family] = []
    for related in (0, 1, 2):  # sides that are found by way of a relation
        for function in _COMPARED:
            families.append(_numbers(len(families), function, related))
    return families


def _numbers(number: int, function: str, related: int) -> Family:
    """Two numbers compared; the first ``related`` sides by way of a relation."""
    draft, description, relations = Draft(), 0, 0
    ends, anchors = [], []
    phrases: list[tuple[str, str]] = []
    for side in (0, 1):
        description += 1
        if side < related:
            anchors.append(draft.filter(description, "_unique"))
            named = f"the {block(description)}"
            description, relations = description + 1, relations + 1
            ends.append(draft.related(anchors[-1], relations, description, "_count"))
            phrases.append(standing(description, relations, named, many=True))
        else:
            ends.append(draft.filter(description, "_count"))
            phrases.append((f"{block(description)}s",) * 2)
    draft.add(function, *ends)
    texts = [
        text.format(phrases[0][style], phrases[1][style])
        for style in ((0, 1) if related else (0,))
        for text in _COMPARED[function]
    ]
    pair = anchors if related == 2 else ends
    different = [] if related == 1 else [(pair[0], pair[1])]
    return draft.done(("compare_integer.json", number), texts, (), different)
