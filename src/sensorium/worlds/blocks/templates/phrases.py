"""Phrases that several groups of families share."""

from __future__ import annotations

import re

from sensorium.worlds.blocks.templates.drafting import block, slot


def asking(attribute: str, named: str, *, short: bool = False) -> list[str]:
    """Sentences that ask for an attribute of ``named`` ("the small ball").

    Args:
        attribute: what is asked for.
        named: a phrase for one block, with its article.
        short: leave out the longest ones, where ``named`` is long already.
    """
    texts = [
        f"What {attribute} does {named} have?",
        f"Look at {named}; what is its {attribute}?",
        f"{named} has which {attribute}?",
    ]
    if not short:
        texts.append(f"[In this picture,] what {attribute} is {named}?")
        texts.append(f"[In this picture,] what is the {attribute} of {named}?")
        texts.append(f"Can you see which {attribute} {named} has?")
    if attribute == "size":
        texts.append(f"{named} is how big?")
        if not short:
            texts.append(f"[In this picture,] how big is {named}?")
    if attribute == "material":
        texts.append(f"{named} is made of which material?")
        texts.append(f"What is {named} [really] made of?")
    return texts


def standing(number: int, relation: int, anchor: str, *, many: bool) -> tuple[str, str]:
    """Two phrases for what stands in a relation to ``anchor``, without an article in front.

    Args:
        number: of the description.
        relation: number of the relation.
        anchor: a phrase for one block, with its article.
        many: plural.
    """
    even = number % 2 == 0
    who, ending = f"{block(number)}{'s' if many else ''}", f"{slot('R', relation)} {anchor}"
    return (
        f"{who} [{'that' if even else 'which'} {'are' if many else 'is'}] {ending}",
        f"{who} {'standing' if even else 'placed'} {ending}",
    )


LONGEST = 44
"""Words and marks of a question at most: 46 in CLEVR, with the two that mark start and end."""


def longest(text: str) -> int:
    """Words and marks of the longest question that a sentence with slots can become."""
    text = re.sub(r"<R\d?>", "on the left side of", text)
    return len(re.sub(r"([;,])", r" \1", text).split())
