"""The visible mark: a white strip below the picture that says AI-GENERATED.

It stands below so that no face is hidden, in letters of whole pixels so that it stays sharp and
can be found again by comparing, as long as the picture is not scaled or cut.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

_INK, _PAPER = 24, 240
_ROWS = 12  # of a strip at scale 1: seven for the letters, the rest above and below
_LETTERS = {
    "A": ".##. #..# #..# #### #..# #..# #..#",
    "I": "### .#. .#. .#. .#. .#. ###",
    "-": "... ... ... ### ... ... ...",
    "G": ".### #... #... #.## #..# #..# .###",
    "E": "#### #... #... ###. #... #... ####",
    "N": "#...# ##..# ##..# #.#.# #..## #..## #...#",
    "R": "###. #..# #..# ###. #.#. #..# #..#",
    "T": "##### ..#.. ..#.. ..#.. ..#.. ..#.. ..#..",
    "D": "###. #..# #..# #..# #..# #..# ###.",
}
_LONG, _SHORT = "AI-GENERATED", "AI"
_ALIKE = 0.8
"""Correlation from which a strip counts as found."""


def strip(width: int) -> UInt8[Tensor, "3 h W"]:
    """The strip below a picture of ``width`` pixels; ``AI`` alone where more does not fit.

    Raises:
        ValueError: when not even that fits.
    """
    scale = min(max(1, width // 128), 4)
    words = [
        letters for text in (_LONG, _SHORT) if (letters := _written(text)).shape[1] + 2 <= width
    ]
    if not words:
        raise ValueError(f"a picture of {width} pixels is too narrow for a label; use --size")
    ink = np.kron(words[0], np.ones((scale, scale), bool))
    rows = np.full((_ROWS * scale, width), _PAPER, np.uint8)
    top, left = 2 * scale + scale // 2, (width - ink.shape[1]) // 2
    rows[top : top + ink.shape[0], left : left + ink.shape[1]][ink] = _INK
    return torch.from_numpy(rows).expand(3, -1, -1).contiguous()


def labelled(picture: UInt8[Tensor, "3 H W"]) -> UInt8[Tensor, "3 H2 W"]:
    """The picture with the strip below."""
    return torch.cat([picture, strip(picture.shape[2])], 1)


def has_label(picture: UInt8[Tensor, "3 H W"]) -> bool:
    """Whether the strip is there, at this size; a picture that was scaled is not recognised.

    Encoders repeat the last row and column to make sizes even, so one less is tried, too.
    """
    height, width = picture.shape[1:]
    grey = picture.float().mean(0)
    for across in (width, width - 1):
        try:
            wanted = strip(across)[0].float()
        except ValueError:
            continue
        for down in (height, height - 1):
            top = down - wanted.shape[0]
            if top > 0 and _likeness(grey[top:down, :across], wanted) > _ALIKE:
                return True
    return False


def _likeness(seen: Float32[Tensor, "h W"], wanted: Float32[Tensor, "h W"]) -> float:
    """Correlation, -1..1; 0 where either is flat."""
    a, b = seen - seen.mean(), wanted - wanted.mean()
    norm = float(a.norm() * b.norm())
    return float((a * b).sum()) / norm if norm > 1e-3 else 0.0


def _written(text: str) -> Bool[np.ndarray, "7 w"]:
    """Letters side by side, one column apart."""
    columns: list[Bool[np.ndarray, "7 w"]] = []
    for letter in text:
        rows = [[dot == "#" for dot in row] for row in _LETTERS[letter].split()]
        columns += [np.array(rows, bool), np.zeros((7, 1), bool)]
    return np.concatenate(columns[:-1], 1)
