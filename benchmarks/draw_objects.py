"""Draw docs/figures/objects-sheet.png: the objects under each cue, and one with its concepts.

Usage: python benchmarks/draw_objects.py
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sensorium.worlds.objects import CONCEPTS, CUES, Cue, classes, draw, split_seeds

OUT = Path(__file__).parents[1] / "docs" / "figures" / "objects-sheet.png"
_ZOOM, _LEFT, _TOP, _GAP = 2, 92, 20, 8
_EACH = 3


def _big(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``[3, S, S]`` to ``[zoom S, zoom S, 3]``."""
    return picture.transpose(1, 2, 0).repeat(_ZOOM, 0).repeat(_ZOOM, 1)


def _write(sheet: NDArray[np.uint8], words: str, x: int, y: int) -> None:
    cv2.putText(sheet, words, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (20,) * 3, 1, cv2.LINE_AA)


def _cue(cue: Cue) -> NDArray[np.uint8]:
    """Three pictures of each class, side by side, under the classes' names."""
    objects = draw(split_seeds("test", 600), cue)
    side = 32 * _ZOOM
    sheet = np.full((_TOP + _EACH * side + _GAP, _LEFT + 8 * (side + 2), 3), 255, np.uint8)
    _write(sheet, cue, 6, _TOP + side)
    for k, name in enumerate(classes(cue)):
        x = _LEFT + k * (side + 2)
        _write(sheet, name, x, _TOP - 6)
        for row, i in enumerate(np.flatnonzero(objects.label == k)[:_EACH]):
            y = _TOP + row * side
            sheet[y : y + side, x : x + side] = _big(objects.pixels[i])
    return sheet


def _concepts(width: int) -> NDArray[np.uint8]:
    """Pictures, and below each the concepts that its pixels belong to, one mask after another."""
    objects = draw(split_seeds("test", 8))
    masks = objects.concepts()
    side = 32 * _ZOOM
    sheet = np.full((_TOP + 7 * (side + 14), width, 3), 255, np.uint8)
    _write(sheet, "concepts", 6, _TOP + side)
    for i in range(len(objects)):
        x = _LEFT + i * (side + 2)
        sheet[_TOP : _TOP + side, x : x + side] = _big(objects.pixels[i])
        present = [c for c in range(len(CONCEPTS)) if masks[i, c].any()]
        for row, c in enumerate(present, 1):
            y = _TOP + row * (side + 14)
            grey = np.repeat(masks[i, c][None].astype(np.uint8) * 200 + 40, 3, 0)
            sheet[y : y + side, x : x + side] = _big(grey)
            _write(
                sheet,
                CONCEPTS[c].name.removesuffix(" shape").replace(" texture", " tex."),
                x,
                y - 3,
            )
    return sheet


def main() -> None:
    """Draws it."""
    parts = [_cue(cue) for cue in CUES]
    sheet = np.concatenate([*parts, _concepts(parts[0].shape[1])])
    cv2.imwrite(str(OUT), sheet[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(OUT, sheet.shape)


if __name__ == "__main__":
    main()
