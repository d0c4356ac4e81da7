"""Spectrograms of stems as small pictures.

A picture holds loudness as opacity and no colour: a style sheet gives it the colour of its stem.
All stems of a clip share one scale, so that a faint stem looks faint.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from torch import Tensor

_RANGE_DB = 58.0
_STEPS = 20  # of opacity: fewer make a smaller file
_SILENCE = 1e-10  # power


def pictures(power: Float[Tensor, "P B c"]) -> tuple[bytes, ...]:
    """A PNG per stem, the lowest band at the bottom.

    Args:
        power: of each stem, per band from low to high and column.
    """
    import cv2

    decibels = 10 * power.clamp_min(_SILENCE).log10()
    share = (1 + (decibels - decibels.max()) / _RANGE_DB).clamp(0, 1) * (power > _SILENCE)
    opacity = np.rint(share.flip(1).cpu().numpy() * _STEPS) * (255 / _STEPS)
    found = []
    for plane in opacity.astype(np.uint8):
        # [B, c] -> [B, c, 4]: black, and how much of it
        pixels = np.concatenate([np.zeros((*plane.shape, 3), np.uint8), plane[..., None]], -1)
        good, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 6])
        assert good
        found.append(data.tobytes())
    return tuple(found)
