"""Masks as COCO's compressed run lengths, the form in which CLEVR-mini holds them.

A mask is read column by column; the lengths of its runs, the first of background, are written as
differences to the run before the last, five bits to a character.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Int64


def encode(mask: Bool[np.ndarray, "H W"]) -> dict[str, Any]:
    """``{"size": [H, W], "counts": text}``."""
    flat = mask.ravel(order="F")
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs: list[int] = np.diff(turns, prepend=0, append=flat.size).tolist()
    if flat.size and flat[0]:
        runs.insert(0, 0)
    text = []
    for number, run in enumerate(runs):
        rest = run - runs[number - 2] if number > 2 else run
        while True:
            five, rest = rest & 31, rest >> 5
            if rest == (-1 if five & 16 else 0):
                text.append(chr(48 + five))
                break
            text.append(chr(48 + five + 32))
    return {"size": list(mask.shape), "counts": "".join(text)}


def decode(written: Any) -> Bool[np.ndarray, "H W"]:
    """The mask of `encode`'s form, or of COCO's plain one (``counts`` a list of lengths).

    Raises:
        ValueError: when it is neither, or its lengths do not fill its size.
    """
    try:
        height, width = (int(side) for side in written["size"])
        counts = written["counts"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"a mask must be {{'size': [H, W], 'counts': …}}, got {written!r:.60}"
        ) from None
    runs = _lengths(counts) if isinstance(counts, str) else np.asarray(counts, np.int64)
    if runs.ndim != 1 or (runs < 0).any() or int(runs.sum()) != height * width:
        raise ValueError(f"the mask's counts do not fill {height}x{width} pixels")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    mask: Bool[np.ndarray, "H W"] = flat.reshape(width, height).T  # columns first
    return np.ascontiguousarray(mask)


def _lengths(text: str) -> Int64[np.ndarray, " R"]:
    """The runs that ``text`` spells."""
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        code = ord(letter) - 48
        if not 0 <= code < 64:
            raise ValueError(f"the mask's counts hold {letter!r}, which spells no length")
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:
                value -= 1 << shift
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value = shift = 0
    if shift:
        raise ValueError("the mask's counts break off in the middle of a length")
    return np.asarray(runs, np.int64)
