"""From linear light to the bytes of a picture."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float32, UInt8

from sensorium.worlds.blocks.vectors import ONE, ZERO, F, compiled

BRIGHTEST = 2.0
"""Light that is shown as 255; `kernels.put` cuts there."""

_STEPS = 4096


@cache
def curve() -> Float32[np.ndarray, " S"]:
    """Display values by the square root of the light: gamma 2.2 with a soft shoulder."""
    light = BRIGHTEST * np.linspace(0.0, 1.0, _STEPS) ** 2
    soft = light * (1 + light / BRIGHTEST**2) / (1 + light) * (1 + 1 / BRIGHTEST) / 1.5
    shown: Float32[np.ndarray, " S"] = (255 * soft ** (1 / 2.2)).astype(np.float32)
    return shown


@compiled
def develop(
    light: Float32[np.ndarray, "H W 3"],
    table: Float32[np.ndarray, " S"],
    seed: np.uint32,
    noise: np.float32,
    pixels: UInt8[np.ndarray, "H W 3"],
) -> None:
    """Looks light up in ``table`` and adds noise of a triangular distribution, ``noise`` wide."""
    state = np.uint32(seed)
    last, scale = F(table.shape[0] - 1), noise / F(65536)
    half = F(0.5)
    for row in range(light.shape[0]):
        for column in range(light.shape[1]):
            for k in range(3):
                state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
                a = np.int32(state >> np.uint32(16))
                state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
                b = np.int32(state >> np.uint32(16))
                index = int(np.sqrt(min(light[row, column, k] * half, ONE)) * last)
                value = table[index] + F(a - b) * scale + half
                pixels[row, column, k] = np.uint8(min(max(value, ZERO), F(255)))
