"""Counting, existence and attributes, over no relation and over chains of one to three."""

from __future__ import annotations

from sensorium.worlds.blocks.families import Family
from sensorium.worlds.blocks.templates.drafting import LETTERS, Draft, block, slot
from sensorium.worlds.blocks.templates.phrases import LONGEST, asking, longest, standing

_FILES = ("zero_hop.json", "one_hop.json", "two_hop.json", "three_hop.json")
_ORDERS = (
    ("shape", "material", "color", "size"),
    ("size", "color", "material", "shape"),
    ("size", "color", "material", "shape"),
    ("size", "shape", "color", "material"),
)
"""In which CLEVR's files ask for the attributes."""


def zero_hop() -> list[Family]:
    """How many, whether any, and shape, material, color and size of a block."""
    file, one, many = _FILES[0], block(1), block(1) + "s"
    counting = Draft()
    counting.filter(1, "_count")
    seeing = Draft()
    seeing.filter(1, "_exist")
    families = [
        counting.done(
            (file, 0),
            [
                f"[In this picture,] how many {many} are there?",
                f"How many {many} can you see?",
                f"What is the number of {many} [in the picture]?",
                f"Count the {many}.",
                f"The picture shows how many {many}?",
            ],
        ),
        seeing.done(
            (file, 1),
            [
                f"[In this picture,] is there a {one}?",
                f"Can you see any {many} [in the picture]?",
                f"Does the picture show a {one}?",
                f"Is a {one} in the picture?",
                f"Are there any {many} [to be seen]?",
            ],
        ),
    ]
    for number, attribute in enumerate(_ORDERS[0], start=2):
        draft = Draft()
        draft.add(f"query_{attribute}", draft.filter(1, "_unique"))
        texts = asking(attribute, f"the {one}")
        families.append(draft.done((file, number), texts, [slot(LETTERS[attribute], 1)]))
    return families


def hops(steps: int) -> list[Family]:
    """How many, whether any, and the four attributes of what a chain of relations leads to.

    Args:
        steps: relations in the chain, 1 to 3.
    """
    file, last = _FILES[steps], steps + 1
    chains = [_chain(steps, style) for style in (0, 1)]
    plain, placed = chains
    families = []
    for number, (end, texts) in enumerate(
        (("_count", _counting(last, plain, placed)), ("_exist", _seeing(last, plain, placed)))
    ):
        draft = Draft()
        draft.related(_walk(draft, steps), steps, last, end)
        families.append(draft.done((file, number), texts))
    for number, attribute in enumerate(_ORDERS[steps], start=2):
        draft = Draft()
        found = draft.related(_walk(draft, steps), steps, last, "_unique")
        draft.add(f"query_{attribute}", found)
        named = [
            f"the {standing(last, steps, anchor, many=False)[style]}"
            for style, anchor in enumerate(chains)
        ]
        texts = [text for name in named for text in asking(attribute, name, short=steps == 3)]
        texts = [text for text in texts if longest(text) <= LONGEST]
        families.append(draft.done((file, number), texts, [slot(LETTERS[attribute], last)]))
    return families


def _walk(draft: Draft, steps: int) -> int:
    """The nodes of a chain up to its last anchor."""
    anchor = draft.filter(1, "_unique")
    for step in range(1, steps):
        anchor = draft.related(anchor, step, step + 1, "_unique")
    return anchor


def _chain(steps: int, style: int) -> str:
    """A phrase for a chain's last anchor, with its article."""
    anchor = f"the {block(1)}"
    for step in range(1, steps):
        anchor = f"the {standing(step + 1, step, anchor, many=False)[style]}"
    return anchor


def _counting(last: int, plain: str, placed: str) -> list[str]:
    """How many stand there."""
    many, where = block(last) + "s", slot("R", last - 1)
    return [
        f"How many {many} are [placed] {where} {plain}?",
        f"How many {many} stand {where} {placed}?",
        f"What is the number of {many} {where} {plain}?",
        f"Count the {many} {where} {placed}.",
    ]


def _seeing(last: int, plain: str, placed: str) -> list[str]:
    """Whether any stands there."""
    one, where = block(last), slot("R", last - 1)
    return [
        f"Is there a {one} {where} {plain}?",
        f"Does a {one} stand {where} {placed}?",
        f"Are there any {one}s [placed] {where} {plain}?",
        f"Can you see a {one} {where} {placed}?",
    ]
