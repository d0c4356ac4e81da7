"""And and or: blocks in two relations at once, and blocks of either kind."""

from __future__ import annotations

from sensorium.worlds.blocks.families import Family
from sensorium.worlds.blocks.templates.drafting import LETTERS, Draft, block, slot
from sensorium.worlds.blocks.templates.phrases import asking, standing


def single_and() -> list[Family]:
    """How many stand in two relations at once, and what the only one that does is like."""
    where = f"<R> the {block(1)} and [also] <R2> the {block(2)}"
    many = f"{block(3)}s"
    counting = Draft()
    counting.filter(3, "_count", _both(counting)[2])
    families = [
        counting.done(
            ("single_and.json", 0),
            [
                f"How many {many} are {where}?",
                f"How many {many} stand both {where}?",
                f"Count the {many} that are {where}.",
                f"What is the number of {many} {where}?",
            ],
        )
    ]
    for number, attribute in enumerate(LETTERS, start=1):
        draft = Draft()
        first, second, both = _both(draft)
        draft.add(f"query_{attribute}", draft.filter(3, "_unique", both))
        texts = [
            *asking(attribute, f"the {block(3)} [which is] {where}", short=True),
            *asking(attribute, f"the {block(3)} standing both {where}", short=True),
        ]
        silent = [slot(LETTERS[attribute], 3)]
        families.append(draft.done(("single_and.json", number), texts, silent, [(first, second)]))
    return families


def _both(draft: Draft) -> tuple[int, int, int]:
    """Nodes of what stands in one relation, in the other, and in both."""
    ends = [draft.add("relate", draft.filter(n, "_unique"), slots=(slot("R", n),)) for n in (1, 2)]
    return ends[0], ends[1], draft.add("intersect", *ends)


def single_or() -> list[Family]:
    """How many are of one kind or of the other, and how many of those have an attribute."""
    plain = (f"{block(1)}s", f"{block(2)}s")
    first, other = (standing(n, r, f"the {block(a)}", many=True) for n, r, a in _PLACES)
    apart = standing(3, 1, f"the {block(2)}", many=True)
    return [
        _either(0, (False, False), [plain]),
        _among(1, "size"),
        _among(2, "color"),
        _either(3, (True, True), list(zip(first, other, strict=True))),
        _among(4, "material"),
        _among(5, "shape"),
        _either(6, (True, False), [(phrase, f"{block(3)}s") for phrase in first]),
        _either(7, (False, True), [(f"{block(1)}s", phrase) for phrase in apart]),
    ]


_PLACES = ((2, 1, 1), (4, 2, 3))
"""Description, relation and anchor of each side, where both are found by way of a relation."""


def _either(number: int, by_relation: tuple[bool, bool], phrases: list[tuple[str, str]]) -> Family:
    """How many are of one kind or the other."""
    draft, description, relations = Draft(), 0, 0
    ends = []
    for related in by_relation:
        description += 1
        if related:
            anchor = draft.filter(description, "_unique")
            description, relations = description + 1, relations + 1
            ends.append(draft.related(anchor, relations, description))
        else:
            ends.append(draft.filter(description))
    draft.add("count", draft.add("union", *ends))
    texts = [
        text
        for one, two in phrases
        for text in (
            f"How many things are {one} or [else] {two}?",
            f"How many objects do we see that are {one} or {two}?",
            f"Count the things that are {one} or {two}.",
            f"What is the number of objects that are {one} or {two}?",
        )
    ]
    different = [] if any(by_relation) else [(ends[0], ends[1])]
    return draft.done(("single_or.json", number), texts, (), different)


def _among(number: int, attribute: str) -> Family:
    """How many of one kind or the other have an attribute."""
    draft = Draft()
    ends = (draft.filter(1), draft.filter(2))
    letter = LETTERS[attribute]
    wanted = slot(letter, 3)
    union = draft.add("union", *ends)
    draft.add("count", draft.add(f"filter_{attribute}", union, slots=(wanted,)))
    one, two = f"{block(1)}s", f"{block(2)}s"
    if attribute == "shape":
        things, are = [f"{wanted}s", f"{wanted}s"], f"{wanted}s"
    else:
        things, are = [f"{wanted} things", f"{wanted} objects"], wanted
    texts = [
        f"How many {things[0]} are {one} or [else] {two}?",
        f"How many {things[1]} do we see that are {one} or {two}?",
        f"Look at the {one} and the {two}; how many are {are}?",
        f"Count the {things[0]} that are {one} or {two}.",
    ]
    silent = [slot(letter, 1), slot(letter, 2)]
    return draft.done(("single_or.json", number), texts, silent, [ends])
