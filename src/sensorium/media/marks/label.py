"""The visible mark: a white strip below the picture that says AI-GENERATED.

It stands below so that no face is hidden, in letters of whole pixels so that it stays sharp and
can be found again by comparing, as long as the picture is not cut, nor scaled from an odd width.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
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
_ALIKE = 0.75
"""Correlation from which a strip counts as found."""

USUAL = (64, 128, 256, 512, 1024)
"""Widths in pixels from which a scaled picture is recognised."""

_NARROWEST = 10  # pixels that AI needs
_LOWEST = 8  # rows of a scaled strip: of fewer, other pictures have such edges, too


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
    """Whether the strip is there, as it was made or scaled from one of the `USUAL` widths.

    Encoders repeat the last row and column to make sizes even, so one less is tried, too.
    """
    height, width = picture.shape[1:]
    grey = picture.float().mean(0).numpy()
    for across in (width, width - 1):
        if across < _NARROWEST:
            continue
        for wanted in _looks(across):
            for down in (height, height - 1):
                top = down - wanted.shape[0]
                if top > 0 and _likeness(grey[top:down, :across], wanted) > _ALIKE:
                    return True
    return False


def _looks(width: int) -> Iterator[Float32[np.ndarray, "h W"]]:
    """The strip at this width: as made for it, and as made for others and scaled."""
    yield strip(width)[0].float().numpy()
    for other in USUAL:
        made = strip(other)[0].float().numpy()
        rows = round(made.shape[0] * width / other)
        if other != width and rows >= _LOWEST:
            how = cv2.INTER_AREA if width < other else cv2.INTER_LINEAR
            yield cv2.resize(made, (width, rows), interpolation=how)


def _likeness(seen: Float32[np.ndarray, "h w"], wanted: Float32[np.ndarray, "h w"]) -> float:
    """Correlation, -1..1; 0 where either is flat."""
    a, b = seen - seen.mean(), wanted - wanted.mean()
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / norm if norm > 1e-3 else 0.0


def _written(text: str) -> Bool[np.ndarray, "7 w"]:
    """Letters side by side, one column apart."""
    columns: list[Bool[np.ndarray, "7 w"]] = []
    for letter in text:
        rows = [[dot == "#" for dot in row] for row in _LETTERS[letter].split()]
        columns += [np.array(rows, bool), np.zeros((7, 1), bool)]
    return np.concatenate(columns[:-1], 1)
