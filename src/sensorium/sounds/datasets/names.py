"""What the name of a list file says about its split."""

from __future__ import annotations

import re

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
    "eval": "test",
}
_WORD = re.compile(rf"(?<![a-z])({'|'.join(sorted(_SPLITS, key=len, reverse=True))})(?![a-z])")


def split_of_name(name: str) -> str:
    """``train``, ``val`` or ``test`` where the name holds such a word, else ""."""
    found = _WORD.search(name.lower())
    return _SPLITS[found[1]] if found else ""
