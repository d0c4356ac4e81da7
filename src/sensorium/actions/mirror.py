"""What a class is called in the mirror: the label-aware horizontal flip, by class name.

TSM's released code never flips Something-Something or Jester, MMAction2 flips them and swaps
labels by index, which breaks as soon as the order of the labels differs and forgets turning
clockwise. Here the names decide: "Pulling something from left to right" becomes "... from right
to left", "Turning Hand Clockwise" becomes "... Counterclockwise", "Clapping" stays. A name with a
direction whose partner is not among the classes has no name in the mirror: such clips must not be
flipped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PAIRS = (
    ("left", "right"),
    ("leftward", "rightward"),
    ("leftwards", "rightwards"),
    ("lefthand", "righthand"),
    ("clockwise", "counterclockwise"),
)
_MIRRORED = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
_AGAINST = re.compile(r"\b(?:counter|anti) ?clockwise\b")
_WORD_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def _words(name: str) -> list[str]:
    """Lower-case words of a class name, whatever joins them: blanks, ``_``, ``-`` or camelCase."""
    text = " ".join(w for w in _WORD_BORDER.split(name) if w).lower()
    return _AGAINST.sub("counterclockwise", text).split()


def mirror_classes(classes: Sequence[str]) -> dict[str, str | None]:
    """For each class name its name in the mirror, or ``None`` where flipping would make it wrong.

    >>> mirror_classes(["Swiping Left", "Swiping Right", "Clapping", "turn_left"])["Swiping Left"]
    'Swiping Right'
    """
    words = {name: _words(name) for name in classes}
    named = {" ".join(w): name for name, w in words.items()}
    mirrored: dict[str, str | None] = {}
    for name, own in words.items():
        if any(w in _MIRRORED for w in own):
            mirrored[name] = named.get(" ".join(_MIRRORED.get(w, w) for w in own))
        else:
            mirrored[name] = name
    return mirrored


def mirror_labels(classes: Sequence[str]) -> tuple[int | None, ...]:
    """`mirror_classes` by index: the label of each class in the mirror, ``None``: never flip."""
    place = {name: k for k, name in enumerate(classes)}
    mirrored = mirror_classes(classes)
    partners = [mirrored[name] for name in classes]
    return tuple(None if p is None else place[p] for p in partners)
