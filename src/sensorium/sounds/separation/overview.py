"""What is kept of the stems for pictures: loudness over time, small spectrograms, window energies.

Gathered from the masks while the sound is separated, at the analysis rate, in bounded memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from sensorium.sounds.separation.windows import CrossFade, Windows
from sensorium.sounds.spectra import Spectra

BANDS = 64
_COLUMNS = 1024  # of a spectrogram, at most
_STEP = 4  # frames of a value of loudness


@dataclass(frozen=True)
class Overview:
    """The stems at a glance; the last of the P stems is the rest.

    Attributes:
        loudness: root mean square of the samples.
        loudness_seconds: of one value of it.
        spectrogram: mean power per band (from low to high, as the network hears) and column.
        column_seconds: of one column.
        energy: mean square of the samples in each window.

    Shape:
        ``loudness``: ``[P, n]``; ``spectrogram``: ``[P, 64, c]``, c at most 1024; ``energy``:
        ``[W, P]``.
    """

    loudness: Float[Tensor, "P n"]
    loudness_seconds: float
    spectrogram: Float[Tensor, "P B c"]
    column_seconds: float
    energy: Float[Tensor, "W P"]


class Gathering:
    """Gathers an `Overview` window by window, in order.

    Args:
        windows: of the sound.
        spectra: the signal path.
        stems: how many.
    """

    def __init__(self, windows: Windows, spectra: Spectra, stems: int) -> None:
        self.windows, self.spectra = windows, spectra
        self._fade = CrossFade(0, windows.frames)
        self._at = 0
        self._wide = -(-windows.frames // _COLUMNS)
        self._loudness = torch.zeros(stems, -(-windows.frames // _STEP))
        self._columns = torch.zeros(stems, BANDS, -(-windows.frames // self._wide))
        self._energy = torch.zeros(len(windows), stems)
        window = spectra.config.window
        self._scale = 2 / (0.375 * window**2)  # Parseval, for a Hann window

    def add(
        self, index: int, masks: Float[Tensor, "S F T"], magnitude: Float[Tensor, "F T"]
    ) -> None:
        """Take in a window's masks."""
        rest = (1 - masks.sum(0, keepdim=True)).clamp_min(0)
        power = (torch.cat([masks, rest]) * magnitude).square()
        bands = self.spectra.warp(power)
        bands = F.adaptive_avg_pool2d(bands, (BANDS, bands.shape[-1]))
        whole = power.sum(-2, keepdim=True) * self._scale
        inside = max(1, min(whole.shape[-1], self.windows.frames - self.windows.firsts[index]))
        self._energy[index] = whole[:, 0, :inside].mean(-1).cpu()
        both = torch.cat([whole, bands], 1).cpu()
        self._store(self._fade.add(self.windows.firsts[index], both))

    def finish(self) -> Overview:
        """All windows are in."""
        self._store(self._fade.finish())
        frames = self.windows.frames
        return Overview(
            loudness=(self._loudness / _per_cell(frames, _STEP)).sqrt(),
            loudness_seconds=_STEP * self.windows.frame_seconds,
            spectrogram=self._columns / _per_cell(frames, self._wide),
            column_seconds=self._wide * self.windows.frame_seconds,
            energy=self._energy,
        )

    def _store(self, done: Float[Tensor, "P R n"]) -> None:
        frames = torch.arange(self._at, self._at + done.shape[-1])
        self._loudness.index_add_(1, frames // _STEP, done[:, 0])
        self._columns.index_add_(2, frames // self._wide, done[:, 1:])
        self._at += done.shape[-1]


def _per_cell(frames: int, wide: int) -> Float[Tensor, " c"]:
    """How many frames fell into each cell."""
    cells = -(-frames // wide)
    counts = torch.full((cells,), float(wide))
    counts[-1] = frames - (cells - 1) * wide
    return counts
