"""The end of an error about an unknown name: the nearest known one, and what is known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """``"; did you mean 'tsm'? known: i3d, stnet, tsm"``, without the guess when none is near."""
    known = sorted(names)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    guess = f"; did you mean {near[0]!r}? known: " if near else "; known: "
    return guess + (", ".join(known) or "none")
