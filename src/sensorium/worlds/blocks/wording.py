"""Wording: from a family's sentence and what fills its slots to the question as it is asked.

Values have synonyms, parts in square brackets are left out half of the time, an empty slot leaves
no gap (an empty shape is a thing), and "other" goes where the two descriptions exclude each other
anyway: all as CLEVR's script. The article fits the word that follows, which CLEVR's does not.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from sensorium.worlds.blocks.families import SLOT, Family

SYNONYMS: dict[str, tuple[str, ...]] = {
    "thing": ("thing", "object"),
    "sphere": ("sphere", "ball"),
    "cube": ("cube", "block"),
    "large": ("large", "big"),
    "small": ("small", "tiny"),
    "metal": ("metallic", "metal", "shiny"),
    "rubber": ("rubber", "matte"),
    "left": ("left of", "to the left of", "on the left side of"),
    "right": ("right of", "to the right of", "on the right side of"),
    "behind": ("behind",),
    "front": ("in front of",),
}
"""How a value can be said; a value that is not here is said as it is."""

_OPTIONAL = re.compile(r"\[([^\]]*)\]")
_GAP = re.compile(r"\s+([?;,.]|$)")
_BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou])")
_TWO = frozenset(f"<{letter}{number}>" for letter in "ZCMS" for number in ("", "2"))


def say(family: Family, values: Mapping[str, str | None], rng: random.Random) -> str:
    """A question in words; which of the family's sentences, synonyms and parts, ``rng`` draws."""
    text = rng.choice(family.texts)
    text = _OPTIONAL.sub(lambda part: part[1] if rng.random() < 0.5 else "", text)
    if "other" in text and _exclude_each_other(values):
        text = text.replace("nother ", " ").replace(" other ", " ")

    def filled(slot: re.Match[str]) -> str:
        name = slot[0]
        value = values[name]
        if value is None:
            value = "thing" if family.kinds[name] == "shape" else ""
        said = SYNONYMS.get(value)
        return rng.choice(said) if said else value

    text = " ".join(SLOT.sub(filled, text).split())
    text = _GAP.sub(r"\1", text)
    text = _BEFORE_VOWEL.sub(r"\1n ", text)
    return text[0].upper() + text[1:]


def _exclude_each_other(values: Mapping[str, str | None]) -> bool:
    """Whether the only two descriptions give some attribute different values."""
    if frozenset(name for name in values if not name.startswith("<R")) != _TWO:
        return False
    pairs = ((values[f"<{letter}>"], values[f"<{letter}2>"]) for letter in "ZCMS")
    return any(one and two and one != two for one, two in pairs)
