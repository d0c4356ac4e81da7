"""Spectrograms of stems as small pictures, made block by block, so that hours need no more memory.

Rows are on a logarithmic axis of frequency. Powers are averaged per column before decibels are
taken. All stems of a clip share one scale, so that a faint stem looks faint. The picture holds
loudness as opacity and no colour: a style sheet gives it the colour of its stem.
"""

from __future__ import annotations

from math import ceil

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

_COLUMNS = 1000  # at most
_ROWS = 72
_LOWEST = 60.0  # Hz
_HIGHEST = 12_000.0  # Hz, or half the rate
_WINDOW_SECONDS = 0.046
_RANGE_DB = 62.0
_STEPS = 20  # of opacity: fewer make a smaller file
_SILENCE = 1e-12  # power


class Spectrograms:
    """Power over time and frequency of S stems; channels are averaged.

    Attributes:
        lowest: frequency of the bottom row in Hz.
        highest: frequency of the top row in Hz.
        columns: of the pictures.

    Args:
        stems: how many.
        rate: in hertz.
        samples: that will come.
    """

    def __init__(self, stems: int, rate: int, samples: int) -> None:
        size = 1 << max(4, round(np.log2(_WINDOW_SECONDS * rate)))
        self.samples = max(samples, 1)
        self.columns = max(1, min(_COLUMNS, ceil(4 * self.samples / size)))
        self.lowest = min(_LOWEST, rate / 8)
        self.highest = min(_HIGHEST, rate / 2)
        self._size = size
        self._hop = max(size // 4, self.samples // (4 * self.columns))
        self._window = torch.hann_window(size)
        self._bands = _bands(size, rate, self.lowest, self.highest)
        self._tail = torch.zeros(stems, 0, size // 2)  # made as wide as the sound's channels
        self._frame = 0  # the next one
        self._begin = -(size // 2)  # of the tail, in samples
        self._heard = 0
        self._power = torch.zeros(stems, _ROWS, self.columns)
        self._frames = torch.zeros(self.columns)
        self._energy = torch.zeros(stems, self.columns, dtype=torch.float64)
        self._counts = torch.zeros(self.columns)

    def feed(self, block: Float32[Tensor, "S C n"]) -> None:
        """Take in the next samples."""
        if self._tail.shape[1] == 0:
            self._tail = block.new_zeros(*block.shape[:2], self._size // 2)
        self._add_levels(block)
        self._take(torch.cat([self._tail, block], -1))

    def _add_levels(self, block: Float32[Tensor, "S C n"]) -> None:
        """Energy and number of samples per column."""
        power, begin, count = block.square().mean(1), self._heard, block.shape[-1]
        self._heard += count
        first = begin * self.columns // self.samples
        last = min((begin + count - 1) * self.columns // self.samples, self.columns - 1)
        for column in range(first, last + 1):
            edges = [ceil((column + i) * self.samples / self.columns) - begin for i in (0, 1)]
            if column == self.columns - 1:
                edges[1] = count
            part = power[:, max(edges[0], 0) : edges[1]]
            self._energy[:, column] += part.sum(1)
            self._counts[column] += part.shape[1]

    def close(self) -> None:
        """Take in the last, half-filled frames."""
        self._take(torch.nn.functional.pad(self._tail, (0, self._size // 2)))

    def _take(self, sound: Float32[Tensor, "S C n"]) -> None:
        """Analyse the whole frames of ``sound``, which begins at ``self._begin``; keep its end."""
        first = self._frame * self._hop - self._size // 2 - self._begin
        count = (sound.shape[-1] - first - self._size) // self._hop + 1
        if count > 0:
            frames = sound[..., first:].unfold(-1, self._size, self._hop)[:, :, :count]
            power = torch.fft.rfft(frames * self._window).abs().square().mean(1)
            centres = (torch.arange(count) + self._frame) * self._hop
            column = (centres * self.columns // self.samples).clamp(0, self.columns - 1)
            rows = torch.einsum("sbf,rf->srb", power, self._bands)
            self._power.index_add_(2, column, rows)
            self._frames.index_add_(0, column, torch.ones(count))
            self._frame += count
        begin = max(0, self._frame * self._hop - self._size // 2 - self._begin)
        self._tail, self._begin = sound[..., begin:], self._begin + begin

    @property
    def levels(self) -> Float[Tensor, "S N"]:
        """Root mean square of each stem per column, -1..1 sound giving 0..1."""
        return (self._energy / self._counts.clamp(min=1)).sqrt().float()

    def pictures(self) -> list[bytes]:
        """A PNG per stem: opacity is loudness, the bottom row the lowest frequency."""
        import cv2

        power = self._power / self._frames.clamp(min=1)
        for column in range(1, self.columns):  # one that no frame's centre fell into
            if self._frames[column] == 0:
                power[..., column] = power[..., column - 1]
        decibels = 10 * power.clamp(min=_SILENCE).log10()
        loudest = float(decibels.max())
        share = (1 + (decibels - loudest) / _RANGE_DB).clamp(0, 1)
        if loudest <= 10 * np.log10(_SILENCE):
            share = torch.zeros_like(share)
        opacity = ((share * _STEPS).round() * (255 / _STEPS)).to(torch.uint8).flip(1).numpy()
        found = []
        for plane in opacity:
            # [R, N] -> [R, N, 4]: black, and how much of it
            pixels = np.concatenate([np.zeros((*plane.shape, 3), np.uint8), plane[..., None]], -1)
            good, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])
            assert good
            found.append(data.tobytes())
        return found


def _bands(size: int, rate: int, lowest: float, highest: float) -> Float[Tensor, "R F"]:
    """Triangles on a logarithmic axis, never narrower than a bin; each row sums to 1."""
    centres = np.geomspace(lowest, highest, _ROWS)
    step = rate / size
    frequencies = np.arange(size // 2 + 1) * step
    width = np.maximum(centres * ((highest / lowest) ** (1 / (_ROWS - 1)) - 1), step)
    weights = np.clip(1 - np.abs(frequencies - centres[:, None]) / width[:, None], 0, None)
    return torch.from_numpy(weights / weights.sum(1, keepdims=True)).float()
