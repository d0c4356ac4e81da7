"""Every word that the blocks world can say, read off its sentences rather than heard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product

from sensorium.questions.vocabulary import Words, tokenise
from sensorium.worlds.blocks.families import RELATION, SLOT, Family
from sensorium.worlds.blocks.vocabulary import DIRECTIONS, VALUES
from sensorium.worlds.blocks.wording import SYNONYMS

_VALUES: dict[str, tuple[str, ...]] = {str(a): values for a, values in VALUES.items()}
_OPTIONAL = re.compile(r"\[[^\]]*\]")


@cache
def blocks_words() -> Words:
    """The vocabulary of questions about the blocks world."""
    from sensorium.worlds.blocks.templates import FAMILIES

    said: set[str] = set()
    for family in FAMILIES:
        for text in family.texts:
            for variant in (_OPTIONAL.sub("", text), re.sub(r"[\[\]]", "", text)):
                said |= _words(variant, family)
    return Words.of([" ".join(sorted(said))])


def _words(text: str, family: Family) -> set[str]:
    """Words of one sentence, however its slots are filled."""
    out: set[str] = set()
    first = True
    for piece in tokenise(text):
        forms = [words.split() for words in _filled(piece, family)]
        for form in forms:
            out.update(form)
            if first and form:
                out.add(form[0][0].upper() + form[0][1:])
        first = first and [] in forms  # nothing was said yet
    # "Another" may lose its "other", and "a" becomes "an" before a vowel.
    for word, instead in (("another", "a"), ("Another", "A"), ("a", "an"), ("A", "An")):
        if word in out:
            out.add(instead)
    return out


def _filled(piece: str, family: Family) -> Iterator[str]:
    """A piece of a sentence with everything that its slots can be filled with."""
    slots = SLOT.findall(piece)
    if not slots:
        yield piece
        return
    gaps = SLOT.split(piece)[::2]
    for fillings in product(*(_said(family.kinds[f"<{slot}>"]) for slot in slots)):
        parts = [part for pair in zip(gaps, (*fillings, ""), strict=True) for part in pair]
        yield "".join(parts)


def _said(kind: str) -> list[str]:
    """How a slot of a kind can be filled, in words."""
    empty = "thing" if kind == "shape" else ""
    values = DIRECTIONS if kind == RELATION else (*_VALUES[kind], empty)
    return [word for value in values for word in SYNONYMS.get(value, (value,))]
